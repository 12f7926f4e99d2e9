"""A process for each verb: forked from the helper, limited, and killed when it takes too long.

It is a process because a verb of the engine waits, and may come to harm; the helper does neither. What it writes to
its pipe is passed on while it runs, so that the helper stays small.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import traceback
from collections.abc import AsyncIterator, Callable

from esmith.manager import wire

#: Writes a line of an answer; called in the child.
Send = Callable[[bytes], None]
#: What a child does. What it returns is its exit status, 0 to 99.
Work = Callable[[Send], int]

#: What a child may use: seconds of CPU, bytes of data.
MOST_CPU = 60
MOST_DATA = 512 * 2**20
#: After so many seconds it is killed.
DEADLINE = 120.0
#: How many may run at once, and how many requests may wait for that.
MOST_RUNNING = 8
MOST_WAITING = 16
_CHUNK = 2**16
#: The exit status of a child with a fault of ours, whose traceback is on stderr.
FAULT = 100


class TooManyError(Exception):
    """As many children run as may, and as many requests wait as may."""


class Child:
    """A process that runs.

    :param process: its number.
    :param pipe: where its lines are read.
    :param deadline: after how many seconds it is killed.
    """

    def __init__(self, process: int, pipe: int, deadline: float) -> None:
        self._process = process
        self._pipe = pipe
        self._loop = asyncio.get_running_loop()
        self._handle = os.pidfd_open(process)
        self._ended = False
        self._waiting: asyncio.Future[None] | None = None
        self._loop.add_reader(self._handle, self._note_end)
        self._timer = self._loop.call_later(deadline, self.kill)
        #: The exit status; None while it runs, and when a signal ended it.
        self.status: int | None = None

    async def read(self) -> bytes:
        """Return what it wrote next, b"" when it has ended.

        Its end counts, not that of the pipe: what it started may have the pipe open for longer.
        """
        while True:
            has_ended = self._ended
            try:
                data = os.read(self._pipe, _CHUNK)
            except BlockingIOError:
                data = None
            if data:
                return data
            if has_ended:
                return b""
            await self._wait_for_more(self._pipe if data is None else -1)

    async def _wait_for_more(self, pipe: int) -> None:
        """Wait until the process has ended, or there is something to read.

        :param pipe: -1 when it was closed, so that only the end counts.
        """
        if self._ended:
            return
        self._waiting = self._loop.create_future()
        if pipe >= 0:
            self._loop.add_reader(pipe, self._wake)
        try:
            await self._waiting
        finally:
            self._waiting = None
            if pipe >= 0:
                self._loop.remove_reader(pipe)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _note_end(self) -> None:
        self._loop.remove_reader(self._handle)
        # What it started and left behind; a job has a session of its own and goes on.
        self._signal_group()
        _, status = os.waitpid(self._process, 0)
        self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        self._ended = True
        os.close(self._handle)
        self._timer.cancel()
        self._wake()

    def _signal_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process, signal.SIGKILL)

    def kill(self) -> None:
        """Kill it with all it started, but for jobs; nothing happens when it has ended."""
        if not self._ended:
            self._signal_group()
            # It may not have its group yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)

    def close(self) -> None:
        """Give up reading; a child that writes on gets no reader."""
        os.close(self._pipe)


class Children:
    """All of them.

    :param most: how many may run at once.
    :param waiting: how many requests may wait until one has ended.
    :param deadline: after how many seconds a child is killed.
    """

    def __init__(self, most: int = MOST_RUNNING, waiting: int = MOST_WAITING, deadline: float = DEADLINE) -> None:
        self._free = asyncio.Semaphore(most)
        self._most_waiting = waiting
        self._deadline = deadline
        self._waiting = 0
        self.running: set[Child] = set()

    @property
    def has_room(self) -> bool:
        """Whether one more can run, or wait."""
        return not self._free.locked() or self._waiting < self._most_waiting

    @contextlib.asynccontextmanager
    async def run(self, work: Work) -> AsyncIterator[Child]:
        """Run something in a child, and yield the child, to read from. At the end it is waited for.

        :raises TooManyError: when too many requests wait already.
        :raises OSError: when the kernel makes no process.
        """
        if not self.has_room:
            raise TooManyError
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            child = self._start(work)
            self.running.add(child)
            try:
                yield child
            finally:
                # Also where nobody wants the rest: a verb that has begun is done.
                await asyncio.shield(self._finish(child))
        finally:
            self._free.release()

    async def _finish(self, child: Child) -> None:
        try:
            while await child.read():
                pass
        finally:
            child.close()
            self.running.discard(child)

    async def collect(self, work: Work, most: int = wire.MOST_REQUEST) -> tuple[int | None, bytes]:
        """Run something in a child; return its exit status, None when it was killed, and all it wrote.

        :param most: of how many bytes more is not kept; the child is killed.
        :raises TooManyError: as :meth:`run`.
        :raises OSError: as :meth:`run`.
        """
        found = bytearray()
        async with self.run(work) as child:
            while data := await child.read():
                found += data
                if len(found) > most:
                    child.kill()
                    return None, b""
        return child.status, bytes(found)

    def _start(self, work: Work) -> Child:
        ours, theirs = os.pipe()
        try:
            process = os.fork()
            if process == 0:
                _be_child(work, theirs)
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        os.set_blocking(ours, False)
        try:
            return Child(process, ours, self._deadline)
        except OSError:
            # Nobody could look after it.
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(ours)
            raise

    async def end(self, within: float) -> None:
        """Wait until all have ended, and kill those that have not in time.

        :param within: the time, in seconds.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.running:
                    await asyncio.sleep(0.05)
        for child in self.running:
            child.kill()


def _be_child(work: Work, pipe: int) -> None:
    """Do the work in the process that was just made, and end it."""
    status = FAULT
    try:
        _separate(pipe)
        status = work(lambda line: _write(pipe, line))
    finally:
        try:
            if status == FAULT:
                _write(2, traceback.format_exc().encode("utf-8", "replace"))
        finally:
            # Whatever happens: the rest of the helper's code is not for a child.
            os._exit(status)


def _write(pipe: int, line: bytes) -> None:
    """Write all of a line; the helper reads along."""
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _separate(pipe: int) -> None:
    """Give up what the child has of the helper: its connections, its signals, its terminal; and limit it."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.setpgid(0, 0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, 2**31 - 1)
    # Only what the process may give itself back: a job that is begun here takes them off.
    for limit, value in ((resource.RLIMIT_CPU, MOST_CPU), (resource.RLIMIT_DATA, MOST_DATA)):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
