"""Signatures of the virus scanner: the official ones, or test signatures until they can be had."""

from __future__ import annotations

import base64
import getpass
import hashlib
import re
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.setup.machine import signatures
from esmith.setup.machine.programs import Programs
from esmith.setup.machine.progress import Progress
from esmith.setup.machine.signatures import load_signatures, official_signatures
from esmith.setup.mail_trial.letters import plain_letter, spam_letter, virus_letter
from tests.commands import Root
from tests.documents import HOME

DATABASE = "/var/lib/signatures"
_TESTS = ["e-smith-test.hdb", "e-smith-test.ndb"]


@pytest.fixture
def place(root: Root) -> Path:
    """Return the directory of signatures of a root, which is not there yet."""
    # A name that no name server knows (RFC 6761).
    settings = {"DatabaseDirectory": DATABASE, "DatabaseOwner": getpass.getuser(), "DatabaseMirror": "mirror.invalid"}
    root.write("/etc/freshclam.conf", "".join(f"{name} {value}\n" for name, value in settings.items()))
    return root.file(DATABASE)


def _load(root: Root, lines: list[str]) -> str:
    layout = Layout(str(root.path))
    return load_signatures(layout, Programs(layout, Progress(lines.append, None)))


def _freshclam(root: Root, script: str) -> None:
    """Have freshclam be a script, and the mirror known."""
    root.write("/sbin/e-smith/freshclam", f"#!/bin/sh\n{script}\n", mode=0o755)
    file = root.file("/etc/freshclam.conf")
    file.write_text(file.read_text().replace("mirror.invalid", "https://127.0.0.1:1"))


def test_without_a_mirror_there_are_test_signatures(root: Root, place: Path) -> None:
    """Where no mirror can be found, clamd gets signatures of the test virus, and a line says that it finds no other."""
    note = _load(root, [])
    assert "only a test virus is found" in note
    assert "mirror.invalid" in note
    assert sorted(path.name for path in place.iterdir()) == _TESTS
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o644}
    # Again, as after a failure of a later step.
    assert _load(root, []) == note


def test_a_link_in_the_place_of_a_signature_is_not_followed(root: Root, place: Path) -> None:
    """The directory is the scanner's: a link that it puts there leads root nowhere."""
    place.mkdir(parents=True)
    other = root.write("/etc/other", "mine\n")
    (place / _TESTS[0]).symlink_to(other)
    _load(root, [])
    assert other.read_text() == "mine\n"
    assert not (place / _TESTS[0]).is_symlink()


def test_official_signatures_take_the_place_of_the_test(root: Root, place: Path) -> None:
    """Once freshclam has loaded the official ones, the test signatures are removed."""
    _load(root, [])
    _freshclam(root, f"touch '{place}/main.cvd' '{place}/daily.cld'")
    assert official_signatures(Layout(str(root.path))) == []
    assert _load(root, []) == ""
    assert sorted(path.name for path in place.iterdir()) == ["daily.cld", "main.cvd"]
    assert official_signatures(Layout(str(root.path))) == ["daily.cld", "main.cvd"]


def test_the_reason_of_freshclam_is_shown(root: Root, place: Path) -> None:
    """When freshclam fails, the last line that it printed is in the note."""
    _freshclam(root, "echo first; echo 'ERROR: the mirror is gone'; exit 58")
    assert "ERROR: the mirror is gone" in _load(root, [])
    assert sorted(path.name for path in place.iterdir()) == _TESTS


def test_the_test_signatures_are_those_of_the_test_virus() -> None:
    """The digest and the length of the test signature are those of the file that the trial of mail sends."""
    text = virus_letter("to@example.com", "from@example.com").text
    encoded = re.search(r"trial\.com\"\n\n(\S+)\n--", text)
    assert encoded is not None
    virus = base64.b64decode(encoded[1])
    digest = hashlib.md5(virus, usedforsecurity=False).hexdigest()
    # Private, because only clamd reads them otherwise.
    assert signatures._TEST[_TESTS[0]] == f"{digest}:{len(virus)}:Test.EICAR\n".encode()
    body = bytes.fromhex(signatures._TEST[_TESTS[1]].decode().rpartition(":")[2].strip())
    assert body in virus


def test_neither_virus_nor_spam_stands_in_the_files() -> None:
    """No file of the engine holds the test virus or the test spam as a scanner would find it."""
    spam = spam_letter("to@example.com", "from@example.com").text.splitlines()[-1]
    assert len(spam) == 68
    for path in (HOME / "esmith").rglob("*.py"):
        text = path.read_text()
        assert spam not in text, path
        assert "}$EICAR" not in text, path


def test_each_letter_is_found_by_its_word() -> None:
    """Every mail of a trial has a word of its own in the subject, the headers that qpsmtpd wants, and plain lines."""
    letters = [make("to@example.com", "from@example.com") for make in (plain_letter, spam_letter, virus_letter) * 2]
    assert len({letter.word for letter in letters}) == len(letters)
    for letter in letters:
        assert f"\nSubject: {letter.word}\n" in letter.text
        assert re.search(r"^Date: \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d \+0000$", letter.text, re.MULTILINE)
        assert letter.text.isascii()
        assert max(map(len, letter.text.splitlines())) < 100
