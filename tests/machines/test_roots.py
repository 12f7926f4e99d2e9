"""The bare roots of the machines, and the cache they are made of."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.machines import roots


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the roots that were made with debootstrap, of which a folder with one file is the stand-in."""
    found: list[Path] = []

    def make(*words: str | Path, **_: object) -> None:
        assert words[0] == "make"
        root = Path(words[1])
        root.mkdir()
        (root / "etc").write_text(f"{len(found)}")
        found.append(root)

    monkeypatch.setenv("ESMITH_CI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ESMITH_CI_ROOTS", str(tmp_path))
    monkeypatch.setattr(roots, "bare", make)
    return found


def test_a_bare_root_is_made_once(tmp_path: Path, made: list[Path]) -> None:
    """The second root is unpacked from what the first one left; one that is older than a week is made again."""
    for name, expected in (("one", "0"), ("two", "0"), ("three", "1")):
        (tmp_path / name).mkdir()
        if name == "three":
            old = time.time() - 8 * 86_400
            os.utime(tmp_path / "cache/bookworm/base.tar", (old, old))
        roots.make_base("bookworm", tmp_path / name, tmp_path / "log")
        assert (tmp_path / name / "etc").read_text() == expected
    assert len(made) == 2
    assert not any(root.exists() for root in made)


def test_a_group_ends_with_all_its_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what makes a root all processes end, also those that ignore SIGTERM."""
    monkeypatch.setattr(roots, "_ENDING_SECONDS", 0.2)
    script = "trap '' TERM; sleep 600 & echo begun; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        roots.end_group(process)
        # Each of them has the pipe open until it ends.
        assert process.stdout.read() == b""
    assert process.returncode == -signal.SIGKILL
