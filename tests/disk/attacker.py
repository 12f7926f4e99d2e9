"""A user who exchanges names in his home as fast as he can, while root works there."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from esmith.temporary import temporary_name

#: How often the names of new files are exchanged before what is there is looked at.
_TIGHT_ROUNDS = 20
#: How many names of new files are tried; root makes a few in each round.
_GUESSES = 12
_AT_FDCWD, _RENAME_EXCHANGE, _PR_SET_PDEATHSIG = -100, 2, 1


def _exchange(libc: ctypes.CDLL, first: str, second: str) -> None:
    """Exchange two names (renameat2(2)); when one is gone meanwhile, nothing happens."""
    libc.renameat2(_AT_FDCWD, first.encode(), _AT_FDCWD, second.encode(), _RENAME_EXCHANGE)


def _guesses(name: str) -> list[str]:
    """Return what the next new files of root are called, after one of them."""
    begin, _, last = name.rpartition("-")
    return [f"{begin}-{int(last) + number}" for number in range(_GUESSES)]


def _prepare(victim: Path) -> list[str]:
    """Make what is put in the place of files, and return the names."""
    os.symlink(victim, "link")
    os.symlink(victim, "second link")
    os.mkdir("directory")
    os.mkfifo("fifo")
    Path("own").write_text("own\n")
    os.link("own", "second")
    os.symlink(victim.parent, "way")
    return ["own", "directory", "own", "fifo", "own", "second", "own", "way"]


def exchange_all(libc: ctypes.CDLL, victim: Path, root: str) -> Iterator[None]:
    """Put links in the place of new files, and all kinds of things in the place of the file.

    :param root: the name of root's last new file; those of the next ones differ from it by their numbers alone.
    """
    obstacles = _prepare(victim)
    staged = _guesses(root)
    number = 0
    while True:
        yield
        for name in staged * _TIGHT_ROUNDS:
            _exchange(libc, name, "link")
        for link in ("link", "second link"):
            # One that root took for its file is gone.
            with contextlib.suppress(OSError):
                if not os.path.islink(link):
                    os.symlink(victim, "new link")
                    os.rename("new link", link)
        with contextlib.suppress(OSError):
            for name in os.listdir("."):
                if name.startswith(".esmith-"):
                    staged = _guesses(name)
                    _exchange(libc, name, "second link")
                elif name == ".qmail":
                    number += 1
                    _exchange(libc, name, obstacles[number % len(obstacles)])


def exchange_with_foreign(libc: ctypes.CDLL, _victim: Path, _root: str) -> Iterator[None]:
    """Exchange the file with one of root's that lies beside it, as fast as possible."""
    while True:
        yield
        for _ in range(_TIGHT_ROUNDS):
            _exchange(libc, ".qmail", "foreign")


def take_away(_libc: ctypes.CDLL, _victim: Path, _root: str) -> Iterator[None]:
    """Take the file away and bring it back, as fast as possible."""
    while True:
        yield
        for _ in range(_TIGHT_ROUNDS):
            with contextlib.suppress(OSError):
                os.rename(".qmail", "away")
            with contextlib.suppress(OSError):
                os.rename("away", ".qmail")


Attack = Callable[[ctypes.CDLL, Path, str], Iterator[None]]


def _attack(attack: Attack, home: Path, user: int, victim: Path, root: str, ready: int) -> None:
    os.chdir(home)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for turn, _ in enumerate(attack(libc, victim, root)):
        if not turn:
            os.write(ready, b"x")


@contextlib.contextmanager
def attacking(attack: Attack, home: Path, user: int, victim: Path) -> Iterator[None]:
    """Have a process of a user exchange names in his home.

    :param attack: what it does again and again.
    :param victim: the file of root that he wants.
    """
    reading, writing = os.pipe()
    root = temporary_name()
    pid = os.fork()
    if pid == 0:
        try:
            _attack(attack, home, user, victim, root, writing)
        finally:
            os._exit(1)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"x", "the attacker could not begin"
        yield
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), "the attacker ended by itself"
