"""Following a job: its lines are passed on as they are written, until it has ended, the session has, or nobody reads.

Only while somebody follows is the file looked at again and again. The job holds a lock on it while it runs, so that
also one that was killed has an end.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from esmith.manager import wire
from esmith.manager.helper.context import VerbError
from esmith.manager.helper.jobs import SHOWN, job_path, open_job

if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.manager.helper.requests import Request

#: How often the file is looked at, and after how long without a line one of the kind ``quiet`` is sent, in seconds: so
#: it is noticed that nobody reads any more.
POLL_SECONDS = 0.2
QUIET_SECONDS = 20.0
#: How long one is followed at most; who wants more asks again.
MOST_SECONDS = 3600.0
_CHUNK = 2**16


async def follow(
    layout: Layout, request: Request, send: Callable[[bytes], Awaitable[None]], may_go_on: Callable[[], bool]
) -> str:
    """Send the lines of a job from a number on, as they come; return the job when it has ended.

    :param request: with the arguments ``job`` and ``after``.
    :param may_go_on: whether the session goes on.
    :raises VerbError: when there is no such job.
    :raises TimeoutError: when nobody reads.
    """
    job, after = request.text("job", 64), request.arguments.get("after", 0)
    if type(after) is not int:
        raise VerbError(wire.BAD_REQUEST, "the argument after is no number")
    try:
        file = open_job(job_path(layout, job))
    except (FileNotFoundError, ValueError):
        raise VerbError(wire.NOT_FOUND, "there is no such job") from None
    loop = asyncio.get_running_loop()
    begun = quiet_since = loop.time()
    rest = b""
    try:
        while may_go_on() and loop.time() - begun < MOST_SECONDS:
            has_ended = _is_free(file)
            data = os.read(file, _CHUNK)
            *lines, rest = (rest + data).split(b"\n")
            found = [line for line in map(_line, lines) if line is not None and line["n"] > after]
            for line in found:
                await send(wire.line_of({"line": line}))
                quiet_since = loop.time()
            if any(line.get("kind") == "end" for line in found) or has_ended and not data:
                break
            if loop.time() - quiet_since > QUIET_SECONDS:
                await send(wire.line_of({"line": {"kind": "quiet"}}))
                quiet_since = loop.time()
            if not data:
                await asyncio.sleep(POLL_SECONDS)
    finally:
        os.close(file)
    return job


def _is_free(file: int) -> bool:
    """Return whether the job that holds the lock of its file has ended."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True


def _line(text: bytes) -> dict[str, Any] | None:
    """Return a line of the file, None for what is not for those who follow."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_one = isinstance(line, dict) and line.get("kind") in SHOWN and type(line.get("n")) is int
    return line if is_one else None
