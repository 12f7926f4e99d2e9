"""What the engine makes has the same modes whatever the umask of the caller is."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from esmith.directories import make_directory, open_file
from tests.commands import TIMEOUT_SECONDS, Root
from tests.events.kit import eventually

UMASKS = (0o000, 0o022, 0o027, 0o077)
COMMANDS = [
    ("signal-event", "email-update"),
    ("db", "{root}/own/flat", "set", "key", "text"),
    ("expand-template", "--output_filename", "/new/deep/file", "/var/qmail/control/me"),
    ("esmith", "export", "--to", "{root}/export"),
    ("config", "setprop", "clamav", "MaxFileSize", "20M"),
    ("signal-event", "--confirm", "1h", "email-update"),
    ("esmith", "confirm"),
]


def _made(path: Path, umask: int) -> dict[str, int]:
    """Make a root with a umask, have it used, and return the mode of everything in it."""
    words = ["--root", str(path), "init", "--services", "runit", "/service"]
    subprocess.run(
        [sys.executable, "-m", "esmith", *words], check=True, umask=umask, capture_output=True, timeout=TIMEOUT_SECONDS
    )
    root = Root(path)
    root.write("/etc/e-smith/services.toml", "[default]\nup-for = 0\n")
    root.file("/own").mkdir()
    root.file("/own").chmod(0o755)
    before = os.umask(umask)
    try:
        for program, *operands in COMMANDS:
            root.run(program, *(word.format(root=path) for word in operands))
    finally:
        os.umask(before)
    # The process that waits for the confirmation makes it, perhaps only after that was given.
    waiting = root.file("/var/lib/e-smith/confirm.lock")
    eventually(waiting.exists, f"{waiting} is there")
    return {
        # The mark of a generation has a random name.
        re.sub("finished-.*", "finished", str(file.relative_to(path))): stat.S_IMODE(file.lstat().st_mode)
        for file in [path, *path.rglob("*")]
        # What is kept only to be faster may be there or not, in directories that are closed to others.
        if not file.is_symlink() and file.parent.name not in ("code", "stamps")
    }


def test_a_whole_root(tmp_path: Path) -> None:
    """A root that is set up and used is the same under every umask: open where users pass, closed where secrets are."""
    made = [_made(tmp_path / f"{umask:o}", umask) for umask in UMASKS]
    first = made[UMASKS.index(0o022)]
    for other in made:
        assert other == first
    modes = {
        "": 0o755,
        "home/e-smith": 0o755,
        "home/e-smith/db": 0o700,
        "home/e-smith/db/data.mdb": 0o600,
        "home/e-smith/db/lock.mdb": 0o600,
        "home/e-smith/db/data.verified": 0o600,
        "var/lib/e-smith": 0o755,
        "var/lib/e-smith/event.lock": 0o600,
        "var/lib/e-smith/code": 0o700,
        "var/lib/e-smith/generations/1": 0o700,
        "var/log/e-smith/events.log": 0o640,
        "own/flat": 0o640,
        "export": 0o700,
        "new/deep": 0o755,
    }
    assert {name: first[name or "."] for name in modes} == modes
    open_to_others = {name: oct(mode) for name, mode in first.items() if mode & 0o022}
    # What root learns there the daemon goes on with: the group is that of spamd alone.
    assert open_to_others == {"var/spool/spamd/.spamassassin": "0o2770"}


@pytest.mark.parametrize("umask", UMASKS)
@pytest.mark.parametrize("mode", [0o755, 0o750, 0o700])
def test_directories(tmp_path: Path, umask: int, mode: int) -> None:
    """A directory gets the mode that was asked for, those above it 0755; one that is there keeps its own."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old").chmod(0o711)
    before = os.umask(umask)
    try:
        make_directory(str(tmp_path / "old/a/b"), mode)
        make_directory(str(tmp_path / "old"), mode)
        descriptor = open_file(str(tmp_path / "file"), os.O_WRONLY, 0o640)
        os.close(descriptor)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("old", "old/a", "old/a/b", "file")]
    assert modes == [0o711, 0o755, mode, 0o640]


def test_never_more_than_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no moment has a directory more rights than in the end, whatever the umask."""
    seen = []
    real = os.mkdir

    def mkdir(path: str, mode: int = 0o777) -> None:
        real(path, mode)
        seen.append(stat.S_IMODE(os.stat(path).st_mode))

    monkeypatch.setattr(os, "mkdir", mkdir)
    before = os.umask(0)
    try:
        make_directory(str(tmp_path / "a/b"), 0o700)
    finally:
        os.umask(before)
    assert seen == [0o755, 0o700]


def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """Opening a file that is there changes nothing of it; a link is followed to it, and never made a file of."""
    (tmp_path / "file").write_text("text")
    (tmp_path / "file").chmod(0o604)
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "nowhere").symlink_to("missing")
    os.close(open_file(str(tmp_path / "link"), os.O_WRONLY, 0o640))
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o604
    with pytest.raises(FileNotFoundError):
        open_file(str(tmp_path / "nowhere"), os.O_WRONLY, 0o640)
    assert not (tmp_path / "missing").exists()
