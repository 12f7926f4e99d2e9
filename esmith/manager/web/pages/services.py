"""The page of the services: what each should do, what it does, what is pending; start, stop and restart."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.addresses import url
from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask

#: Parts of the names of the services through which a browser comes here.
_WAYS_HERE = ("httpd", "apache", "manager")


def _words() -> dict[str, str]:
    return {
        "up": _("running"),
        "down": _("stopped"),
        "paused": _("paused"),
        "ending": _("is ending"),
        "starting": _("is starting"),
        "finished": _("finished"),
        "unknown": _("not known"),
        "not supervised": _("not supervised"),
        "not looked at": _("not looked at"),
        "": _("not supervised"),
    }


def _labels() -> dict[str, str]:
    return {"start": _("Start"), "stop": _("Stop"), "restart": _("Restart")}


async def _list(request: Request) -> Response:
    found = await ask(request, "services")
    services = [_shown(one) for one in found["services"]]
    return render(request, "pages/services.html", services=services, words=_words(), labels=_labels())


def _shown(service: dict[str, Any]) -> dict[str, Any]:
    """Return a service with what the page shows besides: whether it is as it should be."""
    wanted, actual = service["wanted"], service["actual"]
    differs = actual in ("up", "down") and actual != wanted
    kind = "bad" if differs or service["problems"] else "good" if actual == "up" else "plain"
    return {**service, "differs": differs, "kind": kind, "is_way_here": _is_way_here(service["name"])}


def _is_way_here(name: str) -> bool:
    return any(part in name for part in _WAYS_HERE)


async def _ask_first(request: Request) -> Response:
    """Ask before a service is stopped through which the browser comes here."""
    name = request.path_params["name"]
    if not _is_way_here(name):
        raise HelperError(wire.NOT_FOUND, _("There is no such page."))
    lines = [
        _("Your browser reaches the server-manager through this service. When it stops, no page answers any more."),
        _("To start it again you need a shell on the server. Jobs that run go on."),
    ]
    operation = {"kind": "service", "service": name, "action": "stop"}
    shown: dict[str, Any] = {
        "heading": _("Stop %(service)s?") % {"service": name},
        "lines": lines,
        "action": url("/apply"),
        "pairs": [("operation", json.dumps(operation)), ("back", url("/services"))],
        "button": _("Stop"),
        "dangerous": True,
        "password": False,
        "message": "",
        "back": url("/services"),
        "back_heading": _("Services"),
    }
    return render(request, "pages/ask.html", **shown)


ROUTES = [
    Page("/services", get=_list, asks_first=True),
    Page("/services/{name}/stop", get=_ask_first),
]
