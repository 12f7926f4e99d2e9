"""JSON of commands that change a setting: as the module ``json`` has it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith import quick_json
from esmith.quick_json import dumps, loads
from tests.examples import examples

_TREE = Path(__file__).parent.parent
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3) | st.dictionaries(st.text(), _SCALARS, max_size=3)


@settings(max_examples=examples(50), deadline=None)
@given(st.dictionaries(st.text(), _VALUES, max_size=3))
def test_it_is_that_of_json(data: dict[str, Any]) -> None:
    """What is written is the same to the byte, and is read as the same."""
    text = dumps(data)
    assert text == json.dumps(data).encode()
    assert loads(b" \t" + text + b"\r\n") == json.loads(text) == data


@settings(max_examples=examples(50), deadline=None)
@given(st.text('[]{}",:0123e+-.truefalsn \\\n', max_size=8).map(str.encode) | st.binary(max_size=4))
def test_what_is_no_json(text: bytes) -> None:
    """What the module json refuses is refused, and else the same is read; but for numbers that are none."""
    try:
        expected = json.loads(text.decode())
    except ValueError:
        expected = ValueError
    try:
        found = loads(text)
    except ValueError:
        found = ValueError
    assert found == expected


@pytest.mark.parametrize("text", [b"NaN", b'{"a": -Infinity}', b"", b"{} {}", b"\xff", b"\xef\xbb\xbf{}"])
def test_what_is_refused(text: bytes) -> None:
    """Numbers that are none, more than one value, none, and other encodings are refused."""
    with pytest.raises(ValueError, match=r"."):
        loads(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), b"x"])
def test_what_cannot_be_written(value: object) -> None:
    """What is not JSON is not written."""
    with pytest.raises(ValueError, match=r"."):
        dumps({"a": value})


def test_without_what_it_is_built_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the module json is built on something else, it is asked, with the same results."""
    import importlib

    data = {"a": [1, None, "ö"]}
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "_json", None)
        other = importlib.util.module_from_spec(quick_json.__spec__)
        quick_json.__spec__.loader.exec_module(other)  # type: ignore[union-attr]
    assert other.dumps(data) == dumps(data)
    assert other.loads(dumps(data)) == data
    for text in (b"NaN", b"{} {}", b"{", b""):
        with pytest.raises(ValueError, match=r"."):
            other.loads(text)
    with pytest.raises(ValueError, match=r"."):
        other.dumps({"a": math.nan})


#: Reads texts in a Python that has not loaded the module json, and prints those that are neither read nor refused.
_ALONE = """
import sys
from esmith.quick_json import loads
assert "json" not in sys.modules
for text in sys.argv[1:]:
    try:
        loads(text.encode())
    except ValueError:
        pass
assert "json" not in sys.modules
"""


def test_what_is_no_json_where_json_is_not_loaded() -> None:
    """Damaged texts are refused by a command that has not loaded the module json, which has the error in C."""
    texts = ['{"half', "{", "[1,", '"a', '"\\', '"\\ud8', '{"a"}', "{1: 2}", "[1 2]", "nul", "-", "1e", "", "{}"]
    found = subprocess.run(
        [sys.executable, "-IS", "-c", f"import sys; sys.path.insert(0, {str(_TREE)!r})\n{_ALONE}", *texts],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.stderr, found.returncode) == ("", 0)
