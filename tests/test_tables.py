"""Reading TOML files: what a table may hold, and what a message says about a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith import tables
from esmith.errors import SchemaError
from esmith.tables import FLAG, INTEGER, NAME, NUMBER, SECONDS, TABLE, TEXT, TEXT_TABLE, TEXTS, TomlFile, Type

KEYS = {"port": INTEGER, "address": TEXT}
#: TOML, and the types that accept it.
VALUES: dict[str, set[Type]] = {
    "true": {FLAG},
    "1": {INTEGER, NUMBER, SECONDS},
    "1.5": {NUMBER, SECONDS},
    "1_000_000": {INTEGER, NUMBER, SECONDS},
    "1_000_001": {INTEGER, NUMBER},
    "1e300": {NUMBER},
    "0x7fffffffffffffff": {INTEGER, NUMBER},
    "0x8000000000000000": set(),
    "inf": set(),
    "-inf": set(),
    "nan": set(),
    '""': {TEXT},
    '"x"': {TEXT, NAME},
    "[]": {TEXTS},
    '["x"]': {TEXTS},
    '["x", 1]': set(),
    "{}": {TABLE, TEXT_TABLE},
    '{ a = "x" }': {TABLE, TEXT_TABLE},
    '{ a = "x", b = 1 }': {TABLE},
    "2026-11-28": set(),
}


def written(path: Path, text: str) -> TomlFile:
    """Return a file with a text, as it is read."""
    file = path / "a.toml"
    file.write_text(text)
    return TomlFile(str(file), SchemaError)


@pytest.mark.parametrize("toml", VALUES)
def test_types(tmp_path: Path, toml: str) -> None:
    """Each type accepts its values and no others; true is not a number."""
    value = written(tmp_path, f"key = {toml}\n").data["key"]
    types = (FLAG, INTEGER, NAME, NUMBER, SECONDS, TABLE, TEXT, TEXT_TABLE, TEXTS)
    assert {type for type in types if type.accepts(value)} == VALUES[toml]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("port = '25'", "port must be a whole number, not '25'", "correct the file"),
        ("port = true", "port must be a whole number, not true", "correct the file"),
        (f"port = 0x{'f' * 5000}", "port must be a whole number, not a number that is too long", "correct the file"),
        ("prot = 25", "unknown key 'prot'", "did you mean 'port'?"),
        ("xyzzy = 25", "unknown key 'xyzzy'", "the keys are port, address"),
        (
            "address = [" + "'123456789', " * 20 + "]",
            "address must be a string, not ['123456789', ",
            "correct the file",
        ),
    ],
)
def test_a_mistake(tmp_path: Path, text: str, message: str, hint: str) -> None:
    """The error names the file, the key, the type it must have and the value, which is cut where it is long."""
    file = written(tmp_path, text)
    with pytest.raises(SchemaError) as caught:
        file.check(file.data, KEYS)
    assert caught.value.place == file.path
    assert caught.value.message.startswith(message)
    assert len(caught.value.message) < 120
    assert caught.value.hint == hint


def test_a_mistake_in_a_table(tmp_path: Path) -> None:
    """The error names the table as it stands in the file, also when it is something else."""
    file = written(tmp_path, "[smtp]\nport = ''\n")
    with pytest.raises(SchemaError, match=r"\[smtp\] port must be a whole number, not ''"):
        file.check(file.data["smtp"], KEYS, "smtp")
    file = written(tmp_path, "smtp = 25\n")
    with pytest.raises(SchemaError, match=r"smtp must be a table, not 25\n  write \[smtp\]"):
        file.check(file.data["smtp"], KEYS, "smtp")


def test_several_types() -> None:
    """A type that is made of others accepts what one of them does, and its name says so."""
    kind = tables.either(TEXTS, tables.one_of("all", "none"))
    values: list[object] = [["a"], "all", "some", [1], {}]
    assert [kind.accepts(value) for value in values] == [True, True, False, False, False]
    assert kind.name == "a list of strings or one of 'all', 'none'"
    several = tables.list_of("a", "b")
    assert [several.accepts(value) for value in ([], ["b", "a"], ["c"], "a")] == [True, True, False, False]


def test_no_toml(tmp_path: Path) -> None:
    """A file that is not TOML is an error of the caller's class that names it; a missing one is the system's."""
    with pytest.raises(SchemaError, match=r"a\.toml: cannot be read: .*\n  correct the file"):
        written(tmp_path, "port = \n")
    with pytest.raises(SchemaError, match=r"a\.toml: cannot be read: maximum recursion depth"):
        written(tmp_path, f"port = {'[' * 5000}\n")
    with pytest.raises(FileNotFoundError):
        TomlFile(str(tmp_path / "none"), SchemaError)
