"""The Makefile, as somebody types it who looks around."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.documents import HOME

pytestmark = pytest.mark.program("make")


def _make(folder: Path, *words: str, path: str) -> str:
    done = subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=folder,
        env={"PATH": path, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_alone_changes_nothing(tmp_path: Path) -> None:
    """It prints what each target does, also for root: a mail server is made where somebody asks for it only."""
    shutil.copy(HOME / "Makefile", tmp_path)
    printed = _make(tmp_path, path=os.environ["PATH"]).splitlines()
    assert all(line.startswith("make ") for line in printed)
    assert {"mailserver", "demo", "test"} <= {line.split()[1] for line in printed}
    assert os.listdir(tmp_path) == ["Makefile"]


def test_the_environment_of_the_demo_in_front_of_the_path(tmp_path: Path) -> None:
    """README.md puts .venv/bin first in PATH. Its python3 has no pip, so targets take the one behind it."""
    shutil.copy(HOME / "Makefile", tmp_path)
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "python3").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python3").chmod(0o755)
    asked = "--eval=asked:; @command -v $(PYTHON)"
    first = shutil.which("python3")
    assert _make(tmp_path, asked, "asked", path=f"{programs}:{os.environ['PATH']}").strip() == first


def test_what_changes_while_it_installs_is_not_lost(tmp_path: Path) -> None:
    """A list of packages that is changed during an installation is installed by the next make."""
    shutil.copy(HOME / "Makefile", tmp_path)
    packages = tmp_path / "pyproject.toml"
    packages.touch()
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    pip = tmp_path / "pip"
    # Each run changes the list, as somebody else may who merges meanwhile.
    pip.write_text(f"#!/bin/sh\necho >> {tmp_path}/runs; sleep 0.02; touch {packages}\n")
    pip.chmod(0o755)
    (programs / "python").touch()
    words = (f"PYTHON={pip}", ".venv/installed-test")
    for runs in (2, 4):
        _make(tmp_path, *words, path=os.environ["PATH"])
        assert (tmp_path / "runs").read_text().count("\n") == runs
    pip.write_text("#!/bin/sh\n")
    _make(tmp_path, *words, path=os.environ["PATH"])
    assert "pip" not in _make(tmp_path, "--dry-run", *words, path=os.environ["PATH"])
    assert sorted(os.listdir(tmp_path / ".venv")) == ["bin", "installed", "installed-test"]
