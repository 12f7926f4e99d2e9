"""What inotify reports, and what it is asked to report."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers import inotify_c
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from esmith.errors import EsmithError
from esmith.watch.inotify import InotifySource
from esmith.watch.places import Places
from esmith.watch.source import Kind, Notice
from tests.events.kit import DEADLINE_SECONDS


@pytest.fixture
def source() -> Iterator[InotifySource]:
    """The real inotify."""
    source = InotifySource()
    yield source
    source.close()


def _until(source: InotifySource, wanted: Callable[[list[Notice]], bool]) -> list[Notice]:
    """Collect notices until they are what is wanted."""
    notices: list[Notice] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not wanted(notices):
        assert time.monotonic() < deadline, notices
        notices += source.wait(1.0)
    return notices


def _set_modification_time(path: Path) -> None:
    """Set only that: os.utime sets both times, which the kernel reports differently."""
    subprocess.run(["touch", "-c", "-m", "-h", "-d", "2020-01-01", str(path)], check=True)


def _all(*directories: Path) -> Places:
    return dict.fromkeys(map(str, directories))


def test_a_save_begins_and_ends(source: InotifySource, tmp_path: Path) -> None:
    """A file that is written is reported as open, and as done when it is closed."""
    source.watch(_all(tmp_path))
    path = str(tmp_path / "a")
    with open(path, "w") as file:
        file.write("half")
        file.flush()
        _until(source, lambda notices: Notice(Kind.WRITING, path) in notices)
    _until(source, lambda notices: notices[-1:] == [Notice(Kind.DONE, path)])


def test_a_time_of_a_directory_is_no_writing(source: InotifySource, tmp_path: Path) -> None:
    """When only the modification time of a directory is set, as by tar, nothing is waited for."""
    place = tmp_path / "d"
    place.mkdir()
    source.watch(_all(tmp_path))
    _set_modification_time(place)
    notices = _until(source, bool)
    assert {notice.kind for notice in notices} == {Kind.DONE}


def test_a_file_is_open_as_long_as_somebody_writes(source: InotifySource, tmp_path: Path) -> None:
    """A writer is seen, in this process or another; a reader, a time that is set, and a missing file are none."""
    path = str(tmp_path / "a")
    assert not source.is_open(path)
    writer = subprocess.Popen(["sh", "-c", 'exec >"$1"; echo; read x', "sh", path], stdin=subprocess.PIPE)
    try:
        while not os.path.exists(path) or not os.path.getsize(path):
            time.sleep(0.01)
        assert source.is_open(path)
    finally:
        writer.communicate()
    _set_modification_time(Path(path))
    with open(path):
        assert not source.is_open(path)
    assert not source.is_open(str(tmp_path))


def test_a_name_that_does_not_matter_is_not_reported(source: InotifySource, tmp_path: Path) -> None:
    """Of a directory with names only these are reported."""
    source.watch({str(tmp_path): frozenset({"b"})})
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    notices = _until(source, bool)
    assert {notice.path for notice in notices} == {str(tmp_path / "b")}


def test_a_directory_that_is_made_again_is_watched_again(source: InotifySource, tmp_path: Path) -> None:
    """A directory that was removed and made again is watched from then on, and the answer says so."""
    place = tmp_path / "d"
    place.mkdir()
    assert source.watch(_all(place)) == (True, [])
    assert source.watch(_all(place)) == (False, [])
    shutil.rmtree(place)
    _until(source, lambda notices: Notice(Kind.DONE, str(place)) in notices)
    place.mkdir()
    assert source.watch(_all(place)) == (True, [])
    (place / "a").touch()
    _until(source, lambda notices: Notice(Kind.DONE, str(place / "a")) in notices)


def test_a_directory_that_is_exchanged_is_watched(source: InotifySource, tmp_path: Path) -> None:
    """When another directory is renamed to the place, that one is watched, and the old one no longer."""
    place, other = tmp_path / "d", tmp_path / "other"
    place.mkdir()
    other.mkdir()
    source.watch(_all(place))
    place.rename(tmp_path / "old")
    other.rename(place)
    assert source.watch(_all(place)) == (True, [])
    (tmp_path / "old/a").touch()
    (place / "b").touch()
    notices = _until(source, lambda notices: Notice(Kind.DONE, str(place / "b")) in notices)
    assert str(place / "a") not in {notice.path for notice in notices}


def test_an_overflow_is_reported(source: InotifySource, tmp_path: Path) -> None:
    """When the kernel's queue overflows, that is reported, and every directory is watched again."""
    source.watch(_all(tmp_path))
    source._inotify.handle_event(InotifyEvent(WatchDescriptor(-1), InotifyConstants.IN_Q_OVERFLOW, 0, b""))
    assert _until(source, bool) == [Notice(Kind.LOST)]
    assert source.watch(_all(tmp_path)) == (True, [])
    (tmp_path / "a").touch()
    _until(source, lambda notices: Notice(Kind.DONE, str(tmp_path / "a")) in notices)


def test_a_real_overflow_is_reported(source: InotifySource, tmp_path: Path) -> None:
    """When more happens than the kernel's queue holds, that is reported."""
    source.watch(_all(tmp_path))
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip(f"not possible here: the kernel's queue holds {limit} events")
    with source._inotify._lock:
        # The reader needs this lock, so the queue fills.
        first, second = str(tmp_path / "a"), str(tmp_path / "b")
        Path(first).touch()
        for _ in range(limit):
            os.rename(first, second)
            first, second = second, first
    _until(source, lambda notices: Notice(Kind.LOST) in notices)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_directory_that_cannot_be_watched(
    source: InotifySource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The limit of watches is reported with the setting that raises it; the other directories are watched."""
    real = inotify_c.inotify_add_watch

    def add(descriptor: int, path: bytes, mask: int) -> WatchDescriptor:
        if path.endswith(b"refused"):
            ctypes.set_errno(number)
            return WatchDescriptor(-1)
        return real(descriptor, path, mask)

    monkeypatch.setattr(inotify_c, "inotify_add_watch", add)
    good, refused = tmp_path / "good", tmp_path / "refused"
    good.mkdir()
    refused.mkdir()
    added, (trouble,) = source.watch(_all(good, refused))
    assert added
    assert trouble.startswith(f"{refused} cannot be watched: ")
    assert ("sysctl fs.inotify.max_user_watches=" in trouble) == (number == errno.ENOSPC)
    (good / "a").touch()
    _until(source, lambda notices: Notice(Kind.DONE, str(good / "a")) in notices)


def test_no_instance_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are too many inotify instances the error names the setting that allows more."""

    def init() -> int:
        ctypes.set_errno(errno.EMFILE)
        return -1

    monkeypatch.setattr(inotify_c, "inotify_init", init)
    with pytest.raises(EsmithError, match=r"(?s)inotify cannot be used.*fs\.inotify\.max_user_instances="):
        InotifySource()


def test_a_signal_just_before_a_wait(source: InotifySource, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that does not end the wait, since it came before it or to another thread, is noticed soon after."""
    monkeypatch.setattr("esmith.watch.inotify._LONGEST_WAIT", 0.05)
    before = signal.signal(signal.SIGUSR1, lambda *_: source.stop())
    other = threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1))
    late = threading.Timer(DEADLINE_SECONDS, source.stop)
    begun = time.monotonic()
    late.start()
    try:
        other.start()
        assert source.wait(None) == [Notice(Kind.STOP)]
        assert time.monotonic() - begun < DEADLINE_SECONDS
    finally:
        late.cancel()
        other.join()
        signal.signal(signal.SIGUSR1, before)
