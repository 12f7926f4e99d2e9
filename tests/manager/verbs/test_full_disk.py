"""The disk of the jobs is full: a change is complete, or nothing of it is there; its end is noted later."""

from __future__ import annotations

import errno
import os

import pytest

from esmith.errors import InstallError
from esmith.manager import wire
from esmith.manager.helper import jobs, settling
from esmith.manager.helper.verbs import changes
from tests.events.kit import Scene
from tests.manager.verbs.kit import Desk


class _Disk:
    """A disk that takes half of what is written to files of jobs while it is full.

    :param patch: puts it in the place of write(2).
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._write = os.write
        #: A word of the first line that finds it full; None while there is room.
        self.full_from: bytes | None = None
        self._is_full = False
        patch.setattr(os, "write", self._take)

    def _take(self, descriptor: int, data: bytes) -> int:
        if self.full_from is None or "/manager/jobs/" not in os.readlink(f"/proc/self/fd/{descriptor}"):
            return self._write(descriptor, data)
        self._is_full = self._is_full or self.full_from in data
        if not self._is_full:
            return self._write(descriptor, data)
        if len(data) > 2:
            return self._write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> _Disk:
    """Return a disk with room."""
    return _Disk(monkeypatch)


def test_no_room_to_begin(desk: Desk, disk: _Disk) -> None:
    """Nothing is changed, and no file is left."""
    disk.full_from = b"begin"
    with pytest.raises(InstallError, match="cannot be noted"):
        desk.apply(desk.setting("A", values={"value": "second"}))
    assert desk.value("A", "value") == "first"
    assert os.listdir(os.path.join(desk.layout.manager, "jobs")) == []


@pytest.mark.parametrize("line", [b'"stored"', b'"started"', b'"step"', b'"end"'])
def test_no_room_later(desk: Desk, disk: _Disk, line: bytes) -> None:
    """The change is done, and stays; the job looks as if it ran still, until there is room to say that it has ended."""
    disk.full_from = line
    id = desk.call("apply", operation=desk.setting("A", values={"value": "second"}), confirm=None)["id"]
    assert desk.call("job", job=id)["state"] == "running"
    assert [one["id"] for one in desk.call("jobs")["jobs"]] == [id]
    assert settling.settle_jobs(desk.layout) == []
    disk.full_from = None
    assert desk.call("job", job=id)["state"] == "done"
    assert desk.value("A", "value") == "second"
    assert desk.file("/etc/t").read_text() == "second\n"


def test_no_room_for_a_failure(scene: Scene, desk: Desk, disk: _Disk) -> None:
    """When the event fails, settings and files are as before; the job says so when there is room."""
    scene.event("/etc/t\n", actions={"S30try": "echo it broke; exit 1"})
    disk.full_from = b'"step"'
    id = desk.call("apply", operation=desk.setting("A", values={"value": "second"}), confirm=None)["id"]
    assert desk.value("A", "value") == "first"
    disk.full_from = None
    job = desk.call("job", job=id)
    assert (job["state"], job["error"]["settings_back"]) == ("lost", True)
    assert desk.file("/etc/t").read_text() == "first\n"


def test_too_many_jobs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many jobs run at once, and no more; what is not confirmed can still be taken back."""
    monkeypatch.setattr(changes, "_MOST_RUNNING", 2)
    running = [jobs.JobFile.begin(desk.layout, {}) for _ in range(2)]
    operation = desk.setting("A", values={"value": "second"})
    assert desk.refusal("apply", operation=operation, confirm=None).kind == wire.BUSY
    assert desk.refusal("take-back").kind == wire.NOT_FOUND
    running.pop().close()
    assert desk.apply(operation)["state"] == "done"
    running.pop().close()
