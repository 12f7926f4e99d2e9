"""The stages: the office, prepared once; a machine or a root folder over a copy of it for each play."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.page.office import copy_office, make_office
from tests.page.stage import FolderStage, MachineStage, Stage
from tests.programs import missing


class Opener(Protocol):
    """Opens a stage of one kind: ``machine`` or ``folder``."""

    def __call__(self, kind: str, *, forked: bool = True) -> Stage:
        """Open it; its commands are forked, or started for real."""


@functools.cache
def machine_trouble() -> str:
    """Return why no machine can be had here, "" when one can."""
    if os.geteuid() != 0:
        return "needs root: a machine of its own (mount namespaces and chown)"
    if text := missing("unshare"):
        return text
    words = ("unshare", "-m", "-u", "-n", "-i", "-p", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"not possible here: no mount namespaces are allowed: {done.stderr.strip()}"


#: TreeState a test that is played on a machine.
on_a_machine = pytest.mark.skipif(machine_trouble() != "", reason=machine_trouble() or "-")


def kind_of_stage() -> str:
    """Return the better kind of stage there is. PAGE_STAGE=folder in the environment asks for the other one."""
    return "folder" if machine_trouble() else os.environ.get("PAGE_STAGE", "machine")


@pytest.fixture(scope="session")
def page_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root folder of the office; it must not be changed."""
    folder = tmp_path_factory.mktemp("office")
    return make_office(folder / "root", folder / "work")


@pytest.fixture
def better_stage(record_property: Callable[[str, object], None]) -> None:
    """Say, for ``.ci/run``, that root would play this on a machine."""
    if machine_trouble().startswith("needs root"):
        record_property("as root", "on a machine")


def open_stage_in(folder: Path, office: Path, kind: str, *, forked: bool = True, checked: bool = True) -> Stage:
    """Open a stage of a kind over the office; skip the test where there is none.

    :param folder: an empty directory for it.
    :param forked: whether the engine's commands are forked by a server, or started for real.
    :param checked: whether programs check the files.
    """
    if kind == "machine":
        if machine_trouble():
            pytest.skip(machine_trouble())
        return MachineStage(office, folder / "work", forked=forked, checked=checked)
    return FolderStage(copy_office(office, folder / "root"), folder / "work", forked=forked, checked=checked)


@pytest.fixture
def open_stage(page_office: Path, tmp_path: Path) -> Iterator[Opener]:
    """Return a function that opens a stage; it is closed after the test."""
    opened: list[Stage] = []

    def open_it(kind: str, *, forked: bool = True) -> Stage:
        opened.append(open_stage_in(tmp_path, page_office, kind, forked=forked))
        return opened[-1]

    yield open_it
    for stage in opened:
        stage.close()
