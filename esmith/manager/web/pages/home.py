"""The start page: how the server is, and where everything is."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.rendering import json_answer, render
from esmith.manager.web.visit import ask, visit_of


async def show(request: Request) -> Response:
    """Show the start page. The health comes after it: with thousands of users it takes a second."""
    return render(request, "home.html")


async def health(request: Request) -> Response:
    """Show the health in short; that it cannot be found out is shown in its place."""
    error = ""
    findings: list[dict[str, Any]] = []
    try:
        findings = (await ask(request, "health", doctor=False)).get("findings") or []
    except HelperError as failure:
        if failure.kind == wire.SESSION:
            raise
        error = failure.message
    return render(request, "health_short.html", findings=findings, error=error)


async def stay(request: Request) -> Response:
    """Use the session, so that it does not end; answer how long it lasts now, in seconds."""
    await ask(request, "navigation")
    session = await ask(request, "session")
    return json_answer({"idle_left": session.get("idle_left"), "account": visit_of(request).session.get("account")})


ROUTES = [
    Page("/", show),
    Page("/health/short", health, is_bare=True, asks_first=True),
    Page("/session", post=stay, is_bare=True),
]
