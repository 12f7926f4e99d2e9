"""The page of the health: what is pending or wrong, the worst first, each with its cure."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import apply, ask, posted, preview

#: The severities of findings, the worst first; "ok" is not shown.
_SEVERITIES = ("failing", "warning", "skipped")
#: What a button may ask for. The helper checks it again.
_CURES = ("form", "setting", "undo", "rollback", "service", "event", "recover")
#: The cures of which nothing can be shown before: they change no settings.
_AT_ONCE = ("service", "recover")


async def _health(request: Request) -> Response:
    found = await ask(request, "health", doctor=False)
    shown: dict[str, Any] = {"groups": _groups(found["findings"]), "examined": None, "failure": ""}
    if request.query_params.get("examined"):
        shown |= await _examine(request)
    return render(request, "pages/health.html", **shown)


async def _examined(request: Request) -> Response:
    return render(request, "pages/examined.html", **await _examine(request))


async def _examine(request: Request) -> dict[str, Any]:
    """Return what the examination found; that it failed is shown in its place, the page stays."""
    try:
        found = await ask(request, "health", doctor=True)
    except HelperError as error:
        if error.kind == wire.SESSION:
            raise
        return {"examined": [], "failure": error.message}
    return {"examined": _groups(found["findings"]), "failure": ""}


def _groups(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the findings by severity."""
    texts = {
        "failing": (_("Does not work"), _("Fault")),
        "warning": (_("Needs attention"), _("Warning")),
        "skipped": (_("Was not looked at"), _("Not looked at")),
    }
    groups = []
    for severity in _SEVERITIES:
        found = [_finding(one) for one in findings if one["severity"] == severity]
        if found:
            heading, word = texts[severity]
            groups.append({"class": severity, "heading": heading, "word": word, "findings": found})
    return groups


def _finding(finding: dict[str, Any]) -> dict[str, Any]:
    operation = finding.get("operation")
    if not operation or operation.get("kind") not in _CURES:
        return {**finding, "operation": None}
    button = _("Do it now") if operation["kind"] in _AT_ONCE else _("Preview")
    return {**finding, "operation_text": json.dumps(operation), "button": button}


async def _cure(request: Request) -> Response:
    operation = _operation(posted(request).get("operation", ""))
    if operation["kind"] in _AT_ONCE:
        return await apply(request, operation)
    return await preview(request, operation, title=_("Health"), back="/health")


def _operation(text: str) -> dict[str, Any]:
    """Return what a button asks for.

    :raises HelperError: when it is not what a button of this page has.
    """
    try:
        operation = json.loads(text)
    except ValueError:
        operation = None
    if not isinstance(operation, dict) or operation.get("kind") not in _CURES:
        raise HelperError(wire.BAD_REQUEST, _("This is not a cure of the page Health."))
    return operation


ROUTES = [
    Page("/health", get=_health),
    Page("/health/examined", get=_examined, is_bare=True),
    Page("/health/cure", post=_cure),
]
