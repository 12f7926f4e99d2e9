"""The program in .qmail-localdelivery-default: the shell and awk do what the reader of qmail's rules says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.commands import Root
from tests.receivers.files import ALIAS, installed
from tests.receivers.qmail import Qmail

ACCOUNTS = [
    ("mary", "user", "Uid", "6001"),
    ("mary-ann", "user", "Uid", "6002"),
    ("My.Team", "group", "Members", "tom"),
    ("sales@second.org", "pseudonym", "Account", "jack"),
    ("news", "pseudonym", "Account", "My.Team"),
]
LOCALS = ["tom", "TOM", "tom-x", "mary-ann", "Mary-Ann-a-b", "mary-anna", "mary-", "-mary", "my.team", "MY.Team-x-y"]
LOCALS += ["sales", "sales-x", "Sales-x-y", "sale", "news-a", "alias", "alias-shared", "shared", "shared-x", "root"]
LOCALS += [".*", "-v", '"; touch hacked; "', "$(touch hacked)", "`touch hacked`", "tom:tom", "tom:x", "a'b", "\\", ""]
HOSTS = ["example.com", "Second.org", "[203.0.113.5]"]


@pytest.fixture
def lookup(office: Root) -> Root:
    """Return the root of an office with names that have to be found."""
    office.db("domains", "set", "second.org", "domain")
    for words in ACCOUNTS:
        office.db("accounts", "set", *words)
    office.signal("email-update")
    return office


def _line(root: Root) -> str:
    (line,) = [line for line in root.lines(f"{ALIAS}/.qmail-localdelivery-default") if line.startswith("| to=")]
    return line.removeprefix("|").replace("/var/qmail", str(root.file("/var/qmail")))


def _shell(root: Root, tmp_path: Path, local: str, host: str) -> tuple[int, str]:
    """Run the line as qmail-local does, and return its exit code and where condredirect sent the mail."""
    programs = tmp_path / "programs"
    programs.mkdir(exist_ok=True)
    # As qmail's own: it ends the delivery (99) when its program succeeds.
    (programs / "condredirect").write_text('#!/bin/sh\nto=$1; shift; "$@" && { printf %s "$to"; exit 99; }\n')
    (programs / "condredirect").chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", _line(root)],
        env={"PATH": f"{programs}:/usr/bin:/bin", "DEFAULT": local, "HOST": host},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize("host", HOSTS)
def test_the_lookup_is_the_one_of_the_shell(lookup: Root, tmp_path: Path, host: str) -> None:
    """For each local part the line sends the mail where the reader says, and runs nothing of it."""
    qmail = Qmail(installed(lookup.path))
    for local in LOCALS:
        code, goal = _shell(lookup, tmp_path, local, host)
        expected = qmail.looked_up(local, host)
        if (local.lower(), host.lower()) == ("sales", "second.org"):
            assert code == 111  # qmail-send would not have sent it here: it has not read virtualdomains again
        else:
            assert (code, goal) == ((99, expected) if expected else (0, "")), local
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("name", ["users/assign", "control/virtualdomains"])
def test_without_its_files_mail_waits(lookup: Root, tmp_path: Path, name: str) -> None:
    """Where a file cannot be read no mail is sent back: qmail tries again later."""
    lookup.file(f"/var/qmail/{name}").unlink()
    assert _shell(lookup, tmp_path, "tom", "example.com") == (111, "")
