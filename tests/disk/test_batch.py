"""Many files made durable together: each of them is, whatever the kernel, the disk and other programs do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from esmith.disk import Directory, Disk, SyncBatch, batch, kernel
from esmith.layout import Layout
from esmith.plan.host import DiskHost

MANY = 100


class Syncs:
    """What was synced: the names of files and directories, and ``/`` for a whole file system."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.found: list[str] = []
        #: Whether syncing a file system works.
        self.works = True
        fsync = os.fsync

        def noting(descriptor: int) -> None:
            self.found.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
            fsync(descriptor)

        def noting_all(_descriptor: int) -> bool:
            self.found.append("/")
            return self.works

        patch.setattr(os, "fsync", noting)
        patch.setattr(batch, "sync_file_system", noting_all)


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Syncs:
    """Note what is synced, on a machine where files may be synced together."""
    monkeypatch.setattr(batch, "_reports_errors", lambda: True)
    monkeypatch.setattr(batch, "_unwritten_bytes", lambda: 0)
    monkeypatch.setattr(batch, "file_system_kind", lambda _: 0xEF53)
    return Syncs(monkeypatch)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Return the files of a root with a directory ``place``."""
    (tmp_path / "place").mkdir()
    return Disk(str(tmp_path), frozenset({os.geteuid()}))


def write(disk: Disk, tmp_path: Path, count: int) -> None:
    """Write two files, a new directory and a file in it, as one batch."""
    together = SyncBatch(disk, count)
    place = disk.directory(str(tmp_path / "place"))
    for name in ("one", "two"):
        place.write(name, b"content", 0o644, None, together)
    new = disk.directory(str(tmp_path / "place/new"), make=0o755, batch=together)
    new.write("three", b"content", 0o644, None, together)
    together.sync()


def test_many_files(syncs: Syncs, disk: Disk, tmp_path: Path) -> None:
    """Many files are made durable by one sync of their file system."""
    write(disk, tmp_path, MANY)
    assert syncs.found == ["/"]


def test_few_files(syncs: Syncs, disk: Disk, tmp_path: Path) -> None:
    """Few files are synced one by one, and at once."""
    write(disk, tmp_path, 4)
    assert syncs.found == ["one", "two", "place", "three"]


def test_a_sync_that_fails(syncs: Syncs, disk: Disk, tmp_path: Path) -> None:
    """When the file system cannot be synced as a whole, each file and each directory is."""
    syncs.works = False
    write(disk, tmp_path, MANY)
    assert syncs.found == ["/", "one", "two", "place", "three"]


def test_a_disk_that_fails(syncs: Syncs, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When that fails as well, so does the whole."""
    syncs.works = False

    def failing(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match=r"Input/output error.*place/one"):
        write(disk, tmp_path, MANY)


def test_a_file_that_was_removed(syncs: Syncs, disk: Disk, tmp_path: Path) -> None:
    """A file that is gone again by then needs no sync."""
    syncs.works = False
    together = SyncBatch(disk, MANY)
    place = disk.directory(str(tmp_path / "place"))
    place.write("one", b"", 0o644, None, together)
    place.remove("one")
    together.sync()
    assert syncs.found == ["/"]


@pytest.mark.parametrize(
    ("release", "is_enough"),
    [("6.1.0-18-amd64", True), ("5.17.0", True), ("5.17-rc1", True), ("5.16.20", False), ("4.19.0", False)]
    + [("10.0", True), ("", False), ("6", False), ("strange.1", False)],
)
def test_the_kernel(monkeypatch: pytest.MonkeyPatch, release: str, is_enough: bool) -> None:
    """A kernel that does not report all errors, or of which that is not certain, is not asked."""
    names = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*names[:2], release, *names[3:])))
    assert batch._reports_errors() is is_enough


@pytest.mark.parametrize("fact", ["_reports_errors", "file_system_kind", "_unwritten_bytes"])
def test_where_it_is_not_used(
    syncs: Syncs, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fact: str
) -> None:
    """Where errors may get lost, or others have much to be written, each file is synced as it is written."""
    answers = {"_reports_errors": False, "file_system_kind": 0x6969, "_unwritten_bytes": MANY * 2**18 + 1}
    monkeypatch.setattr(batch, fact, lambda *_: answers[fact])
    write(disk, tmp_path, MANY)
    assert syncs.found == ["one", "two", "place", "three"]


def test_what_waits_to_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel says how much is not written yet; where it does not, that counts as too much."""
    assert 0 <= batch._unwritten_bytes() < float("inf")
    file = tmp_path / "meminfo"
    monkeypatch.setattr(batch, "_MEMORY", str(file))
    assert batch._unwritten_bytes() == float("inf")
    for text, expected in (("Dirty: 3 kB\nWriteback: 2 kB\n", 5 * 1024), ("Dirty: 3 kB\n", float("inf"))):
        file.write_text(text)
        assert batch._unwritten_bytes() == expected


def test_directories_of_users(syncs: Syncs, tmp_path: Path) -> None:
    """What is in a directory that others may write is synced as it is written: what fails there stops one file."""
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o777)
    disk = Disk(str(tmp_path), frozenset({os.geteuid()}))
    together = SyncBatch(disk, MANY)
    directory = disk.directory(str(place))
    assert isinstance(directory, Directory)
    directory.write("one", b"", 0o644, None, together)
    assert syncs.found == ["one"]


def test_nothing_is_installed_before_it_is_durable(syncs: Syncs, tmp_path: Path) -> None:
    """The first of many staged files that is installed makes all of them durable, if nobody did."""
    host = DiskHost(Layout(str(tmp_path)))
    targets = [str(tmp_path / f"file{number}") for number in range(MANY)]
    host.prepare(targets)
    before = len(syncs.found)
    staged = [host.stage(target, b"x", 0o644, None) for target in targets]
    assert syncs.found[before:] == []
    host.install(staged[0])
    assert syncs.found[before:] == ["/"]
    for one in staged[1:]:
        host.install(one)
    host.sync({str(tmp_path)})
    assert syncs.found[before:] == ["/", tmp_path.name]


def test_no_descriptor_is_left_open(syncs: Syncs, disk: Disk, tmp_path: Path) -> None:
    """A batch that is given up closes what it has open."""
    place = disk.directory(str(tmp_path / "place"))
    before = len(os.listdir("/proc/self/fd"))
    together = SyncBatch(disk, MANY)
    assert together.takes(place)
    del together
    assert len(os.listdir("/proc/self/fd")) == before
    assert syncs.found == []


def test_the_system_calls(tmp_path: Path) -> None:
    """A real file system is synced, and says what it is."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert kernel.sync_file_system(descriptor)
        assert kernel.file_system_kind(descriptor) != 0
    finally:
        os.close(descriptor)
    assert not kernel.sync_file_system(descriptor)
    assert kernel.file_system_kind(descriptor) == 0
