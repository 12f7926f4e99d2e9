"""The program that stands in for qmail in the folder of ``make demo-mail``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands import TIMEOUT_SECONDS, Root
from tests.documents import HOME

NAMES = ("qmail-queue", "sendmail", "dot-qmail")
MAIL = b"From: someone@sender.test\nSubject: test\n\nHello\n"
REFUSED, LATER = 31, 71


@pytest.fixture
def queue(office: Root) -> Root:
    """Return the small office with the program, and a maildir for each user."""
    for name in NAMES:
        path = office.write(f"/var/qmail/bin/{name}", "")
        shutil.copy(HOME / "demo/mail/queue_program.py", path)
        path.chmod(0o755)
    for user in ("tom", "jack", "john"):
        for part in ("tmp", "new", "cur"):
            office.file(f"/home/e-smith/files/users/{user}/Maildir/{part}").mkdir(parents=True, exist_ok=True)
    return office


def _queue(
    root: Root, *recipients: str, mail: bytes = MAIL, sender: str = "someone@sender.test", end: str = "\0"
) -> int:
    """Hand a mail to qmail-queue as qpsmtpd does, and return the exit code."""
    envelope = f"F{sender}\0" + "".join(f"T{recipient}\0" for recipient in recipients) + end
    reader, writer = os.pipe()
    os.write(writer, envelope.encode())
    os.close(writer)
    done = subprocess.run(
        [root.file("/var/qmail/bin/qmail-queue")], input=mail, stdout=reader, timeout=TIMEOUT_SECONDS, check=False
    )
    os.close(reader)
    return done.returncode


def _mails(root: Root, user: str, folder: str = "Maildir") -> list[Path]:
    return list(root.file(f"/home/e-smith/files/users/{user}/{folder}/new").glob("*"))


def _kept(root: Root) -> list[str]:
    paths = root.file("/var/spool/not-sent").glob("*")
    return sorted(path.read_text().splitlines()[1].removeprefix("X-Original-To: ") for path in paths)


@pytest.mark.parametrize(
    ("recipient", "users"),
    [
        ("tom@example.com", ["tom"]),
        ("Tom@Example.COM", ["tom"]),
        ("tom@test.com", ["tom"]),
        ("tom-lists@example.com", ["tom"]),
        ("tom", ["tom"]),
        ("sales@example.com", ["john"]),
        ("boss@test.com", ["john"]),
        ("group1@example.com", ["jack", "john", "tom"]),
    ],
)
def test_an_address_leads_where_it_leads_on_a_machine(queue: Root, recipient: str, users: list[str]) -> None:
    """Users, extensions, pseudonyms and groups get their mail, once each."""
    assert _queue(queue, recipient) == 0
    assert sorted(user for user in ("tom", "jack", "john") for _ in _mails(queue, user)) == users
    assert _kept(queue) == []


def test_spam_is_sorted(queue: Root) -> None:
    """What is marked as spam is in .junkmail, by the user's .qmail file, and only the user may read it."""
    assert _queue(queue, "tom@example.com", mail=b"X-Spam-Status: Yes, score=9\n" + MAIL) == 0
    (path,) = _mails(queue, "tom", "Maildir/.junkmail")
    assert path.stat().st_mode & 0o777 == 0o600
    assert _mails(queue, "tom") == []


def test_what_is_for_elsewhere_is_kept(queue: Root) -> None:
    """Nothing leaves the folder, also what is forwarded; it is kept with its sender and recipient."""
    queue.db("accounts", "setprop", "tom", "EmailForward", "both", "ForwardAddress", "tom@elsewhere.test")
    queue.signal("email-update")
    assert _queue(queue, "tom@example.com", "friend@elsewhere.test") == 0
    assert _kept(queue) == ["friend@elsewhere.test", "tom@elsewhere.test"]
    assert len(_mails(queue, "tom")) == 1
    (path,) = [path for path in queue.file("/var/spool/not-sent").iterdir() if "tom@" in path.read_text()]
    assert path.read_text().startswith("Return-Path: <someone@sender.test>\n")
    assert path.read_bytes().endswith(MAIL)


def test_circles_come_to_an_end(queue: Root) -> None:
    """A mail that a fragment sends back to the same user is not taken."""
    queue.custom("/home/e-smith/files/users/{key}/.qmail/70Forward", "&tom@localhost\n")
    queue.signal("email-update")
    assert _queue(queue, "tom@example.com") == LATER


def test_what_cannot_be_delivered_is_not_taken(queue: Root) -> None:
    """An unknown name is refused; where a maildir is missing, or the envelope ends too early, mail is taken later."""
    assert _queue(queue, "nobody@example.com") == REFUSED
    assert _queue(queue, "tom@example.com", end="") == LATER
    shutil.rmtree(queue.file("/home/e-smith/files/users/jack/Maildir"))
    assert _queue(queue, "jack@example.com") == LATER


def test_a_fragment_of_an_administrator_counts(queue: Root) -> None:
    """A fragment for .qmail runs its command, with the paths of a machine taken below the folder."""
    fragment = "| cat /var/qmail/control/me >seen\n"
    queue.custom("/home/e-smith/files/users/{key}/.qmail/05mine", fragment)
    queue.signal("email-update")
    assert _queue(queue, "tom@example.com") == 0
    assert queue.read("/home/e-smith/files/users/tom/seen") == queue.read("/var/qmail/control/me")
