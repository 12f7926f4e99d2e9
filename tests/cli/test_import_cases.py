"""``esmith import``: all cases of what is found in a file, and of the options that decide what happens then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from esmith.errors import ExitCode
from tests.commands import Answer, Root

GOOD = "k=line|Note|one\n"
#: One thing that cannot be stored, beside one that can.
BAD = "k=line|Note|one\nm=line|Note|one\\ntwo|City|M\n"

SKIP, DRY = "--skip-refused", "--dry-run"
ONE = "1 thing cannot be stored; "
REST, NOTHING = f"{ONE}the rest was imported", f"{ONE}nothing was imported"
HINT = "correct the files, or leave it out with --skip-refused"


class Case(NamedTuple):
    """One import.

    :param text: the file.
    :param words: the options.
    :param line: what is reported of the file.
    :param error: the error, "" for none.
    :param hint: what the error says to do.
    :param keys: the records afterwards.
    """

    text: str
    words: list[str]
    line: str
    error: str = ""
    hint: str = ""
    keys: str = ""


CASES = {
    "good": Case(GOOD, [], "1 record, 2 settings changed", keys="k"),
    "good, skip": Case(GOOD, [SKIP], "1 record, 2 settings changed", keys="k"),
    "good, dry": Case(GOOD, [DRY], "1 record, 2 settings would change"),
    "good, skip, dry": Case(GOOD, [SKIP, DRY], "1 record, 2 settings would change"),
    "bad": Case(BAD, [], "2 records", NOTHING, HINT),
    "bad, skip": Case(BAD, [SKIP], "2 records, 4 settings changed", REST, keys="k m"),
    "bad, dry": Case(BAD, [DRY], "2 records", NOTHING, HINT),
    "bad, skip, dry": Case(BAD, [SKIP, DRY], "2 records, 4 settings would change", NOTHING),
}


@pytest.fixture(params=CASES.values(), ids=[*CASES])
def case(request: pytest.FixtureRequest) -> Case:
    """Return each of the cases."""
    found: Case = request.param
    return found


@pytest.fixture
def file(tmp_path: Path, case: Case) -> Path:
    """Return the file of the case."""
    place = tmp_path / "own"
    place.write_text(case.text)
    return place


def _check_error(answer: Answer, case: Case) -> None:
    expected = [f"esmith: {case.error}", *([f"  {case.hint}"] if case.hint else [])] if case.error else []
    assert answer.err.splitlines() == expected
    assert answer.code == (ExitCode.REFUSED if case.error else ExitCode.OK)


def test_what_is_imported(root: Root, file: Path, case: Case) -> None:
    """What cannot be stored keeps all from being imported, or only itself; the report says which of the two it was."""
    answer = root.esmith("import", *case.words, str(file), code=None)
    assert f"{file}: {case.line}" in answer.out.splitlines()
    _check_error(answer, case)
    assert root.db("own", "keys", code=None).out.split() == case.keys.split()


def test_what_is_imported_as_json(root: Root, file: Path, case: Case) -> None:
    """--json says the same as an object; "imported" is true when something was stored."""
    answer = root.esmith("import", "--json", *case.words, str(file), code=None)
    data = json.loads(answer.out)
    records, _, settings = case.line.partition(", ")
    assert data["imported"] is bool(case.keys)
    assert [found["file"] for found in data["files"]] == [str(file)]
    assert data["files"][0]["records"] == int(records.split()[0])
    assert data["files"][0]["changes"] == (int(settings.split()[0]) if settings else 0)
    _check_error(answer, case)
    assert root.db("own", "keys", code=None).out.split() == case.keys.split()


BROKEN = "nonsense = 1\n"

#: Which of two databases has a broken schema file, and whether it is a dry run.
BREAKS: dict[str, tuple[str, list[str]]] = {
    "the first": ("configuration", []),
    "the second": ("domains", []),
    "the first, dry": ("configuration", [DRY]),
    "the second, dry": ("domains", [DRY]),
}


@pytest.mark.parametrize(("database", "words"), BREAKS.values(), ids=BREAKS.keys())
def test_an_error_on_the_way(root: Root, tmp_path: Path, database: str, words: list[str]) -> None:
    """An error ends the import, and nothing is imported, also of the databases before it."""
    (tmp_path / "configuration").write_text("DomainName=old.example\n")
    (tmp_path / "domains").write_text("old.example=domain\n")
    root.write(f"/etc/e-smith/db/{database}/broken.toml", BROKEN)
    answer = root.esmith("import", *words, str(tmp_path / "configuration"), str(tmp_path / "domains"), code=None)
    assert answer.code == ExitCode.TEMPLATE
    assert "broken.toml" in answer.err
    assert answer.err.rstrip().endswith("nothing was imported")
    assert answer.out == ""
    root.file(f"/etc/e-smith/db/{database}/broken.toml").unlink()
    assert root.config("get", "DomainName").out != "old.example\n"


def test_others_are_completed(root: Root, tmp_path: Path) -> None:
    """A setting of another database that follows from what was imported is counted for that database."""
    (tmp_path / "configuration").write_text("DomainName=old.example\n")
    answer = root.esmith("import", str(tmp_path / "configuration"))
    lines = [line for line in answer.out.splitlines() if not line.startswith(str(tmp_path))]
    assert lines[0] == "domains: 5 settings completed"


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize("text", [GOOD, BAD], ids=["good", "bad"])
def test_a_database_that_cannot_be_completed(root: Root, tmp_path: Path, text: str) -> None:
    """When a migrate fragment of another database fails, the report is printed first; what was refused goes before."""
    (tmp_path / "own").write_text(text)
    root.write("/etc/e-smith/db/domains/migrate/50broken", "{ die 'no reason'; }\n")
    code = ExitCode.PARTIAL if text == GOOD else ExitCode.REFUSED
    answer = root.esmith("import", "--skip-refused", str(tmp_path / "own"), code=code)
    assert any(line.startswith(f"{tmp_path}/own: ") for line in answer.out.splitlines())
    assert ("no reason" in answer.err) is (text == GOOD)
    assert "k" in root.db("own", "keys").out.split()
