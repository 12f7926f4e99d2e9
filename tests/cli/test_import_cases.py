"""``esmith import``: all cases of what is found in a file, and of the options that decide what happens then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import Root

GOOD = "k=line|Note|one\n"
#: One thing that cannot be stored, beside one that can.
BAD = "k=line|Note|one\nm=line|Note|one\\ntwo|City|M\n"

SKIP, DRY = "--skip-refused", "--dry-run"
ONE = "1 thing cannot be stored; "
REST, NOTHING = f"{ONE}the rest was imported", f"{ONE}nothing was imported"
HINT = "correct the files, or leave it out with --skip-refused"

#: The text of the file and the options; the exit code, the line about the file, the error, its hint, and the records
#: afterwards.
CASES: dict[str, tuple[str, list[str], int, str, str, str, str]] = {
    "good": (GOOD, [], ExitCode.OK, "1 record, 2 settings changed", "", "", "k"),
    "good, skip": (GOOD, [SKIP], ExitCode.OK, "1 record, 2 settings changed", "", "", "k"),
    "good, dry": (GOOD, [DRY], ExitCode.OK, "1 record, 2 settings would change", "", "", ""),
    "good, skip, dry": (GOOD, [SKIP, DRY], ExitCode.OK, "1 record, 2 settings would change", "", "", ""),
    "bad": (BAD, [], ExitCode.REFUSED, "2 records", NOTHING, HINT, ""),
    "bad, skip": (BAD, [SKIP], ExitCode.REFUSED, "2 records, 4 settings changed", REST, "", "k m"),
    "bad, dry": (BAD, [DRY], ExitCode.REFUSED, "2 records", NOTHING, HINT, ""),
    "bad, skip, dry": (BAD, [SKIP, DRY], ExitCode.REFUSED, "2 records, 4 settings would change", NOTHING, "", ""),
}


@pytest.mark.parametrize(("text", "words", "code", "line", "error", "hint", "keys"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_what_is_imported(
    root: Root,
    tmp_path: Path,
    text: str,
    words: list[str],
    code: int,
    line: str,
    error: str,
    hint: str,
    keys: str,
    as_json: bool,
) -> None:
    """What cannot be stored keeps all from being imported, or only itself; the report says which of the two it was."""
    file = tmp_path / "own"
    file.write_text(text)
    answer = root.esmith("import", *words, *(["--json"] if as_json else []), str(file), code=code)
    if as_json:
        data = json.loads(answer.out)
        assert data["imported"] is bool(keys)
        (found,) = data["files"]
        shown = f"{found['records']} record{'' if found['records'] == 1 else 's'}"
        assert line.split(", ")[0] == shown
        assert found["changes"] == (int(line.split(", ")[1].split()[0]) if ", " in line else 0)
    else:
        assert f"{file}: {line}" in answer.out.splitlines()
    expected = [f"esmith: {error}", *([f"  {hint}"] if hint else [])] if error else []
    assert answer.err.splitlines() == expected
    assert root.db("own", "keys", code=None).out.split() == keys.split()


BROKEN = "nonsense = 1\n"
IMPORTED = "esmith: imported before this happened: configuration; import again when it is mended"

#: Whether the first of two databases has a broken schema file, whether it is a dry run; what is said, what is there.
BREAKS: dict[str, tuple[str, list[str], list[str], bool]] = {
    "the first": ("configuration", [], [], False),
    "the second": ("domains", [], [IMPORTED], True),
    "the first, dry": ("configuration", [DRY], [], False),
    "the second, dry": ("domains", [DRY], [], False),
}


@pytest.mark.parametrize(("database", "words", "said", "imported"), BREAKS.values(), ids=BREAKS.keys())
def test_an_error_on_the_way(
    root: Root, tmp_path: Path, database: str, words: list[str], said: list[str], imported: bool
) -> None:
    """An error ends the import; the databases that were imported before it are named."""
    (tmp_path / "configuration").write_text("DomainName=old.example\n")
    (tmp_path / "domains").write_text("old.example=domain\n")
    root.write(f"/etc/e-smith/db/{database}/broken.toml", BROKEN)
    answer = root.esmith("import", *words, str(tmp_path / "configuration"), str(tmp_path / "domains"), code=None)
    assert answer.code == ExitCode.TEMPLATE
    assert [line for line in answer.err.splitlines() if "before this" in line] == said
    assert "broken.toml" in answer.err
    assert answer.out == ""
    for name in ("configuration", "domains"):
        root.file(f"/etc/e-smith/db/{name}/broken.toml").unlink(missing_ok=True)
    assert (root.config("get", "DomainName").out == "old.example\n") is imported


def test_others_are_completed(root: Root, tmp_path: Path) -> None:
    """A setting of another database that follows from what was imported is counted for that database."""
    (tmp_path / "configuration").write_text("DomainName=old.example\n")
    answer = root.esmith("import", str(tmp_path / "configuration"))
    lines = [line for line in answer.out.splitlines() if not line.startswith(str(tmp_path))]
    assert lines == ["domains: 5 settings completed"]


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize("text", [GOOD, BAD], ids=["good", "bad"])
def test_a_database_that_cannot_be_completed(root: Root, tmp_path: Path, text: str) -> None:
    """When another database cannot be completed, the report is printed first; what was refused is the error then."""
    (tmp_path / "own").write_text(text)
    root.write("/etc/e-smith/db/domains/migrate/50broken", "{ die 'no reason'; }\n")
    code = ExitCode.TEMPLATE if text == GOOD else ExitCode.REFUSED
    answer = root.esmith("import", "--skip-refused", str(tmp_path / "own"), code=code)
    assert any(line.startswith(f"{tmp_path}/own: ") for line in answer.out.splitlines())
    assert ("no reason" in answer.err) is (text == GOOD)
    assert "k" in root.db("own", "keys").out.split()
