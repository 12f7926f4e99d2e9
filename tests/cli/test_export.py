"""``esmith export``: databases as files of the original."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.store.flat import read_as_the_original
from tests.store.stores import opened


def records(text: str) -> str:
    """Return a file without its comments."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def test_one_database_is_printed(root: Root) -> None:
    """A single database is printed as a file of the original: its comment first, records and properties sorted."""
    root.db("own", "set", "b", "t", "z", "1", "A", "x|y")
    root.db("own", "set", "a", "v")
    answer = root.esmith("export", "own")
    assert answer.err == ""
    assert answer.out.startswith("# DO NOT MODIFY THIS FILE.\n# This file is automatically maintained")
    assert records(answer.out) == "a=v\nb=t|A|x\\|y|z|1\n"


@pytest.mark.program("perl")
def test_all_to_a_directory(office: Root, tmp_path: Path) -> None:
    """--to writes a file for each database, closed to others, in a directory that is closed too."""
    target = tmp_path / "export"
    umask = os.umask(0o022)
    try:
        answer = office.esmith("export", "--to", str(target))
    finally:
        os.umask(umask)
    with opened(office.path, write=False) as store, store.snapshot() as snapshot:
        stored = {name: {record.key: record for record in snapshot.records(name)} for name in snapshot.databases()}
    assert answer.out.splitlines() == [f"{target}/{name}" for name in stored]
    assert sorted(os.listdir(target)) == sorted(stored)
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    for name, found in stored.items():
        assert stat.S_IMODE((target / name).stat().st_mode) == 0o640
        assert read_as_the_original((target / name).read_bytes()) == found
    assert "jack" in stored["accounts"]


def test_export_and_import_of_another_root(office: Root, tmp_path: Path) -> None:
    """What was exported from one root and imported with --replace into another is the same there."""
    office.config("setprop", "qpsmtpd", "Odd", "C:\\new|x\\", "Note", " both ")
    office.esmith("export", "--to", str(tmp_path / "export"))
    answer = office.esmith("import", "--replace", str(tmp_path / "export"))
    assert answer.out.count(", 0 settings changed") == len(os.listdir(tmp_path / "export"))
    other = Root(tmp_path / "other")
    office.esmith("--root", str(other.path), "init")
    office.esmith("--root", str(other.path), "import", "--replace", str(tmp_path / "export"))
    for name in os.listdir(tmp_path / "export"):
        assert other.db(name, "print", code=None).out == office.db(name, "print", code=None).out


@pytest.mark.program("perl")
def test_what_the_original_reads_otherwise(root: Root) -> None:
    """A value the original knows no way to write is exported with a comment and a warning; import reads it right."""
    root.db("own", "set", "k", "t", "Path", "C:\\new", "a", "x\\", "b", "y\\")
    answer = root.esmith("export", "own")
    warned = [line.removeprefix("esmith: ").partition(":")[0] for line in answer.err.splitlines()]
    assert warned == ["own k Path", "own k a", "own k b"]
    assert read_as_the_original(answer.out.encode())["k"].props["Path"] == "C:\new"
    root.run("esmith", "import", "--database", "again", "/dev/stdin", stdin=answer.out)
    assert root.db("again", "print").out == root.db("own", "print").out


def test_only_those_named(root: Root, tmp_path: Path) -> None:
    """Databases that are named are exported, each once; one that does not exist is an error, and none is written."""
    target = tmp_path / "export"
    root.esmith("export", "domains", "accounts", "domains", "--to", str(target))
    assert sorted(os.listdir(target)) == ["accounts", "domains"]
    answer = root.esmith("export", "hosts", "nosuch", "--to", str(target), code=ExitCode.USAGE)
    assert "there is no database 'nosuch'" in answer.err
    assert sorted(os.listdir(target)) == ["accounts", "domains"]
    for words in ([], ["domains", "accounts"]):
        assert "--to DIR" in root.esmith("export", *words, code=ExitCode.USAGE).err


def test_the_store_is_safe(root: Root) -> None:
    """An export to the directory of the databases never replaces the store's own file."""
    directory = root.file("/home/e-smith/db")
    root.db("data.mdb", "set", "k", "v")
    answer = root.esmith("export", "--to", str(directory), code=ExitCode.STORE)
    assert "data.mdb: is a file of the store" in answer.err
    assert root.db("data.mdb", "get", "k").out == "v\n"
    root.esmith("export", "domains", "--to", str(directory))
    assert records((directory / "domains").read_text()).startswith("example.com=domain|")


@pytest.mark.parametrize("target", ["no/such/directory", "file"])
def test_where_nothing_can_be_written(root: Root, tmp_path: Path, target: str) -> None:
    """A directory that cannot be made, or is none, is an error that names it."""
    (tmp_path / "file").touch()
    answer = root.esmith("export", "domains", "--to", str(tmp_path / target), code=ExitCode.STORE)
    assert f"{tmp_path}/{target}" in answer.err
    assert len(answer.err.splitlines()) <= 2
