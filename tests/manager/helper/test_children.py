"""The processes of the helper: what comes of them, however they end."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from esmith.manager.helper.children import FAULT, MOST_CPU, MOST_DATA, Children, Send, TooManyError
from esmith.processes import all_children

_Found = TypeVar("_Found")


def _run(talk: Callable[[Children], Awaitable[_Found]], children: Callable[[], Children] = Children) -> _Found:
    async def run() -> _Found:
        return await talk(children())

    return asyncio.run(run())


def _collected(
    work: Callable[[Send], int], *, most: int = 10**6, children: Callable[[], Children] = Children
) -> tuple[int | None, bytes]:
    return _run(lambda found: found.collect(work, most), children)


def test_what_a_child_writes() -> None:
    """All that a child writes comes back, also more than a pipe takes at once, with its exit status."""

    def work(send: Send) -> int:
        send(b"a" * 700_000)
        send(b"b")
        return 7

    assert _collected(work) == (7, b"a" * 700_000 + b"b")


def test_more_than_is_wanted() -> None:
    """Of more than is wanted nothing is kept, and the child is killed."""

    def work(send: Send) -> int:
        while True:
            send(b"a" * 10_000)

    assert _collected(work, most=100_000) == (None, b"")


def test_a_fault(capfd: pytest.CaptureFixture[str]) -> None:
    """A fault of ours is a status of its own, and its traceback goes to stderr."""

    def work(_send: Send) -> int:
        raise ValueError("grüße")

    assert _collected(work) == (FAULT, b"")
    assert "ValueError: grüße" in capfd.readouterr().err


def test_a_fault_without_stderr() -> None:
    """A child never goes on with the code of the helper, not even when it cannot write its traceback."""

    def work(_send: Send) -> int:
        os.close(2)
        raise ValueError

    assert _collected(work) == (FAULT, b"")


def test_an_end_inside_a_library() -> None:
    """A child that something ends by SystemExit, or that is killed, has ended, and that is all."""

    def leave(_send: Send) -> int:
        sys.exit(0)

    def die(send: Send) -> int:
        send(b"half")
        os.kill(os.getpid(), signal.SIGSEGV)
        return 0

    assert _collected(leave) == (FAULT, b"")
    assert _collected(die) == (None, b"half")


def test_what_a_child_started_does_not_matter() -> None:
    """A process that a child left behind has its pipe open and is not waited for; it is killed."""
    reader, writer = os.pipe()

    def work(send: Send) -> int:
        if os.fork() == 0:
            signal.pause()
        send(b"done")
        return 0

    def long(send: Send) -> int:
        process = os.fork()
        if process == 0:
            signal.pause()
        send(f"{process}".encode())
        return 0

    assert _collected(work) == (0, b"done")
    _, number = _collected(long)
    with pytest.raises(ProcessLookupError):
        # A zombie of init's is gone in a moment.
        while True:
            os.kill(int(number), 0)
    os.close(reader)
    os.close(writer)


def test_a_deadline() -> None:
    """A child that does not end is killed, and leaves no zombie."""
    before = all_children().get(os.getpid(), [])

    def work(_send: Send) -> int:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()

    assert _collected(work, children=lambda: Children(deadline=0.05)) == (None, b"")
    assert all_children().get(os.getpid(), []) == before


def test_no_descriptor_for_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that cannot be looked after is killed and waited for, and leaves no pipe."""

    def refuse(_process: int) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    async def talk(children: Children) -> int:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.raises(OSError, match="too many"):
                await children.collect(lambda _send: signal.pause() or 0)  # type: ignore[func-returns-value]
        assert children.has_room and not children.running
        return len(os.listdir("/proc/self/fd")) - before

    monkeypatch.setattr(os, "pidfd_open", refuse)
    before = all_children().get(os.getpid(), [])
    assert _run(talk) == 0
    assert all_children().get(os.getpid(), []) == before


def test_limits() -> None:
    """A child has limits of CPU and memory that a job can take off, and leaves no core."""

    def work(send: Send) -> int:
        names = (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_CORE)
        send(repr([resource.getrlimit(name)[0] for name in names]).encode())
        return 0

    def greedy(_send: Send) -> int:
        try:
            bytearray(2 * MOST_DATA)
        except MemoryError:
            return 1
        return 0

    assert _collected(work) == (0, repr([MOST_CPU, MOST_DATA, 0]).encode())
    assert _collected(greedy) == (1, b"")


def test_signals_are_those_of_a_new_process() -> None:
    """A child has no handler of the helper: TERM ends it."""

    def work(send: Send) -> int:
        send(repr(signal.getsignal(signal.SIGTERM)).encode())
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    async def talk(children: Children) -> tuple[int | None, bytes]:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: None)
        try:
            return await children.collect(work)
        finally:
            loop.remove_signal_handler(signal.SIGTERM)

    assert _run(talk) == (None, repr(signal.SIG_DFL).encode())


def test_many_wait_for_few() -> None:
    """No more run at once than may; some wait; for the others there is no room."""

    async def talk(children: Children) -> list[object]:
        works = [children.collect(lambda send: send(b"x") or 0) for _ in range(8)]  # type: ignore[func-returns-value]
        return list(await asyncio.gather(*works, return_exceptions=True))

    found = _run(talk, lambda: Children(most=2, waiting=3))
    assert [one for one in found if one == (0, b"x")] == [(0, b"x")] * 5
    assert [type(one) for one in found].count(TooManyError) == 3


def test_the_end_waits_for_those_that_run() -> None:
    """At the end what runs is waited for, and killed when that takes too long."""

    async def talk(children: Children) -> list[int | None]:
        quick = asyncio.ensure_future(children.collect(lambda _send: 5))
        stuck = asyncio.ensure_future(children.collect(lambda _send: signal.pause() or 0))  # type: ignore[func-returns-value]
        while len(children.running) < 2 and not quick.done():
            await asyncio.sleep(0)
        await children.end(0.1)
        return [(await quick)[0], (await stuck)[0]]

    assert _run(talk) == [5, None]
