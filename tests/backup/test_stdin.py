"""A backup that standard input brings: ``ssh old esmith backup - | esmith restore --yes -``."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from esmith.backup import opening
from esmith.backup.form import BackupError
from esmith.backup.write import write_stream
from esmith.cli.backup import backup_command, restore_command
from esmith.errors import StoreError, UsageError
from esmith.store import open_store
from tests.backup.kit import Small


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return a small root with a setting."""
    found = Small(tmp_path / "root")
    found.set("qpsmtpd", DNSBL="enabled")
    return found


def _sent(small: Small) -> bytes:
    """Return what ``esmith backup -`` writes."""
    stream = io.BytesIO()
    write_stream(small.layout, open_store(small.layout), stream, [])
    return stream.getvalue()


def _restore(small: Small, sent: bytes, *words: str) -> str:
    result = CliRunner().invoke(restore_command, words, obj=str(small.path), input=sent, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_what_is_sent_is_restored(small: Small) -> None:
    """It is verified, shown and restored as a file is."""
    sent = _sent(small)
    small.set("qpsmtpd", DNSBL="disabled")
    assert "~ qpsmtpd: DNSBL" in _restore(small, sent, "--dry-run", "-")
    assert small.settings()["configuration"]["qpsmtpd"].props == {"DNSBL": "disabled"}
    assert "1 record and 0 files restored" in _restore(small, sent, "--yes", "-")
    assert small.settings()["configuration"]["qpsmtpd"].props == {"DNSBL": "enabled"}


@pytest.mark.parametrize(("end", "reason"), [(0, "it is empty"), (-1, "damaged, or cut off"), (600, "damaged, or cut")])
def test_a_sender_that_fails(small: Small, end: int, reason: str) -> None:
    """What comes of a sender that ends too early is refused, and changes nothing."""
    sent = _sent(small)
    small.set("qpsmtpd", DNSBL="disabled")
    with pytest.raises(BackupError, match=reason) as caught:
        _restore(small, sent[:end], "--yes", "-")
    assert caught.value.place == "standard input"
    assert small.settings()["configuration"]["qpsmtpd"].props == {"DNSBL": "disabled"}


def test_nobody_can_be_asked(small: Small) -> None:
    """Without --yes it is refused before anything is read, since no answer could come by the same stream."""
    with pytest.raises(UsageError, match="standard input is the backup"):
        _restore(small, _sent(small), "-")


def test_one_that_does_not_end(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger than any backup is refused, so an endless sender does not fill the disk."""
    sent = _sent(small)
    monkeypatch.setattr(opening, "MOST_BYTES", len(sent) - 1)
    with pytest.raises(BackupError, match="no backup has"):
        _restore(small, sent, "--yes", "-")


def test_closed_streams(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that closed standard input or output is refused: nothing is read from or sent to nowhere."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        opening.open_backup("-")
    monkeypatch.setattr("sys.__stdout__", None)
    result = CliRunner().invoke(backup_command, ["-"], obj=str(small.path), standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert "standard output is closed" in result.exception.message


@pytest.mark.root
def test_a_file_of_somebody_else(small: Small, tmp_path: Path) -> None:
    """A backup that a user owns, or may write, is restored, and the administrator is warned."""
    file = small.backup(tmp_path / "one")
    with opening.open_backup(str(file)) as backup:
        assert backup.doubts == []
    os.chown(file, 4711, -1)
    (line,) = _restore(small, b"", "--dry-run", str(file)).splitlines()[:1]
    assert "one belongs to 4711, mode 0600: whoever can write it decides" in line


@pytest.mark.program("age")
def test_age_that_cannot_write(small: Small) -> None:
    """A disk or a pipe that takes no more has its own message, and is no wrong recipient."""
    made = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True, timeout=60).stdout
    recipient = next(line for line in made.splitlines() if "public key: " in line).rpartition(" ")[2]
    store = open_store(small.layout)
    reading, writing = os.pipe()
    os.close(reading)
    for number, reason in ((writing, "broken pipe"), (os.open("/dev/full", os.O_WRONLY), "no space left")):
        with open(number, "wb") as stream, pytest.raises(StoreError, match=reason) as caught:
            write_stream(small.layout, store, stream, [recipient])
        assert caught.value.place == "standard output"
    store.close()
