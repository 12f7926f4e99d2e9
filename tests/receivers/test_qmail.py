"""The generated files, read by a real qmail: where one is installed in /var/qmail/bin, the tests drive it.

qmail's paths are compiled in. So its users and control files are those of the office in a mount namespace only; what
qmail-local reads is where its arguments say.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.commands import Root
from tests.programs import path_of
from tests.receivers.files import installed
from tests.receivers.qmail import Qmail
from tests.receivers.test_lookup import ACCOUNTS, LOCALS

pytestmark = pytest.mark.daemon("qmail")

BIN = "/var/qmail/bin"
#: Bytes of the users/cdb of no assignment: 256 tables of 8 bytes, one record (the last letters of "+" lines, none here)
#: with 8 bytes before it, and its 2 places of 8 bytes in a table.
EMPTY_CDB = 256 * 8 + 8 + 2 * 8


@pytest.fixture
def made(office: Root) -> Root:
    """Return the root of an office with users, groups and pseudonyms of every kind."""
    office.db("domains", "set", "second.org", "domain", "EmailTo", "jack")
    for words in ACCOUNTS:
        office.db("accounts", "set", *words)
    office.signal("email-update")
    return office


def _locals() -> list[str]:
    """Return local addresses: of accounts, and those that virtualdomains makes of addresses of our domains."""
    plain = [local for local in LOCALS if local]
    return [*plain, *(f"alias-localdelivery-{local}" for local in plain), "mary-sales", "jack-anything", "jack-tom-x"]


def report(instructions: list[tuple[str, str]]) -> list[str]:
    """Return what qmail-local -n prints: the instructions, and last how many are files, addresses and programs."""
    kinds = [kind for kind, _ in instructions]
    files = kinds.count("maildir") + kinds.count("mbox")
    counts = f"did {files}+{kinds.count('forward')}+{kinds.count('program')}"
    return [*(f"{kind} {what}" for kind, what in instructions), counts]


def test_qmail_local_does_what_the_reader_says(made: Root, tmp_path: Path) -> None:
    """For each local address qmail-local -n names the instructions that the reader found, or no mailbox."""
    qmail = Qmail(installed(made.path))
    message = tmp_path / "message"
    message.write_text("Subject: test\n\nHello\n")
    for local in _locals():
        found = qmail.instructions(local)
        to = found[0] if found else qmail.addressee(local)
        home = str(made.file(to.home))
        words = [to.user, home, local, to.dash, to.extension, "localhost", "someone@sender.org", "./Maildir/"]
        with message.open("rb") as stdin:
            done = subprocess.run([f"{BIN}/qmail-local", "-n", *words], stdin=stdin, capture_output=True, check=False)
        if found is None:
            assert done.returncode == 100, local
            continue
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode().splitlines() == report(found[1]), local


@pytest.mark.root("binds the office's users to qmail's directory")
@pytest.mark.program("unshare")
def test_qmail_newu_takes_the_assignment(made: Root) -> None:
    """qmail-newu compiles users/assign of the office without complaint."""
    script = 'mount --bind "$1" /var/qmail/users && exec /var/qmail/bin/qmail-newu'
    users = str(made.file("/var/qmail/users"))
    words = [path_of("unshare"), "-m", "sh", "-c", script, "sh", users]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert made.file("/var/qmail/users/cdb").stat().st_size > EMPTY_CDB
