"""The file that holds the mark: whatever becomes of it, nothing is lost and damage is found."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.store.damage import FIRST, GETPROP, damaged, mark_file, marked, overwrite
from tests.store.stores import data_file
from tests.store.test_permissions import DATABASE, modes, run


def garbage(path: Path) -> None:
    """Write nonsense."""
    path.write_bytes(b"\xff" * 5000)


def longer(path: Path) -> None:
    """Append to the mark."""
    path.write_bytes(path.read_bytes() + b"\n")


def link(path: Path) -> None:
    """Link it to another file."""
    path.unlink()
    path.with_name("elsewhere").write_text("kept")
    path.symlink_to("elsewhere")


def fifo(path: Path) -> None:
    """Put a pipe there, which would block who opens it."""
    path.unlink()
    os.mkfifo(path)


def directory(path: Path) -> None:
    """Put a directory there."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [Path.unlink, garbage, longer, link, fifo, directory])
def test_a_spoilt_mark(used: Root, spoil: Callable[[Path], None]) -> None:
    """Whatever becomes of the mark, reading and writing go on, and damage is found."""
    spoil(mark_file(used))
    assert used.run(*GETPROP).out == f"{FIRST}\n"
    used.run("config", "setprop", "record010", "first", "x")
    assert used.run(*GETPROP).out == "x\n"
    assert marked(used) == (spoil not in (link, fifo, directory)), "what is not a file is left as it is"
    if spoil is link:
        assert mark_file(used).read_text() == "kept"
    overwrite(used, damaged(data_file(used).read_bytes()))
    used.run(*GETPROP, code=ExitCode.STORE)


def test_a_mark_made_by_somebody_else(used: Root) -> None:
    """A mark that may not be written, e.g. one that root left behind, is replaced by who may write the directory."""
    mark_file(used).unlink()
    mark_file(used).touch(mode=0)
    assert run(used, *GETPROP) == (0, f"{FIRST}\n", "")
    assert marked(used)
    assert mark_file(used).stat().st_mode & 0o777 == 0o600


def test_where_no_mark_can_be_written(used: Root) -> None:
    """Who may not write the directory can still read and write, and damage is found; it costs a verification."""
    mark_file(used).unlink()
    with modes(used, {DATABASE: 0o500}):
        assert run(used, *GETPROP) == (0, f"{FIRST}\n", "")
        assert run(used, "config", "setprop", "record010", "first", "x") == (0, "", "")
        assert run(used, *GETPROP) == (0, "x\n", "")
        assert not mark_file(used).exists()
        overwrite(used, damaged(data_file(used).read_bytes()))
        code, _, err = run(used, *GETPROP)
    assert code == ExitCode.STORE
    assert "damaged" in err
