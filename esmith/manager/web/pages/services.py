"""The page of the services: what each should be doing, what it does, what is pending; start, stop and restart."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.addresses import url
from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import apply, ask, posted

#: What is asked before a service is stopped through which the browser comes here: parts of its name, and the question.
_WAYS_HERE = ("httpd", "manager")


def _words() -> dict[str, str]:
    return {"up": _("running"), "down": _("stopped"), "enabled": _("running"), "disabled": _("stopped")}


def _labels() -> dict[str, str]:
    return {"start": _("Start"), "stop": _("Stop"), "restart": _("Restart"), "reload": _("Reload")}


async def _list(request: Request) -> Response:
    found = await ask(request, "services")
    services = [{**one, "differs": _differs(one)} for one in found["services"]]
    return render(request, "pages/services.html", services=services, words=_words(), labels=_labels())


def _differs(service: dict[str, Any]) -> bool:
    """Return whether a service that a supervisor knows does something else than it should."""
    actual = service["actual"]
    return bool(actual) and actual in ("up", "down") and actual != service["wanted"]


async def _act(request: Request) -> Response:
    name, action = request.path_params["name"], request.path_params["action"]
    if action not in _labels():
        raise HelperError(wire.NOT_FOUND, _("There is no such action."))
    if action == "stop" and _is_way_here(name) and posted(request).get("sure") != "yes":
        return await _ask_first(request, name)
    return await apply(request, {"kind": "service", "service": name, "action": action})


def _is_way_here(name: str) -> bool:
    return any(part in name for part in _WAYS_HERE)


async def _ask_first(request: Request, name: str) -> Response:
    lines = [
        _("Your browser reaches the server-manager through this service. When it stops, no page answers any more."),
        _("To start it again you need a shell on the server. Jobs that run go on."),
    ]
    shown = {
        "heading": _("Stop %(service)s?") % {"service": name},
        "lines": lines,
        "action": url("/services", name, "stop"),
        "hidden": {"sure": "yes"},
        "button": _("Stop"),
        "dangerous": True,
        "back": url("/services"),
    }
    return render(request, "pages/ask.html", **shown)


ROUTES = [
    Page("/services", get=_list),
    Page("/services/{name}/{action}", post=_act),
]
