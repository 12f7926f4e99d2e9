"""The page of the health: what is pending or wrong, the worst first, each with its cure."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask

#: Operations of which no preview shows anything: they change no settings.
_AT_ONCE = ("service", "recover")
#: The operation that has a form of its own: the pending change is confirmed at the top of each page.
_CONFIRM = "confirm"


#: The severity of what could not be looked at: under a folder that is most of the machine.
_SKIPPED = "skipped"


async def _health(request: Request) -> Response:
    found = await ask(request, "health", doctor=False)
    shown: dict[str, Any] = {"groups": _groups(found["findings"]), "examined": None, "fleet": found.get("fleet")}
    if request.query_params.get("examined"):
        shown |= await _examine(request)
    return render(request, "pages/health.html", **shown)


async def _examined(request: Request) -> Response:
    return render(request, "pages/examined.html", **await _examine(request))


async def _examine(request: Request) -> dict[str, Any]:
    """Return what the examination found; that it failed is shown in its place, and the page stays."""
    try:
        found = await ask(request, "health", doctor=True)
    except HelperError as error:
        if error.kind == wire.SESSION:
            raise
        return {"examined": [], "failure": error}
    own = [one for one in found["findings"] if one.get("by") != "status"]
    return {"examined": _groups(own), "failure": None, "overdue": found.get("overdue", False)}


def _groups(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the findings by severity, the worst first. What is fine is not shown; what was skipped is folded."""
    groups = []
    for severity, kind, heading, word in (
        ("failing", "bad", _("Does not work"), _("fault")),
        ("warning", "warn", _("Needs attention"), _("warning")),
        (_SKIPPED, "plain", _("Was not looked at"), ""),
    ):
        found = [_finding(one) for one in findings if one["severity"] == severity]
        if found:
            group = {"kind": kind, "heading": heading, "word": word, "findings": found}
            groups.append({**group, "is_folded": severity == _SKIPPED})
    return groups


def _finding(finding: dict[str, Any]) -> dict[str, Any]:
    operation = finding.get("operation")
    if not operation or operation.get("kind") == _CONFIRM:
        return {**finding, "button": ""}
    if operation.get("kind") in _AT_ONCE:
        return {**finding, "button": _("Do it now"), "to": "/apply"}
    return {**finding, "button": _("Preview"), "to": "/preview"}


ROUTES = [
    Page("/health", get=_health, asks_first=True),
    Page("/health/examined", post=_examined, is_bare=True, asks_first=True),
]
