"""``dot-qmail``, which delivers behind Postfix: it does what dot-qmail(5), qmail-local(8) and qmail-command(8) say."""

from __future__ import annotations

import os
import random
import stat
import time
from pathlib import Path

import pytest

from tests.mailserver.kit import MAIL, Box
from tests.receivers.files import ASSIGN, CONTROL, Files
from tests.receivers.qmail import End, Qmail

DELIVERED, REFUSED, LATER = 0, 69, 75


def test_without_instructions_mail_goes_to_the_maildir(box: Box) -> None:
    """No .qmail, and an empty one, mean ./Maildir/; what local(8) adds stands before the mail, but its From line."""
    expected = box.added().split(b"\n", 1)[1] + MAIL
    assert box.deliver() == (DELIVERED, "")
    box.write("")
    assert box.deliver() == (DELIVERED, "")
    assert box.mails() == [expected, expected]
    assert list((box.home / "Maildir/tmp").iterdir()) == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in (box.home / "Maildir/new").iterdir()} == {0o600}


def test_an_extension_without_a_file_is_refused(box: Box) -> None:
    """Mail for jack-x comes back where jack has neither .qmail-x nor .qmail-default."""
    code, report = box.deliver("x")
    assert (code, report) == (REFUSED, "5.1.1 there is no mailbox of this name")


def test_the_environment_of_programs(box: Box) -> None:
    """A program has what qmail-command(8) lists, is in the home, and gets the mail without what local(8) added."""
    box.write("| env >env; cat >mail; pwd >place; umask >umask\n", ".qmail-news-default")
    sender = '"a \\"b\\" \\\\c"@sender.org'
    assert box.deliver("News-One-two.x-y", sender=sender) == (DELIVERED, "")
    values = dict(line.split("=", 1) for line in (box.home / "env").read_text().splitlines() if "=" in line)
    expected = {
        "SENDER": 'a "b" \\c@sender.org',
        "NEWSENDER": 'a "b" \\c@sender.org',
        "RECIPIENT": "jack-News-One-two.x-y@localhost",
        "LOCAL": "jack-News-One-two.x-y",
        "HOST": "localhost",
        "EXT": "News-One-two.x-y",
        "EXT2": "One-two.x-y",
        "EXT3": "two.x-y",
        "EXT4": "y",
        "DEFAULT": "One-two.x-y",
        "USER": "jack",
        "HOME": str(box.home),
        "DTLINE": "Delivered-To: jack+News-One-two.x-y@localhost",
        "RPLINE": f"Return-Path: <{sender}>",
        "UFLINE": f"From {sender}  Sun Nov 29 12:12:10 2026",
    }
    assert {name: values[name] for name in expected} == expected
    assert (box.home / "mail").read_bytes() == MAIL
    assert (box.home / "place").read_text().strip() == str(box.home)
    assert (box.home / "umask").read_text().strip() == "0077"


def test_a_program_gets_the_mail_from_its_beginning(box: Box) -> None:
    """What one program reads the next one reads again, and none can write to the mail."""
    box.write("| cat >one; { echo more >&0; } 2>/dev/null || :\n| head -c 5 >two\n| cat >three\n./Maildir/\n")
    assert box.deliver() == (DELIVERED, "")
    assert (box.home / "one").read_bytes() == (box.home / "three").read_bytes() == MAIL
    assert box.mails()[0].endswith(MAIL)


def test_forwards(box: Box) -> None:
    """All addresses get the mail from its sender, with Delivered-To at its beginning; a bare name is one of here."""
    box.write("&mary\none@away.org\n& two words@away.org\n./Maildir/\n")
    assert box.deliver(sender='"o d"@sender.org') == (DELIVERED, "")
    (sent,) = box.sent()
    assert sent.sender == '"o d"@sender.org'
    assert sent.recipients == ["mary@localhost", "one@away.org", '" two words"@away.org']
    assert sent.mail == b"Delivered-To: jack@localhost\n" + MAIL
    assert len(box.mails()) == 1


def test_a_bounce_is_forwarded_from_nobody(box: Box) -> None:
    """The empty sender stays empty."""
    box.write("&one@away.org\n")
    assert box.deliver(sender="") == (DELIVERED, "")
    assert box.sent()[0].sender == ""


@pytest.mark.parametrize(
    ("files", "sender", "expected"),
    [
        ((".qmail-list-owner",), "someone@sender.org", ["-f", "jack-list-owner@example.com"]),
        ((".qmail-list-owner", ".qmail-list-owner-default"), "a@b.org", ["-XV-=", "-f", "jack-list-owner@example.com"]),
        ((".qmail-list-owner-default",), "someone@sender.org", ["-f", "someone@sender.org"]),
        ((".qmail-list-owner",), "", ["-f", ""]),
    ],
)
def test_the_sender_of_a_mailing_list(box: Box, files: tuple[str, ...], sender: str, expected: list[str]) -> None:
    """With .qmail-LIST-owner, bounces go to the owner, each address its own where there is also -owner-default."""
    box.write("&one@away.org\n", ".qmail-list")
    for name in files:
        box.write("./Maildir/\n", name)
    assert box.deliver("list", sender=sender) == (DELIVERED, "")
    words = box.sent()[0].words
    assert words == ["-G", "-i", *expected, "--", "one@away.org"]


def test_what_fails_stops_the_forwards(box: Box) -> None:
    """Forwards are sent after everything else has succeeded; where sendmail fails the mail waits."""
    box.write("&one@away.org\n./Maildir/\n| echo 'not now'; exit 111\n")
    assert box.deliver() == (LATER, "4.3.0 not now")
    assert box.sent() == []
    box.write("&one@away.org\n")
    (box.sent_folder / "fails").touch()
    assert box.deliver() == (LATER, "4.3.0 forward: sendmail ended with 75")


@pytest.mark.parametrize(("command", "signal"), [("kill -9 $$", 9), ("kill -15 $$", 15)])
def test_a_program_that_is_killed(box: Box, command: str, signal: int) -> None:
    """A program that a signal ends means that the mail waits."""
    box.write(f"| {command}\n")
    assert box.deliver() == (LATER, f"4.3.0 a program of the .qmail file ended with {-signal}")


def test_the_report_is_that_of_the_program(box: Box) -> None:
    """The sender reads what the program that refuses printed: not that of others, 2000 bytes, no codes."""
    box.write("| echo first\n| printf 'no\\033[1m \\377way'; exit 100\n")
    assert box.deliver() == (REFUSED, "5.3.0 no?[1m �way")
    box.write("| yes 2.0.0 | head -c 100000; exit 100\n")
    code, report = box.deliver()
    assert code == REFUSED
    assert report.startswith("5.3.0 2.0.0\n")
    assert len(report) <= 2006


LINES = [
    "./Maildir/",
    "./Mail/",
    "./mbox",
    "&a@one.org",
    "b@two.org \t",
    "# comment",
    "+list",
    "+other",
    "",
    "| bouncesaying 'Recipient unknown'",
    *(f"| exit {code}" for code in (0, 0, 0, 1, 64, 65, 70, 71, 75, 76, 77, 78, 99, 99, 100, 111, 112)),
]
NAMES = [".qmail", ".qmail-a", ".qmail-a-b", ".qmail-a-default", ".qmail-default", ".qmail-a-b:c"]
EXTENSIONS = ["", "", "", "a", "a-b", "A-B", "a-b.c", "a-x-y", "a-default", "x", "default"]


def _ends(box: Box, code: int) -> set[tuple[str, str]]:
    """Return where a mail went, as the reader of qmail's rules says it."""
    ends = {("mailbox", f"{box.home}/{name}/") for name in ("Maildir", "Mail") if box.mails(name)}
    if (box.home / "mbox").exists():
        ends.add(("mailbox", f"{box.home}/mbox"))
    for sent in box.sent():
        ends |= {("remote", f"{recipient.rpartition('@')[2]} via ") for recipient in sent.recipients}
    return ends | {("later", "")} if code == LATER else ends | {("bounce", "")} if code == REFUSED else ends


def _read_ends(ends: set[End]) -> set[tuple[str, str]]:
    found = {(end.kind, end.what if end.kind in ("mailbox", "remote") else "") for end in ends}
    return found - {("lost", "")}


@pytest.mark.parametrize("seed", range(6))
def test_it_agrees_with_the_reader_of_qmails_rules(box: Box, seed: int) -> None:
    """For random homes a mail ends where the reader says by which the files of qmail are tested."""
    chance = random.Random(seed)
    seen = set()
    for _ in range(15):
        box.forget()
        box.maildir("Mail")
        texts = {ASSIGN: f"=jack:jack:5:5:{box.home}:::\n+jack-:jack:5:5:{box.home}:-::\n.\n"}
        texts[f"{CONTROL}/locals"] = "here.org\n"
        modes = {str(box.home): chance.choice([0o755] * 6 + [0o757, 0o1755])}
        for name in chance.sample(NAMES, 3) + [".qmail"]:
            lines = chance.choices(LINES, k=chance.randint(0, 5))
            text = "\n".join(lines) + chance.choice(["\n", ""])
            mode = chance.choice([0o644, 0o600, 0o644, 0o744, 0o646])
            box.write(text, name, mode)
            texts[f"{box.home}/{name}"], modes[f"{box.home}/{name}"] = text, mode
        box.home.chmod(modes[str(box.home)])
        extension = chance.choice(EXTENSIONS)
        code, report = box.deliver(extension)
        expected = Qmail(Files(texts, modes=modes)).deliver(f"jack{'-' if extension else ''}{extension}@here.org")
        assert _ends(box, code) == _read_ends(expected), (extension, texts, modes, report)
        seen.add(code)
        box.home.chmod(0o755)
    assert seen == {DELIVERED, REFUSED, LATER}


def test_an_mbox(box: Box) -> None:
    """An mbox is added to, with > before lines that begin with From, and an empty line between mails."""
    box.write("./mbox\n")
    assert box.deliver(mail=b"Subject: x\n\nFrom here\n>From there\n>>x\nno end") == (DELIVERED, "")
    assert box.deliver() == (DELIVERED, "")
    first, _, _, delivered_to, _ = box.added().split(b"\n")
    header = first + b"\nReturn-Path: <someone@sender.org>\n" + delivered_to + b"\n"
    body = b"Subject: x\n\n>From here\n>>From there\n>>x\nno end\n\n"
    assert (box.home / "mbox").read_bytes() == header + body + header + MAIL.replace(
        b"\nFrom the", b"\n>From the"
    ) + b"\n"
    assert stat.S_IMODE((box.home / "mbox").stat().st_mode) == 0o600


def test_what_local_has_to_add(box: Box) -> None:
    """Without Delivered-To a mail could go round without end: it waits, with the setting that is wrong."""
    for line in (b"Delivered-To: ", b"Return-Path: "):
        added = box.added
        box.added = lambda *_, line=line, added=added: added().replace(line, b"X: ")  # type: ignore[method-assign]
        code, report = box.deliver()
        box.added = added  # type: ignore[method-assign]
        assert (code, report.startswith("4.3.5 ")) == (LATER, True)
        assert "prepend_delivered_header" in report
    assert box.mails() == []


def test_a_home_that_is_gone(box: Box) -> None:
    """Where the home or the maildir is not there the mail waits."""
    box.maildir("Other")
    box.write("./Missing/\n")
    assert box.deliver()[0] == LATER
    box.home.rename(box.home.with_name("moved"))
    assert box.deliver()[0] == LATER


@pytest.mark.parametrize("name", [".qmail", ".qmail-x"])
def test_what_is_no_regular_file_does_not_count(box: Box, name: str) -> None:
    """A pipe, a directory or a link in a circle in the place of a .qmail file is as none, and nobody waits for it."""
    path = box.home / name
    extension = name.removeprefix(".qmail").removeprefix("-")
    expected = REFUSED if extension else DELIVERED
    os.mkfifo(path)
    assert box.deliver(extension)[0] == expected
    path.unlink()
    path.mkdir()
    assert box.deliver(extension)[0] == expected
    path.rmdir()
    path.symlink_to(path.name)
    assert box.deliver(extension)[0] == expected
    assert box.deliver("x" * 300)[0] == REFUSED


def test_nothing_large_is_held_in_memory(box: Box) -> None:
    """A mail of 42 MB, and a .qmail file of a gigabyte, need no more memory than others."""
    before = ("/bin/sh", "-c", 'ulimit -v 40000; exec "$0"')
    mail = MAIL + b"x" * 40_000_000 + b"\n" * 2_000_000
    box.write("| cat >/dev/null\n./Maildir/\n./mbox\n")
    assert box.deliver(mail=mail, before=before) == (DELIVERED, "")
    assert box.mails()[0].endswith(mail)
    os.truncate(box.write("./Maildir/\n"), 1 << 30)
    code, report = box.deliver(before=before)
    assert (code, report) == (LATER, "4.2.1 .qmail is longer than 1048576 bytes")


@pytest.mark.parametrize("path", ["Maildir/new", "Maildir/tmp", "Maildir"])
def test_a_pipe_in_the_place_of_a_directory(box: Box, path: str) -> None:
    """Nothing waits for it: the mail is tried again later."""
    (box.home / path).rename(box.home / "old")
    os.mkfifo(box.home / path)
    assert box.deliver()[0] == LATER
    box.write("./pipe\n")
    os.mkfifo(box.home / "pipe")
    assert box.deliver()[0] == LATER


@pytest.mark.program("strace")
def test_the_mail_is_on_the_disk_before_it_has_its_place(box: Box, tmp_path: Path) -> None:
    """The file is synchronised before it is linked into new, and new before the program ends."""
    log = tmp_path / "strace"
    calls = "trace=fsync,link,linkat,unlink,unlinkat,exit_group"
    assert box.deliver(before=("strace", "-f", "-o", str(log), "-e", calls)) == (DELIVERED, "")
    names = [line.split()[1].partition("(")[0] for line in log.read_text().splitlines()]
    at = names.index("linkat")
    assert names[at - 1 : at + 3] == ["fsync", "linkat", "fsync", "unlinkat"]


@pytest.mark.parametrize("python", ["exit 1", "exit 127", "kill -9 $$", "exit 100"])
def test_what_was_not_decided_waits(box: Box, tmp_path: Path, python: str) -> None:
    """Whatever else Python ends with, the mail is not sent back: local(8) would do so for unknown codes."""
    false = tmp_path / "python3"
    false.write_text(f"#!/bin/sh\n{python}\n")
    false.chmod(0o755)
    text = box.program.read_text()
    assert text.count("/usr/bin/python3") == 1
    box.program.write_text(text.replace("/usr/bin/python3", str(false)))
    assert box.deliver()[0] == LATER


def test_a_program_that_does_not_end(box: Box) -> None:
    """After a time, below that after which local(8) would send the mail back, all is ended, and the mail waits."""
    text = box.program.read_text()
    assert text.count("seconds=900\n") == 1
    box.program.write_text(text.replace("seconds=900\n", "seconds=1\n"))
    box.write("| (trap '' TERM HUP; sleep 2; touch late) & sleep 1000\n")
    code, report = box.deliver()
    assert (code, report.splitlines()[-1]) == (
        LATER,
        "4.3.0 the delivery was killed, as it is after 1 seconds",
    )
    time.sleep(2)
    assert not (box.home / "late").exists()
