"""What was applied: its progress while it runs, and how it ended."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from esmith.manager.web.addresses import inside, panel_url, url
from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.pages.lists import record_url
from esmith.manager.web.previewing import number_of
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask, panel_of, visit_of

_RESULT: dict[str, Any] = {"files": [], "services": {}, "pending": {}, "notes": [], "left": {}, "actions": []}
_JOB: dict[str, Any] = {"title": "", "account": "", "address": "", "started": None, "ended": None, "commands": []}
_JOB |= {
    "revision": None,
    "lines": [],
    "result": None,
    "error": None,
    "confirm": None,
    "state": "running",
    "operation": None,
}
_ERROR = {"message": "", "place": "", "hint": "", "settings_back": False, "files_back": False}


async def show_all(request: Request) -> Response:
    """Show the latest jobs."""
    answer = await ask(request, "jobs")
    return render(request, "pages/jobs.html", jobs=[_JOB | job for job in answer.get("jobs", ())])


async def show(request: Request) -> Response:
    """Show a job."""
    job = _JOB | await ask(request, "job", job=request.path_params["job"], after=0)
    job["result"] = _RESULT | (job["result"] or {})
    job["error"] = _ERROR | job["error"] if job["error"] else None
    last = max((int(line.get("n", 0)) for line in job["lines"]), default=0)
    return render(request, "job.html", job=job, last=last, ways=_ways(request, job["operation"]))


def _ways(request: Request, operation: object) -> list[tuple[str, str]]:
    """Return where to go from a job: where it was asked for, and of a list its record; the address and the text."""
    found = operation if isinstance(operation, dict) else {}
    kind, panel, key = (str(found.get(name) or "") for name in ("kind", "panel", "key"))
    known = panel_of(request, panel)
    if known:
        # The section of the form, which the job does not know.
        asked = inside(request.query_params.get("back", ""))
        page = asked if kind == "form" and asked.startswith(panel_url(panel)) else panel_url(panel)
        record = [(record_url(panel, key), key)] if kind in ("create", "modify", "action") and key else []
        return [(page, _(known["heading"])), *record]
    if kind == "setting":
        return [(url("/settings", found.get("database")), _("Database %s") % found.get("database"))]
    health, changes = ("/health", _("Health")), ("/changes", _("Changes"))
    pages = {"service": ("/services", _("Services")), "undo": changes, "rollback": changes}
    pages |= {"event": health, "recover": health}
    address, text = pages.get(kind, ("/", _("Start")))
    return [(url(address), text)]


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
