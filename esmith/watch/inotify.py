"""inotify, by way of watchdog.

This uses watchdog's :class:`InotifyFD` and not its observers. An observer of version 7.1 does not inform its handlers
of a queue overflow (``InotifyWatchGroup.on_queue_overflow`` only rebuilds its watches), and says nothing when a
sub-directory cannot be watched because the limit of watches is reached (``_add_callback`` drops the error).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import queue
import signal
import time

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from esmith.errors import EsmithError
from esmith.names import counted
from esmith.watch.places import Places
from esmith.watch.source import Kind, Notice

_MASK = Mask(
    InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
)
#: No such watch: what watchdog returns when the directory may not be read.
_NONE = -1
#: The longest wait without a look at signals, in seconds. Python does what a signal asks for between two steps of the
#: main thread: one that comes just before a wait does not end it, and is noticed after it.
_LONGEST_WAIT = 2.0
_LIMITS = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}


class _Place:
    """One watched directory; watchdog calls it from its own thread."""

    def __init__(self, directory: str, names: frozenset[str] | None, notices: queue.SimpleQueue[Notice]) -> None:
        self.directory = directory
        self.names = names
        self.descriptor = WatchDescriptor(_NONE)
        self.id = CallbackId(0)
        self.identity = _identity(directory)
        self.is_gone = False
        self._notices = notices

    def on_event(self, event: InotifyEvent) -> None:
        """Pass an event on, if it is of a name that matters."""
        name = os.fsdecode(event.name)
        if name and self.names is not None and name not in self.names:
            return
        # Of a directory only its times can be modified.
        kind = Kind.WRITING if event.is_modify and not event.is_directory else Kind.DONE
        self._notices.put(Notice(kind, os.path.join(self.directory, name) if name else self.directory))

    def on_watch_deleted(self, _wd: WatchDescriptor) -> None:
        """Note that the kernel has dropped the watch, because the directory is gone."""
        self.is_gone = True
        self._notices.put(Notice(Kind.DONE, self.directory))

    def on_queue_overflow(self) -> None:
        """Note that events were lost; perhaps the one for the end of this directory."""
        self.is_gone = True
        self._notices.put(Notice(Kind.LOST))


class InotifySource:
    """Passes on the notices of inotify; implements :class:`esmith.watch.source.Source`.

    :raises EsmithError: when no inotify instance is left.
    """

    def __init__(self) -> None:
        self._notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._places: dict[str, _Place] = {}
        self._count = 0
        # What watchdog logs comes as a notice too.
        logging.getLogger("watchdog").addHandler(logging.NullHandler())
        try:
            self._inotify = InotifyFD()
        except OSError as error:
            raise EsmithError(f"inotify cannot be used: {error.strerror}", hint=_advice(error)) from error
        self._inotify.start()

    def stop(self) -> None:
        """Have ``wait`` return that the watcher is to end; may be called in a signal handler."""
        self._notices.put(Notice(Kind.STOP))

    def wait(self, timeout: float | None) -> list[Notice]:
        """Wait until something happens and return it; nothing when the time is up."""
        found = self._first(timeout)
        with contextlib.suppress(queue.Empty):
            while found:
                found.append(self._notices.get_nowait())
        # A thousand writes are one: what matters is which file, and whether it is open.
        return list(dict.fromkeys(reversed(found)))[::-1]

    def _first(self, timeout: float | None) -> list[Notice]:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LONGEST_WAIT if end is None else end - time.monotonic()
            with contextlib.suppress(queue.Empty):
                return [self._notices.get(timeout=max(min(left, _LONGEST_WAIT), 0.0))]
            if left <= _LONGEST_WAIT and end is not None:
                return []

    def watch(self, wanted: Places) -> tuple[bool, list[str]]:
        """Watch these directories and no others."""
        for directory, place in list(self._places.items()):
            if directory not in wanted or place.is_gone or place.identity != _identity(directory):
                self._forget(place)
            else:
                place.names = wanted[directory]
        added = False
        failed: dict[int, list[str]] = {}
        for directory in sorted(wanted.keys() - self._places.keys()):
            trouble = self._add(directory, wanted[directory])
            if trouble:
                failed.setdefault(trouble, []).append(directory)
            else:
                added = True
        return added, [_message(number, directories) for number, directories in failed.items()]

    def is_open(self, path: str) -> bool:
        """Return whether somebody has a file open for writing; of a file of another user only root can know.

        A read lease is refused while there is a writer (fcntl(2), F_SETLEASE).
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            # A writer that comes in this very moment has this signal sent, which does nothing.
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            return error.errno == errno.EAGAIN
        finally:
            os.close(descriptor)
        return False

    def close(self) -> None:
        """Watch nothing any more."""
        self._inotify.stop()
        self._inotify.join()

    def _add(self, directory: str, names: frozenset[str] | None) -> int:
        """Watch a directory; return the number of the error when that is not possible."""
        place = _Place(directory, names, self._notices)
        self._count += 1
        place.id = CallbackId(self._count)
        if not os.access(directory, os.R_OK):
            return errno.EACCES if os.path.isdir(directory) else 0
        try:
            place.descriptor = self._inotify.add_callback(os.fsencode(directory), _MASK, place, place.id)
        except OSError as error:
            return 0 if error.errno in (errno.ENOENT, errno.ENOTDIR) else error.errno or errno.EIO
        if place.descriptor == _NONE:
            return errno.EACCES
        self._places[directory] = place
        return 0

    def _forget(self, place: _Place) -> None:
        del self._places[place.directory]
        self._inotify.remove_callbacks([(place.descriptor, place.id)])


def _identity(directory: str) -> tuple[int, int] | None:
    try:
        status = os.stat(directory)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _message(number: int, directories: list[str]) -> str:
    more = f" and {counted(len(directories) - 1, 'other place')}" if len(directories) > 1 else ""
    reason = "the limit of inotify watches is reached" if number == errno.ENOSPC else os.strerror(number)
    text = f"{directories[0]}{more} cannot be watched: {reason}; looked at once a minute instead"
    return "\n  ".join(part for part in (text, _advice(OSError(number, ""))) if part)


def _advice(error: OSError) -> str:
    """Return the cure for an error of inotify, as far as there is one."""
    limit = _LIMITS.get(error.errno or 0)
    return f"raise the limit as root, e.g. sysctl fs.inotify.{limit}={_raised(limit)}" if limit else ""


def _raised(limit: str) -> int:
    try:
        with open(f"/proc/sys/fs/inotify/{limit}", encoding="ascii") as file:
            return 2 * int(file.read())
    except (OSError, ValueError):
        return 524288
