"""The page of the sessions of an account."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager.web.pages import Page
from esmith.manager.web.rendering import render
from esmith.manager.web.visit import ask


async def _sessions(request: Request) -> Response:
    found = await ask(request, "sessions")
    return render(request, "pages/sessions.html", sessions=found["sessions"])


ROUTES = [Page("/sessions", get=_sessions)]
