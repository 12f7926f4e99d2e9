"""The outbox: what was noted there is found by the next agent, whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from esmith.fleet.agent import prepared
from esmith.fleet.agent.outbox import Outbox, Sent

if TYPE_CHECKING:
    from esmith.fleet.agent.outbox import HostChange

PREPARED = "prepared"


def sent(number: int, host: int = 1) -> Sent:
    """Return a change that is to become a revision.

    :param host: how many cells of the host it has.
    """
    cells: list[HostChange] = [("configuration", f"Own{one}", "", "mine") for one in range(host)]
    return Sent(f"{number:032x}", number, "a" * 64, "b" * 64, cells)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The directory of an outbox, which is made when it is needed."""
    return tmp_path / "outbox"


def found(folder: Path) -> list[Sent]:
    """Return what an agent that begins now finds."""
    return Outbox(str(folder)).all()


def test_what_was_noted_is_found(folder: Path) -> None:
    """Short or long, one or more at once: each change is there until it is removed, also for the next agent."""
    outbox = Outbox(str(folder))
    changes = [sent(1), sent(2), sent(3, host=1000)]
    for one in changes:
        outbox.add(one)
    assert found(folder) == outbox.all() == changes
    for one in changes:
        outbox.remove(one.token)
        assert found(folder) == outbox.all() == changes[one.revision :]


def test_what_is_removed_leaves_nothing(folder: Path) -> None:
    """Values of this host, which may be secrets, are in no file of the outbox once their change is settled."""
    outbox = Outbox(str(folder))
    outbox.add(sent(1))
    assert b"mine" in (folder / PREPARED).read_bytes()
    outbox.remove(sent(1).token)
    assert not any(b"mine" in file.read_bytes() for file in folder.iterdir())


def test_the_file_is_made_once(folder: Path) -> None:
    """One change after the other is noted in the same file, whose size and place stay: it needs no new room."""
    outbox = Outbox(str(folder))
    looks = set()
    for number in range(1, 5):
        outbox.add(sent(number, host=number))
        assert found(folder) == [sent(number, host=number)]
        status = (folder / PREPARED).stat()
        looks.add((status.st_ino, status.st_size))
        outbox.remove_until(number)
        assert found(folder) == []
    assert len(looks) == 1
    assert os.listdir(folder) == [PREPARED]


def test_a_new_agent_does_not_write_over_what_is_open(folder: Path) -> None:
    """What an agent left behind in the file stays there while the next one notes more."""
    Outbox(str(folder)).add(sent(1))
    outbox = Outbox(str(folder))
    outbox.add(sent(2))
    assert found(folder) == [sent(1), sent(2)]
    outbox.remove(sent(1).token)
    outbox.add(sent(3))
    assert found(folder) == [sent(2), sent(3)]


def test_a_machine_that_went_down_meanwhile(folder: Path) -> None:
    """When only a part of a change reached the disk, over an older one, what is found is one of them whole, or none."""
    outbox = Outbox(str(folder))
    path = folder / PREPARED
    old, new = sent(1), sent(2, host=20)
    outbox.add(old)
    before = path.read_bytes()
    outbox.remove_until(1)
    outbox.add(new)
    after = path.read_bytes()
    seen = []
    for cut in range(0, after.index(b"\n") + 2, 7):
        for data in (after[:cut] + before[cut:], before[:cut] + after[cut:]):
            path.write_bytes(data)
            seen.append(found(folder))
    assert [one for one in seen if one not in ([], [old], [new])] == []
    assert seen.count([]) > len(seen) // 2
    path.write_bytes(after)
    assert found(folder) == [new]


def _link(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def _second_name(path: Path) -> None:
    path.with_name("other").hardlink_to(path)


def _short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _open_to_all(path: Path) -> None:
    path.chmod(0o666)


@pytest.mark.parametrize("spoil", [_link, _second_name, _short, _open_to_all, Path.unlink])
def test_a_file_that_is_not_as_it_was_made(folder: Path, spoil: Callable[[Path], None]) -> None:
    """Another file in the place of the prepared one is not believed, and a new one takes its place."""
    Outbox(str(folder)).add(sent(1))
    spoil(folder / PREPARED)
    assert found(folder) == []
    outbox = Outbox(str(folder))
    outbox.add(sent(2))
    assert found(folder) == [sent(2)]
    status = (folder / PREPARED).lstat()
    assert (status.st_mode, status.st_nlink) == (0o100600, 1)


def test_what_cannot_be_flushed_is_not_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk does not take a change, it is not noted, and the next one is."""

    class Failing:
        """The system, but for its flush."""

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        def fdatasync(self, _file: int) -> None:
            raise OSError(errno.EIO, "no")

    outbox = Outbox(str(folder))
    with monkeypatch.context() as patched:
        patched.setattr(prepared, "os", Failing())
        with pytest.raises(OSError, match="no"):
            outbox.add(sent(1))
    assert found(folder) == outbox.all() == []
    outbox.add(sent(2))
    assert found(folder) == [sent(2)]


def test_where_nothing_can_take_its_place(folder: Path) -> None:
    """With a directory in the place of the file the change cannot be noted, and the error names that."""
    outbox = Outbox(str(folder))
    (folder / PREPARED).mkdir()
    with pytest.raises(OSError, match="directory"):
        outbox.add(sent(1))
    assert found(folder) == outbox.all() == []


def test_what_is_not_a_file_of_the_outbox(folder: Path) -> None:
    """A FIFO, a link and a folder among the files end nothing, and nothing waits for them."""
    outbox = Outbox(str(folder))
    for one in (sent(1), sent(2)):
        outbox.add(one)
    os.mkfifo(folder / f"{3:032x}.json")
    os.mkfifo(folder / "other")
    (folder / f"{4:032x}.json").symlink_to(f"{2:032x}.json")
    (folder / f"{5:032x}.json").mkdir()
    assert found(folder) == [sent(1), sent(2)]
