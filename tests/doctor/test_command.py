"""``esmith doctor`` as a command: what it prints, and that it changes nothing."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from esmith.cli.doctor import doctor_command
from esmith.doctor.examine import AREAS, FLEET
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
from tests.commands import Root
from tests.reused import CopyRoot


@pytest.fixture
def office(_office: Path, copy_root: CopyRoot) -> Root:
    """The root of a small office, whose users have homes."""
    return copy_root(_office, _make_homes)


def _make_homes(path: Path) -> None:
    Root(path).esmith("accounts", "users-and-groups")


@pytest.mark.program("Text::Template")
def test_a_small_office_is_well(office: Root) -> None:
    """Under a root folder nothing is wrong with an office, and what needs the machine is skipped with the reason."""
    lines = office.esmith("doctor").out.splitlines()
    assert re.fullmatch(r"0 failing, 0 warnings, \d+ skipped, \d+ well \(\d+\.\d s\)", lines[0])
    assert lines[1] == "skipped"
    assert any("the root is only a folder" in line for line in lines[2:])
    # A line may stand for several.
    counts = [int(found[1]) if (found := re.search(r" \((\d+)\): ", line)) else 1 for line in lines[2:]]
    assert f" {sum(counts)} skipped, " in lines[0] and max(counts) > 1


def test_what_is_wrong(office: Root) -> None:
    """What is failing stands with its reason and its cure under its area, and the exit code is 1."""
    office.db("accounts", "set", "lost", "user")
    lines = office.esmith("doctor", "accounts", code=1).out.splitlines()
    assert lines[1:6] == [
        "accounts",
        "  failing: 1 user with no unix account: lost",
        "    mail to them is refused, or comes back",
        "    to cure it:",
        "      signal-event user-create lost",
    ]


def test_what_is_well(office: Root) -> None:
    """What is well is counted, and shown with -v."""
    assert "ok: " not in office.esmith("doctor", "disk").out
    assert "  ok: the databases (/home/e-smith/db): " in office.esmith("doctor", "-v", "disk").out


def test_commands_are_for_the_root(office: Root) -> None:
    """A cure is for the root that was given."""
    office.db("accounts", "set", "lost", "user")
    answer = office.run("esmith", "doctor", "--root", str(office.path), "accounts", code=1)
    assert f"signal-event --root {office.path} user-create lost" in answer.out


def test_as_json(office: Root) -> None:
    """With --json it is one object, with all findings and their number by severity."""
    office.db("accounts", "set", "lost", "user")
    data = json.loads(office.esmith("doctor", "--json", code=1).out)
    assert list(data) == ["root", "seconds", "counts", "findings"]
    assert data["root"] == str(office.path)
    for severity, count in data["counts"].items():
        assert count == sum(finding["severity"] == severity for finding in data["findings"])
    assert data["counts"]["failing"] == 1
    assert all(list(finding) == ["area", "severity", "what", "why", "commands"] for finding in data["findings"])
    # The root is in no fleet.
    assert {finding["area"] for finding in data["findings"]} == set(AREAS) - {FLEET}
    (failing,) = [finding for finding in data["findings"] if finding["severity"] == "failing"]
    assert failing["commands"] == ["signal-event user-create lost"]


def _tree(folder: Path) -> dict[str, object]:
    """Return all that is in a folder; readers of the databases enter themselves into lock.mdb."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        is_read = path.is_file() and not path.is_symlink() and os.access(path, os.R_OK)
        content = path.read_bytes() if is_read else b""
        if path.name != "lock.mdb":
            found[str(path)] = (status.st_mode, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, content)
    return found


def test_it_changes_nothing(office: Root) -> None:
    """The whole root is the same before and after, each file with its times."""
    # Whoever reads first notes that the data file is whole.
    office.config("getprop", "qpsmtpd", "status")
    before = _tree(office.path)
    office.esmith("doctor", "-v")
    office.esmith("doctor", "--json", "--resolver", "127.0.0.1:1", "files", "programs")
    assert _tree(office.path) == before


def test_it_waits_for_nobody_who_writes(office: Root) -> None:
    """While another command writes, and holds the lock for that, all is looked at."""
    store = open_store(Layout(str(office.path)), write=True)
    with store.transaction(Author.current(["test"])) as transaction:
        transaction.set_prop("configuration", "qpsmtpd", "Bcc", "enabled")
        assert "0 failing" in office.esmith("doctor").out


def test_a_damaged_store(office: Root) -> None:
    """A data file that is damaged is a finding, and no traceback."""
    file = office.file("/home/e-smith/db/data.mdb")
    file.write_bytes(b"damaged" * 4096)
    answer = office.esmith("doctor", "files", "disk", code=1)
    assert "failing: the databases cannot be opened: " in answer.out


def test_an_unknown_area(office: Root) -> None:
    """An area that does not exist is a mistake of the command line."""
    assert "there is no area 'disks'\n  did you mean 'disk'?" in office.esmith("doctor", "disks", code=2).err


def test_the_trial_is_for_the_machine(office: Root) -> None:
    """--send makes a user of the machine, so it is refused under a folder."""
    assert "only root can send the trial mails" in office.esmith("doctor", "--send", code=2).err


def test_the_help_names_each_area() -> None:
    """The help page has all areas, in their order."""
    help_text = " ".join((doctor_command.help or "").split())
    assert f"one of: {', '.join(AREAS)};" in help_text


@pytest.mark.plain_user("root may look into each home")
def test_a_plain_user(office: Root) -> None:
    """What a plain user may not look into is skipped with the reason."""
    os.chmod(office.file("/home/e-smith/files/users/tom"), 0)
    try:
        answer = office.esmith("doctor", "accounts")
    finally:
        os.chmod(office.file("/home/e-smith/files/users/tom"), 0o700)
    assert "the mailboxes of 1 user: their homes are closed to this user: run it as root" in answer.out
