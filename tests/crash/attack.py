"""One run of a command, which is let go on, killed, or gets an error from the kernel."""

from __future__ import annotations

import atexit
import errno
import io
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TextIO

from esmith.disk import batch
from tests import fork_server
from tests.crash.calls import Site, ends_commit, site_of
from tests.crash.seccomp import answer, install_filter, receive

#: The errors of a disk, and of a process that may have no more descriptors.
ERRORS = ("ENOSPC", "EIO", "EROFS", "EACCES", "EMFILE", "EDQUOT")
#: The signals that end a command in order.
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")
#: Far more than any command takes, also on a machine that has other work; what is not at its end then is a violation of
#: its own.
LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class Attack:
    """What is done to a command.

    :param at: the number of the call, from 1, before which it is done; 0 for none.
    :param error: the name of an error that the call gets; "" to kill.
    :param signal: the name of a signal that the command gets instead, whichever process calls; the call is carried out.
    :param lasting: whether all later calls get the error as well.
    :param whole_group: whether a kill hits the command with all its children, and not only the process that calls.
    :param after: when the whole group is killed, in seconds from the start; 0.0 for not.
    """

    at: int = 0
    error: str = ""
    signal: str = ""
    lasting: bool = False
    whole_group: bool = False
    after: float = 0.0

    def __str__(self) -> str:
        if self.after:
            return f"SIGKILL to the group after {self.after * 1000:.1f} ms"
        what = self.error or self.signal or ("SIGKILL to the group" if self.whole_group else "SIGKILL")
        return f"{what} at call {self.at}{' and all later' if self.lasting else ''}" if self.at else "nothing"


NO_ATTACK = Attack()


@dataclass
class Run:
    """What came of a command.

    :param code: its exit code, negative for a signal.
    :param printed: what it printed, both streams.
    :param sites: the call sites in order, up to its end.
    :param hit: where it was attacked; None when it was not.
    :param cpu: the processor time of it and of the children that it waited for, in seconds.
    :param hung: whether it had to be ended.
    """

    code: int = 0
    printed: str = ""
    sites: list[Site] = field(default_factory=list)
    hit: Site | None = None
    cpu: float = 0.0
    hung: bool = False


class Runner:
    """Runs commands of a root in children of this process, which has the engine imported.

    :param root: the root.
    :param ignored: beginnings of paths below it where calls do not count.
    :param environment: all of the environment of the commands.
    """

    def __init__(self, root: Path, ignored: tuple[str, ...], environment: dict[str, str]) -> None:
        self._root = str(root)
        self._ignored = ignored
        self._environment = environment

    def run(self, script: str, words: Sequence[str], attack: Attack = NO_ATTACK, *, traced: bool = True) -> Run:
        """Run a command to its end.

        :param script: the path of its Python script.
        :param words: its arguments, without the name.
        :param traced: whether calls are seen; without it nothing is attacked but by time, and it is faster.
        """
        run = Run()
        output = os.memfd_create("output")
        own, others = socket.socketpair()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            own.close()
            self._become(script, words, output, others if traced else None)
        others.close()
        # Also done by the child, whoever is first.
        with suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)
        with own:
            listeners = socket.recv_fds(own, 1, 1)[1] if traced else []
        self._supervise(pid, listeners[0] if listeners else None, attack, run, started)
        run.printed = os.pread(output, os.fstat(output).st_size, 0).decode("utf-8", "replace")
        os.close(output)
        return run

    def _become(self, script: str, words: Sequence[str], output: int, to_parent: socket.socket | None) -> NoReturn:
        try:
            os.setpgid(0, 0)
            # Those of the tests are not the command's.
            atexit._clear()
            # Which calls there are must not depend on what other programs write at the moment.
            setattr(batch, "_unwritten_bytes", lambda: 0)  # noqa: B010
            nothing = os.open(os.devnull, os.O_RDONLY)
            # Who runs the tests may have put others in their places, with something in them.
            sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
            if to_parent is not None:
                listener = install_filter()
                socket.send_fds(to_parent, [b"x"], [listener])
            name = os.path.join(self._root, "sbin/e-smith", os.path.basename(script))
            request = {"env": self._environment, "umask": 0o22, "cwd": "/", "argv": [name, *words], "script": script}
            fork_server.become(request, [nothing, output, output])
        finally:
            # As Python ends a command, which writes what nobody has caught.
            os.write(2, traceback.format_exc().encode())
            os._exit(1)

    def _supervise(self, pid: int, listener: int | None, attack: Attack, run: Run, started: float) -> None:
        """Answer each process that waits, until all have ended."""
        ended = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        if listener is not None:
            poll.register(listener, select.POLLIN)
        open_descriptors = {ended} | ({listener} if listener is not None else set())
        kill_at = started + attack.after if attack.after else None
        attacker = _Attacker(pid, listener, attack, run, self._root, self._ignored)
        while open_descriptors:
            now = time.monotonic()
            limit = started + LIMIT_SECONDS
            wait = (limit if kill_at is None else min(kill_at, limit)) - now
            found = poll.poll(max(0.0, wait) * 1000)
            if kill_at is not None and time.monotonic() >= kill_at:
                _kill_group(pid)
                kill_at = None
            elif not found and time.monotonic() >= limit:
                run.hung = True
                _kill_group(pid)
                break
            for descriptor, events in found:
                if descriptor == listener and events & select.POLLIN:
                    attacker.answer()
                else:
                    poll.unregister(descriptor)
                    open_descriptors.discard(descriptor)
        _, status, usage = os.wait4(pid, 0)
        run.code = os.waitstatus_to_exitcode(status)
        run.cpu = usage.ru_utime + usage.ru_stime
        # What it left behind in its group must not go on while others look.
        _kill_group(pid)
        os.close(ended)
        if listener is not None:
            os.close(listener)


def _stream(number: int, mode: str) -> TextIO:
    errors = "backslashreplace" if number == 2 else "strict"
    raw = io.FileIO(number, mode, closefd=False)
    buffered = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffered, encoding="utf-8", errors=errors, line_buffering=number == 2)


@dataclass
class _Attacker:
    """Answers the processes of one run."""

    pid: int
    listener: int | None
    attack: Attack
    run: Run
    root: str
    ignored: tuple[str, ...]
    commits: int = 0

    def answer(self) -> None:
        """Answer the next one that waits."""
        assert self.listener is not None
        stop = receive(self.listener)
        if stop is None:
            return
        site = site_of(stop, self.commits, self.pid, self.root, self.ignored)
        error = 0
        if site is not None:
            self.run.sites.append(site)
            self.commits += ends_commit(site)
            if self._is_due():
                self.run.hit = self.run.hit or site
                if self.attack.signal:
                    with suppress(ProcessLookupError):
                        os.kill(self.pid, getattr(signal, self.attack.signal))
                elif not self.attack.error:
                    # Without an answer: with one it might carry out the call before it notices that it is killed.
                    self._kill(stop.pid)
                    return
                else:
                    error = getattr(errno, self.attack.error)
        answer(self.listener, stop, error)

    def _is_due(self) -> bool:
        count, at = len(self.run.sites), self.attack.at
        return bool(at) and (count == at or (count > at and self.attack.lasting))

    def _kill(self, pid: int) -> None:
        """Kill the process that waits."""
        if self.attack.whole_group:
            _kill_group(self.pid)
        # What the command starts may be in another group.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
