"""The table of settings and what reads them: every file has its reader, and every test named is one of that program."""

from __future__ import annotations

import importlib
import platform
import subprocess

import pytest

from tests.page.drives import Table
from tests.page.readers import Readers, table, written

READERS = Readers()
TABLE = Table()
FILES = sorted({TABLE.short(file) for rows in TABLE.rows.values() for row in rows for file in row.files})


def _marked(node: str) -> set[str]:
    """Return the programs that a test cannot run without, by its markers and those of its module.

    :raises AttributeError: when there is no such test.
    """
    path, _, name = node.partition("::")
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    marks = [*getattr(getattr(module, name), "pytestmark", [])]
    of_module = getattr(module, "pytestmark", [])
    marks += of_module if isinstance(of_module, list) else [of_module]
    words = {word for mark in marks if getattr(mark, "name", "") == "program" for word in mark.args}
    for mark in marks:  # a case of a parameter may have markers of its own
        for case in mark.args[1] if getattr(mark, "name", "") == "parametrize" else ():
            for inner in getattr(case, "marks", ()):
                words |= set(inner.args) if inner.name == "program" else set()
    return words


@pytest.mark.parametrize("file", FILES)
def test_each_file_has_its_reader(file: str) -> None:
    """Each generated file is read by a program in a test, or a reason says why none can."""
    assert READERS.pattern_of(file) is not None, f"tests/page/readers.toml has no row for {file}"
    reader = READERS.of(file)
    assert bool(reader.program) != bool(reader.unread)
    assert bool(reader.program) == bool(reader.test)


@pytest.mark.parametrize(("path", "reader"), READERS.files, ids=[path for path, _ in READERS.files])
def test_each_test_named_is_one_of_the_program(path: str, reader: object) -> None:
    """The test that the table names exists, and is not run without the program; each row is of some file."""
    assert any(READERS.pattern_of(file) == path for file in FILES), "no file of drives.toml has this row"
    found = READERS.of(next(file for file in FILES if READERS.pattern_of(file) == path))
    assert found is reader
    if found.test:
        assert set(found.needs) <= _marked(found.test)


@pytest.mark.parametrize("setting", READERS.settings)
def test_a_setting_with_a_test_of_its_own(setting: str) -> None:
    """A setting with a test of its own is one of the table, and the test is one of a program."""
    rows = TABLE.rows[" ".join(setting.split()[:2])]
    assert setting.endswith(" *") or setting in {str(row.setting) for row in rows}
    assert _marked(READERS.settings[setting])


def test_the_document_has_the_table() -> None:
    """docs/daemons.md has the table as the data makes it."""
    assert written() == table(), "write it: python -m tests.page.readers"


@pytest.mark.parametrize("program", READERS.versions)
def test_the_versions_are_those_of_debian_12(program: str) -> None:
    """Where Debian 12 is, an installed program has the version that the table names."""
    package, version = READERS.versions[program]
    if platform.freedesktop_os_release().get("VERSION_ID") == "12":
        words = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        status, _, found = done.stdout.partition(" ")
        upstream = found.rpartition(":")[2]
        assert status != "installed" or upstream.startswith(version), f"{package} is {found}"
