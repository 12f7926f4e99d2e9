"""The stages: the office, prepared once; a machine or a root folder over a copy of it for each test."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.page.office import copy_office, make_office
from tests.page.stage import FolderStage, MachineStage, Stage

#: Opens a stage of one kind: ``machine`` or ``folder``.
Opener = Callable[[str], Stage]


@functools.cache
def machine_trouble() -> str:
    """Return why no machine can be had here, "" when one can."""
    if os.geteuid() != 0:
        return "a machine of its own needs root (mount namespaces and chown)"
    if shutil.which("unshare") is None:
        return "unshare is not installed (Debian package util-linux)"
    words = ("unshare", "-m", "-u", "-n", "-i", "-p", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"this container allows no mount namespaces: {done.stderr.strip()}"


@pytest.fixture(scope="session")
def page_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root folder of the office; it must not be changed."""
    folder = tmp_path_factory.mktemp("office")
    return make_office(folder / "root", folder / "work")


@pytest.fixture
def open_stage(page_office: Path, tmp_path: Path) -> Iterator[Opener]:
    """Return a function that opens a stage; it is closed after the test."""
    opened: list[Stage] = []

    def open_it(kind: str) -> Stage:
        stage: Stage
        if kind == "machine":
            if machine_trouble():
                pytest.skip(machine_trouble())
            stage = MachineStage(page_office, tmp_path / "work")
        else:
            stage = FolderStage(copy_office(page_office, tmp_path / "root"), tmp_path / "work")
        opened.append(stage)
        return stage

    yield open_it
    for stage in opened:
        stage.close()
