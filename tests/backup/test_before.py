"""What there was before a restore: how many such backups stay, and that a restore that fails leaves none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from esmith.backup import restore as restoring
from esmith.backup.restore import BEFORE
from esmith.errors import StoreError
from tests.backup.kit import CUSTOM, KEYS, Small


def _names(small: Small) -> list[str]:
    return sorted(os.listdir(Path(small.layout.state) / BEFORE))


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return a small root with a setting."""
    found = Small(tmp_path / "root")
    found.set("qpsmtpd", DNSBL="enabled")
    return found


def test_the_last_ones_stay(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restore only the last backups of before are there, and the one that was restored, however old."""
    monkeypatch.setattr(restoring, "KEPT", 2)
    file = small.backup(tmp_path / "one")
    made = []
    for number in range(3):
        small.set("qpsmtpd", DNSBL=f"value{number}")
        made.append(Path(small.restore(file).before))
    assert _names(small) == [path.name for path in made[1:]]
    last = Path(small.restore(made[1]).before)
    assert small.settings()["configuration"]["qpsmtpd"].props == {"DNSBL": "value1"}
    assert _names(small) == [made[1].name, made[2].name, last.name]


def test_what_is_not_ours_stays(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of other names, files that are no backups, and those of a clock that was ahead are not removed."""
    monkeypatch.setattr(restoring, "KEPT", 1)
    file = small.backup(tmp_path / "one")
    small.set("qpsmtpd", DNSBL="disabled")
    gone = Path(small.restore(file).before)
    ahead = gone.with_name("before-restore-29991231-000000-000000.tar.gz")
    ahead.write_bytes(gone.read_bytes())
    others = [gone.with_name("mine.tar.gz"), gone.with_name("before-restore-20200101-000000-000000.tar.gz")]
    for other in others:
        other.write_bytes(b"mine")
    small.set("qpsmtpd", DNSBL="disabled")
    left = Path(small.restore(file).before)
    assert _names(small) == sorted(path.name for path in (left, ahead, *others))


def test_a_restore_that_fails_leaves_none(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that changed nothing removes the backup it made, so that failing again and again fills no disk."""
    file = small.backup(tmp_path / "one")
    small.set("qpsmtpd", DNSBL="disabled")

    def fail(*_: object) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(restoring, "mark_stale", fail)
    with pytest.raises(StoreError):
        small.restore(file)
    assert _names(small) == []
    assert small.settings()["configuration"]["qpsmtpd"].props == {"DNSBL": "disabled"}


def test_a_signal_leaves_no_new_file(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that a signal ends while a new file is made leaves neither it nor those that were made before."""
    for name in ("10x", "20x"):
        small.write(f"{CUSTOM}/etc/tiny/{name}")
    small.write(f"{KEYS}/default/private")
    file = small.backup(tmp_path / "one")
    for path in (f"{CUSTOM}/etc/tiny/20x", f"{KEYS}/default/private"):
        small.write(path, b"other\n")
    real, times = os.utime, list[Any]()

    def utime(*given: Any, **named: Any) -> None:
        times.append(given)
        if len(times) == 2:
            raise KeyboardInterrupt
        real(*given, **named)

    monkeypatch.setattr(os, "utime", utime)
    with pytest.raises(KeyboardInterrupt):
        small.restore(file)
    assert len(times) == 2
    assert [path for path in small.path.rglob(".esmith-*") if path.is_file()] == []
    assert small.path.joinpath(f"{CUSTOM}/etc/tiny/20x").read_bytes() == b"other\n"
