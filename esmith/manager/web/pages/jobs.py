"""What was applied: its progress while it runs, and how it ended."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.previewing import number_of
from esmith.manager.web.rendering import render
from esmith.manager.web.visit import ask, visit_of

_RESULT: dict[str, Any] = {"files": [], "services": {}, "pending": {}, "notes": [], "left": {}, "actions": []}
_JOB: dict[str, Any] = {"title": "", "account": "", "address": "", "started": None, "ended": None, "commands": []}
_JOB |= {"revision": None, "lines": [], "result": None, "error": None, "confirm": None, "state": "running"}
_ERROR = {"message": "", "place": "", "hint": "", "settings_back": False, "files_back": False}


async def show_all(request: Request) -> Response:
    """Show the latest jobs."""
    answer = await ask(request, "jobs")
    return render(request, "jobs.html", jobs=[_JOB | job for job in answer.get("jobs", ())])


async def show(request: Request) -> Response:
    """Show a job."""
    job = _JOB | await ask(request, "job", job=request.path_params["job"], after=0)
    job["result"] = _RESULT | (job["result"] or {})
    job["error"] = _ERROR | job["error"] if job["error"] else None
    last = max((int(line.get("n", 0)) for line in job["lines"]), default=0)
    return render(request, "job.html", job=job, last=last)


async def stream(request: Request) -> Response:
    """Send the progress of a job as server-sent events, from where the browser was (HTML, "server-sent events")."""
    visit = visit_of(request)
    after = request.headers.get("last-event-id") or request.query_params.get("after", "")
    arguments = {"job": request.path_params["job"], "after": number_of(after)}
    lines = visit.helper.follow(arguments, visit.token, visit.address)
    # The first line is waited for, so that an error is an answer of its own and not a broken stream.
    first = await anext(lines, None)
    return StreamingResponse(_events(first, lines), headers={"content-type": "text/event-stream"})


async def _events(first: dict[str, Any] | None, lines: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    try:
        part = first
        while part is not None:
            yield _event(part)
            part = await anext(lines, None)
    except HelperError:
        # The browser asks again from its last line.
        return
    finally:
        await lines.aclose()  # type: ignore[attr-defined]


def _event(part: dict[str, Any]) -> bytes:
    if "job" in part:
        job = part["job"]
        return (
            f"event: end\ndata: {json.dumps({'state': job.get('state') if isinstance(job, dict) else ''})}\n\n".encode()
        )
    line = part["line"]
    if line.get("kind") == "quiet":
        return b": quiet\n\n"
    shown = {name: line.get(name) for name in ("n", "time", "kind", "text")}
    return f"id: {int(line.get('n') or 0)}\nevent: line\ndata: {json.dumps(shown)}\n\n".encode()


ROUTES = [
    Page("/jobs", show_all, asks_first=True),
    Page("/job/{job}", show, asks_first=True),
    Page("/job/{job}/stream", stream, is_bare=True),
]
