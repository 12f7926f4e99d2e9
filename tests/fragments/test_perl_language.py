"""Fragments in Perl give, byte for byte, what the real Text::Template gives when it is driven directly.

The fragments are in the folder ``original``; ``original.pl`` expands them without a line of the engine.
"""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from esmith.fragments.perl.engine import PATH
from tests.fragments.kit import Contents, Trees
from tests.programs import path_of

HERE = Path(__file__).parent
TREE = HERE / "original"
DRIVER = HERE / "original.pl"
TEMPLATES = sorted(place.name for place in TREE.iterdir())

RECORDS: Contents = {
    "DomainName": ("example.com", {}),
    "SystemName": ("mail", {}),
    "SystemMode": ("servergateway", {}),
    "Count": ("41", {}),
    "Empty": ("", {}),
    "Name": ("Zoë €", {}),
    "1st": ("service", {"x": "odd"}),
    "sshd": ("service", {"TCPPort": "2222", "status": "enabled", "PermitRootLogin": "no"}),
    "php": ("service", {"MemoryLimit": "128M", "PostMaxSize": "20M", "Status": "on"}),
    "httpd-admin": ("service", {"TCPPort": "980", "status": "enabled"}),
    "piped": ("mapping", {"a": "b|c", "empty": ""}),
}
#: MORE_DATA, in Python and in Perl.
MORE: dict[str, tuple[Any, str]] = {
    "name": ("a text", "'a text'"),
    "number": (80, "80"),
    "nothing": (None, "undef"),
    "truth": (False, "''"),
    "DomainName": ("more.example", "'more.example'"),
    "items": (["one", "two", 3], "['one', 'two', 3]"),
    "options": ({"x": "1", "inner": {"deep": ["d"]}}, "{ x => '1', inner => { deep => ['d'] } }"),
}


def _expected(trees: Trees, place: Path, event: str | None) -> bytes:
    """Return what Text::Template makes of the fragments of a directory."""
    lines = [
        "\0".join([key, type, *(word for pair in sorted(props.items()) for word in pair)])
        for key, (type, props) in RECORDS.items()
    ]
    if place.name == "more_data":
        lines += [f"+{name}\0{perl}" for name, (_, perl) in MORE.items()]
    records = trees.path / "records"
    records.write_text("".join(f"{line}\n" for line in lines))
    environment = {
        "PATH": PATH,
        "HOME": "/",
        "LC_ALL": "C",
        "ESMITH_ROOT": str(trees.path),
        "PERL_HASH_SEED": "0",
        "PERL_PERTURB_KEYS": "0",
    }
    perl = path_of("perl")
    words = [perl, str(DRIVER), str(place), str(records), *([event] if event else [])]
    done = subprocess.run(words, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _install(trees: Trees, name: str) -> None:
    trees.snapshot.contents["configuration"] = dict(RECORDS)
    target = trees.place("templates", f"/{name}")
    shutil.copytree(TREE / name, target)
    if name != "text":
        (target / "template-begin").touch()


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize("event", [None, "email-update"], ids=["no event", "an event"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_same_bytes_as_text_template(trees: Trees, name: str, event: str | None) -> None:
    """Every fragment of a template, one after the other in one package, gives the bytes that Text::Template gives."""
    _install(trees, name)
    expected = _expected(trees, TREE / name, event)
    trees.event = event or ""
    variables = {key: value for key, (value, _) in MORE.items()} if name == "more_data" else {}
    with trees.renderer() as renderer:
        text, _ = renderer.text(f"/{name}", variables)
    assert text.encode("utf-8", "surrogateescape").splitlines(keepends=True) == expected.splitlines(keepends=True)


def test_there_are_enough() -> None:
    """The tree has more than a hundred fragments, and their engine is recognised, but for a few."""
    fragments = [place for place in TREE.glob("*/[0-9]*") if b"{" in place.read_bytes()]
    named = [name for file in TREE.glob("*/template.toml") for name in tomllib.loads(file.read_text())["engine"]]
    assert len(fragments) > 100
    assert len(named) < 5
