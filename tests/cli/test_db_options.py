"""The options of ``db`` and ``config``: --root, --json, --force."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from esmith.cli.json_output import records_json
from esmith.errors import ExitCode, UsageError
from esmith.layout import Layout
from esmith.store import open_store
from tests.commands import Root
from tests.store.stores import bare_root


@pytest.fixture
def bare(tmp_path: Path) -> Root:
    """Return a root with the commands and an empty store."""
    return bare_root(tmp_path / "root")


@pytest.fixture
def other(bare: Root, tmp_path: Path) -> Path:
    """Return a second root; both have a record k, with the value first and second."""
    second = bare_root(tmp_path / "second")
    bare.config("set", "k", "first")
    second.config("set", "k", "second")
    return second.path


@pytest.mark.parametrize(
    "words",
    [
        ["config", "--root", "ROOT", "get", "k"],
        ["config", "--root=ROOT", "get", "k"],
        ["config", "get", "--root", "ROOT", "k"],
        ["config", "get", "--root=ROOT", "k"],
        ["db", "--root", "ROOT", "configuration", "get", "k"],
        ["db", "configuration", "--root", "ROOT", "get", "k"],
        ["db", "configuration", "get", "--root", "ROOT", "k"],
    ],
    ids=" ".join,
)
def test_root(bare: Root, other: Path, words: list[str]) -> None:
    """--root DIR, in any place before the key, comes before ESMITH_ROOT."""
    program, *rest = (word.replace("ROOT", str(other)) for word in words)
    assert bare.run(program, *rest).out == "second\n"
    assert bare.config("get", "k").out == "first\n"


def test_root_for_writing(bare: Root, other: Path) -> None:
    """A setting written with --root lands there and nowhere else."""
    bare.config("--root", str(other), "set", "k", "changed")
    assert bare.config("get", "k").out == "first\n"
    assert bare.run("config", "get", "k", env={"ESMITH_ROOT": str(other)}).out == "changed\n"


def test_a_relative_root(bare: Root, other: Path) -> None:
    """A relative root is taken from the current directory, with a slash at the end or not."""
    relative = os.path.relpath(other)
    for root in (relative, f"{relative}/", f"./{relative}/."):
        assert bare.config("--root", root, "get", "k").out == "second\n"


@pytest.mark.parametrize(
    "words", [["--root"], ["get", "--root"], ["--root", "/nonexistent", "get", "k"], ["--root=/dev/null", "get", "k"]]
)
def test_no_such_root(bare: Root, words: list[str]) -> None:
    """A root that is missing, no directory, or not named is a usage error."""
    answer = bare.config(*words, code=ExitCode.USAGE)
    assert answer.out == ""
    assert "root" in answer.err
    assert len(answer.err.splitlines()) <= 2


@pytest.mark.parametrize("words", [["--root", ""], ["--root="]], ids=["word", "equals"])
def test_an_empty_root(bare: Root, words: list[str]) -> None:
    """An empty --root, as an unset variable of a script gives, is refused: it must not mean another root."""
    bare.config("set", "k", "v")
    answer = bare.config(*words, "set", "k", "changed", code=ExitCode.USAGE)
    assert "root" in answer.err
    assert bare.config("get", "k").out == "v\n"


def test_a_root_without_databases(bare: Root, tmp_path: Path) -> None:
    """A directory without databases says how to make them, and is left alone."""
    empty = tmp_path / "empty"
    empty.mkdir()
    for words in (["keys"], ["set", "k", "v"]):
        answer = bare.config("--root", str(empty), *words, code=ExitCode.STORE)
        assert f"esmith --root {empty} init" in answer.err
    assert list(empty.iterdir()) == []


def test_a_root_whose_name_is_odd(tmp_path: Path) -> None:
    """A root may have blanks, quotes and letters of any script in its path."""
    root = bare_root(tmp_path / "a b'c\"d é日")
    root.config("set", "k", "v")
    assert root.config("get", "k").out == "v\n"


def test_a_root_whose_name_is_not_utf8(bare: Root, tmp_path: Path) -> None:
    """A root whose path is not UTF-8 works or is refused in a line or two."""
    odd = tmp_path / "x\udcff"
    shutil.copytree(bare.path, odd)
    for words in (["keys"], ["set", "k", "v"]):
        answer = bare.run("config", *words, env={"ESMITH_ROOT": str(odd)}, code=None)
        assert answer.code in (ExitCode.OK, ExitCode.FAILED, ExitCode.USAGE, ExitCode.STORE)
        assert len(answer.err.splitlines()) <= 2


RECORDS = [
    {"name": "empty", "type": ""},
    {"name": "k", "type": "v", "props": {"p": "a|b", "é": ""}},
]

#: Words and what they print as JSON.
JSON: dict[str, object] = {
    "show": RECORDS,
    "print": RECORDS,
    "show k": RECORDS[1],
    "print k": RECORDS[1],
    "get k": RECORDS[1],
    "get empty": RECORDS[0],
    "keys": ["empty", "k"],
}


@pytest.fixture
def filled(bare: Root) -> Root:
    """Return a root with two records in the database t."""
    bare.db("t", "set", "k", "v", "p", "a|b", "é", "")
    bare.db("t", "set", "empty", "")
    return bare


@pytest.mark.parametrize(("words", "data"), JSON.items())
def test_json(filled: Root, words: str, data: object) -> None:
    """With --json records are objects with name, type and (if any) props; one line, in UTF-8."""
    for place in range(3):
        line = ["t", *words.split()]
        line.insert(place, "--json")
        answer = filled.db(*line)
        assert answer.out.count("\n") == 1
        assert "\\u" not in answer.out
        assert json.loads(answer.out) == data


@pytest.mark.parametrize(
    ("database", "words"),
    [("t", ["show", "nosuch"]), ("t", ["get", "nosuch"]), ("nosuch", ["get", "k"]), ("nosuch", ["show"])]
    + [("nosuch", ["keys"]), ("nosuch", ["print"])],
)
def test_json_of_what_is_missing(filled: Root, database: str, words: list[str]) -> None:
    """--json changes the form, not the answer: what is missing is exit 1 and no output."""
    answer = filled.db(database, "--json", *words, code=ExitCode.FAILED)
    assert (answer.out, answer.err) == ("", "")


def test_a_verb_without_json(filled: Root) -> None:
    """A verb that has no JSON form is a mistake; all that read today have one (tests/cli/test_json_shapes.py)."""
    with (
        open_store(Layout(str(filled.path))).snapshot() as snapshot,
        pytest.raises(UsageError, match="other has no --json form"),
    ):
        records_json(snapshot, "t", "other", ["k"])


def test_force(root: Root) -> None:
    """--force, in any place before the key, stores what the schema refuses; after the key it is a value."""
    for number, words in enumerate(
        (["--force", "setprop"], ["setprop", "--force"]),
    ):
        value = f"maybe{number}"
        assert "is not one of" in root.config("setprop", "qpsmtpd", "DNSBL", value, code=ExitCode.REFUSED).err
        root.config(*words, "qpsmtpd", "DNSBL", value)
        assert root.config("getprop", "qpsmtpd", "DNSBL").out == f"{value}\n"
    root.config("setprop", "qpsmtpd", "Note", "--force", "--json", "--root")
    assert root.config("printprop", "qpsmtpd", "Note", "--json").out == "Note=--force\n--json=--root\n"


def test_a_reader_that_stops_early(filled: Root) -> None:
    """``db t show | head -1`` is not an error."""
    filled.db("t", "set", "long", "v", *(word for number in range(400) for word in (f"p{number}", "x" * 200)))
    script = f'"{filled.path}/sbin/e-smith/db" t show | head -1; echo "${{PIPESTATUS[0]}}"'
    filled.write("/sbin/e-smith/pipe", f"#!/bin/bash\n{script}\n", mode=0o755)
    answer = filled.run("pipe")
    assert (answer.out, answer.err) == ("empty=\n0\n", "")
