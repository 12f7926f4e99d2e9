"""One event at a time per root; an event that an action signals runs inside the one that holds the lock.

Two things are locked: ``event.lock``, which says to people who holds it, and a range of the data file
(:mod:`esmith.store.locks`). Somebody may delete the first, taking it for what a killed event left; the second
still keeps others out, and says which process it is and what its secret word is.
"""

from __future__ import annotations

import fcntl
import os
import time

from esmith.contexts import suppress
from esmith.directories import make_directory, open_file
from esmith.errors import BusyError, InstallError, UntrustedError
from esmith.plan.host import trouble
from esmith.store import changing_file
from esmith.store.locks import EVENT, RangeLock, try_flock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from esmith.layout import Layout

#: For the commands that an action runs: their event holds the lock, and this is its secret.
ENVIRONMENT = "ESMITH_EVENT_LOCK"
_POLL_SECONDS = 0.1
#: The length of the secret word. It only keeps apart what runs by mistake at the same time.
_WORD_BITS = 32
#: What is in the directory of the state.
_STATE = (
    *("event.lock", "confirm.lock", "machine", "shipped", "service-directories", "generations", "kept", "set-aside"),
    *("check", "code", "home", "staged", "stamps", "bases", "drafts", "version", "last-backup", "backups"),
    *("doctor", "manager", "fleet"),
)


class EventLock:
    """The lock of a root, held while used as a context manager.

    :param layout: the root.
    :param what: what it is held for, shown to those who wait.
    :param timeout: how long to wait, in seconds.
    :param say: called once with a message when there is somebody to wait for.
    """

    def __init__(self, layout: Layout, what: str, *, timeout: float, say: Callable[[str], None]) -> None:
        self._layout = layout
        self._path = layout.event_lock
        self._what = what
        self._timeout = timeout
        self._say = say
        self._descriptor: int | None = None
        self._word = os.urandom(_WORD_BITS // 8).hex()
        self._range = RangeLock(changing_file(layout), EVENT)

    def __enter__(self) -> Self:
        """Wait for the lock and take it.

        :raises BusyError: when it is not free in time.
        :raises UntrustedError: when what the engine keeps is not in the hands of its owners alone.
        """
        deadline = time.monotonic() + self._timeout
        is_reported = False
        while True:
            # Somebody may have deleted the file meanwhile, so each try opens what is there.
            descriptor = self._open()
            if self._take(descriptor):
                break
            word, holder = _holder(descriptor, _label(self._range))
            os.close(descriptor)
            if word and os.environ.get(ENVIRONMENT) == word:
                self._word = word
                return self
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"{holder} is still running", place=self._path, hint="wait for it, or use a longer --timeout"
                )
            if not is_reported:
                self._say(f"waiting for {holder} to end")
                is_reported = True
            time.sleep(_POLL_SECONDS)
        self._descriptor = descriptor
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{self._word}\n{self._what} (process {os.getpid()})\n".encode(), 0)
        except OSError as error:
            self.__exit__(None, None, None)
            raise trouble(self._path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            # What is left in the file says nothing once it is not locked any more.
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._range.release()
            self._descriptor = None

    def _take(self, descriptor: int) -> bool:
        """Take both locks, or none; return whether that was possible.

        :param descriptor: the file, open; it is closed when this fails for another reason.
        """
        taken = False
        try:
            taken = try_flock(descriptor) and self._take_range()
        except OSError as error:
            os.close(descriptor)
            raise trouble(changing_file(self._layout), error) from error
        if not taken:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        return taken

    def _take_range(self) -> bool:
        try:
            return self._range.take(os.getpid() << _WORD_BITS | int(self._word, 16))
        except FileNotFoundError:
            # Before the databases are made there is nothing else to lock, and no event either.
            return True

    @property
    def is_nested(self) -> bool:
        """Whether this command runs inside another that holds the lock."""
        return self._descriptor is None

    @property
    def environment(self) -> dict[str, str]:
        """What an action needs in its environment to signal an event itself."""
        return {ENVIRONMENT: self._word}

    def _open(self) -> int:
        for fault in state_faults(self._layout):
            raise fault
        try:
            make_directory(os.path.dirname(self._path))
            return open_file(self._path, os.O_RDWR, 0o600)
        except OSError as error:
            raise InstallError(
                f"the lock cannot be opened: {error.strerror}",
                place=self._path,
                hint="run it as root, or as the owner of the root folder",
            ) from error


def state_faults(layout: Layout) -> Iterator[UntrustedError]:
    """Yield what is not in the hands of its owners alone of what the engine keeps besides the databases.

    Of a generation that is its directory: the files in it are those it replaced, some of which belong to users.
    """
    for name in _STATE:
        yield from layout.trust.faults(os.path.join(layout.state, name))
    generations = os.path.join(layout.state, "generations")
    for name in os.listdir(generations) if os.path.isdir(generations) else []:
        yield from layout.trust.faults(os.path.join(generations, name))


def is_held(layout: Layout) -> bool:
    """Return whether an event runs, without disturbing one that is about to begin.

    :raises InstallError: when the lock cannot be read.
    """
    return find_holder(layout) is not None


def find_holder(layout: Layout) -> str | None:
    """Return what runs with the lock, e.g. ``event email-update (process 123)``; None when nothing does.

    Looking disturbs nobody who is about to take the lock.

    :raises InstallError: when the lock cannot be read.
    """
    lock = RangeLock(changing_file(layout), EVENT)
    try:
        label = _label(lock)
        if label is None:
            return None
        descriptor = os.open(layout.event_lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return _described(label) if label is not None else None
    except OSError as error:
        raise InstallError(f"the lock cannot be read: {error.strerror}", place=layout.event_lock) from error
    try:
        return _holder(descriptor, label)[1]
    finally:
        os.close(descriptor)


def _holder(descriptor: int, label: int | None) -> tuple[str, str]:
    """Return the secret word of who holds the lock, and what it is.

    :param descriptor: the file that says so, open. It may be a new one, or that of an earlier holder.
    :param label: that of the lock; None when only the file is locked.
    """
    lines = os.pread(descriptor, 1000, 0).decode("utf-8", "replace").splitlines()
    word, what = (lines[0], lines[1]) if len(lines) > 1 else ("", "another event")
    if label is None or word == _word_of(label):
        return word, what
    return _word_of(label), _described(label)


def _label(lock: RangeLock) -> int | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        return lock.find_label()
    return None


def _described(label: int) -> str:
    from esmith.store.waiting import describe

    return describe(label >> _WORD_BITS)


def _word_of(label: int) -> str:
    return f"{label & (1 << _WORD_BITS) - 1:0{_WORD_BITS // 4}x}"
