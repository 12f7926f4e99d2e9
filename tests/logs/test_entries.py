"""What an entry of the journal becomes in a log."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith.logs.entries import is_cursor, read_entry, tai64n
from tests.logs.kit import NOON, as_value, entry

shown = runpy.run_path(str(Path(__file__).parents[2] / "commands/tai64nlocal.py"))["shown"]


def _text(value: object) -> bytes:
    found = read_entry(entry(7, value))
    assert found is not None
    return found.text


def test_the_stamp_is_that_of_the_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line begins with the time of its entry as TAI64N, which tai64nlocal shows."""
    monkeypatch.setenv("TZ", "UTC")
    assert _text("hello") == b"@%x00001b58 hello\n" % (2**62 + 10 + NOON // 10**6)
    assert tai64n(0) == b"@400000000000000a00000000"
    assert shown(tai64n(NOON + 1_500_000) + b" x\n").endswith(b":01.500000000 x\n")


@given(st.one_of(st.binary(max_size=60), st.lists(st.sampled_from([b"@40", b"\n", b"\r", b"\x1b[1A", b"\xff", b"a "]))))
def test_no_text_adds_a_line_with_a_stamp_of_its_own(drawn: bytes | list[bytes]) -> None:
    """Whatever a service prints, each line of the log begins with our stamp and has nothing that moves a cursor."""
    text = drawn if isinstance(drawn, bytes) else b"".join(drawn)
    stamp = tai64n(NOON + 7)
    lines = _text(as_value(text)).split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == text.count(b"\n") + 1
    for line in lines:
        assert line.startswith(stamp + b" ")
        assert all(char.isprintable() or char == "\t" for char in line.decode())


@given(st.text(st.characters(blacklist_categories=["C", "Z"]), max_size=50))
def test_a_printable_line_stays_as_it_is(text: str) -> None:
    """What a service prints is in the log as it is."""
    assert _text(as_value(text.encode()))[26:] == f"{text}\n".encode()


def test_forms_of_a_message() -> None:
    """A message may be bytes, several, null where it is too long, or missing; a long line stays one."""
    assert _text([104, 255, 105])[26:] == b"h\\xffi\n"
    assert _text(["one", [50]])[26:] == b"one\n" + tai64n(NOON + 7) + b" 2\n"
    assert _text(None) == b""
    assert _text([300, -1]) == b""
    assert _text("x" * 500_000)[26:] == b"x" * 500_000 + b"\n"


@pytest.mark.parametrize("field", ["__CURSOR", "__REALTIME_TIMESTAMP", "_SYSTEMD_UNIT"])
@pytest.mark.parametrize("value", [None, 5, [], "", "-1", "s=1;i=zz\n"])
def test_what_is_no_entry(field: str, value: object) -> None:
    """A line that is no entry of the journal is none, whatever it holds; a unit may have any name."""
    found = json.loads(entry(1, "x")) | {field: value}
    made = read_entry(json.dumps(found).encode())
    assert (made is None) != (field == "_SYSTEMD_UNIT" and isinstance(value, str))
    assert read_entry(b"[1]") is None
    assert read_entry(b'{"__CURSOR": "s=') is None
    assert read_entry(b"[" * 100_000) is None


def test_cursors() -> None:
    """What journalctl would not take for the name of an entry is not handed to it."""
    assert is_cursor("s=0639ba6c;i=1;b=0f;m=2;t=3;x=4")
    assert not is_cursor("s=1;i=2 --vacuum-size=1")
    assert not is_cursor("")
