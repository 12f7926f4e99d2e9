"""The pages of one record of a list: its form, a new one, and what is asked before something is done to it."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.addresses import panel_url, url
from esmith.manager.web.client import HelperError
from esmith.manager.web.forms import touched
from esmith.manager.web.pages import Page
from esmith.manager.web.pages.lists import key_of, record_url
from esmith.manager.web.pages.record_form import new_key, shown_form
from esmith.manager.web.posted import Posted
from esmith.manager.web.previewing import Proposal, number_of, show_preview
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask, posted


def _panel_of(request: Request) -> str:
    return f"{request.path_params['group']}/{request.path_params['name']}"


def _address(panel: str, key: str | None, *parts: str) -> str:
    return panel_url(panel, "new", *parts) if key is None else record_url(panel, key, *parts)


async def _form(request: Request) -> Response:
    return await _show(request, posted(request) if request.method == "POST" else None)


async def _show(
    request: Request, values: Posted | None = None, errors: dict[str, str] | None = None, other: tuple[str, ...] = ()
) -> Response:
    """Show the form of a record.

    :param values: what was typed, which is shown instead of what is stored.
    :param errors: what is wrong with which field.
    :param other: what is wrong besides.
    """
    panel, key = _panel_of(request), key_of(request)
    record = await ask(request, "record", panel=panel, key=key)
    shown: dict[str, Any] = {
        "record": {"help": "", **record},
        "heading": key if key is not None else _("%(list)s: new") % {"list": _(record["heading"])},
        "action": _address(panel, key, "preview"),
        "at": panel_url(panel),
        "todo": _todo(panel, key, record),
    }
    return render(request, "pages/record.html", **shown, **shown_form(record, key, values, errors, other))


def _todo(panel: str, key: str | None, record: dict[str, Any]) -> list[dict[str, str]]:
    """Return what can be done with a record besides changing it, with the addresses."""
    if key is None:
        return []
    found = [{"label": one["label"], "href": record_url(panel, key, one["name"])} for one in record["actions"]]
    delete = {"label": _("Delete"), "href": record_url(panel, key, "delete")}
    return [*found, delete] if record.get("delete") else found


async def _preview(request: Request) -> Response:
    """Show what the changes of the form would do."""
    panel, key, values = _panel_of(request), key_of(request), posted(request)
    changed = touched(values)
    operation: dict[str, Any] = {"kind": "modify", "panel": panel, "key": key}
    if key is None:
        operation |= {"kind": "create", "key": new_key(changed)}
    operation |= {"values": changed.values, "revision": number_of(values.get("revision"))}

    async def refuse(message: str, fields: dict[str, str]) -> Response:
        return await _show(request, values, fields, () if fields else (message,))

    form = ("record", {"panel": panel, "key": key})
    proposal = Proposal(operation, changed.secrets, _address(panel, key), form=form)
    return await show_preview(request, proposal, refuse)


async def _delete(request: Request) -> Response:
    panel, key = _panel_of(request), str(key_of(request))
    record = await ask(request, "record", panel=panel, key=key)
    if not record.get("delete"):
        raise HelperError(wire.NOT_FOUND, _("%(key)s cannot be deleted here.") % {"key": key})
    operation = {"kind": "delete", "panel": panel, "key": key, "revision": record["revision"]}
    asked = _asked(panel, key, record, operation, record["delete"], _("Delete %(key)s") % {"key": key})
    return render(request, "pages/ask.html", **asked, heading=_("Delete %(key)s?") % {"key": key})


async def _action(request: Request) -> Response:
    """Ask before something is done to a record; a new password is taken here, and is not written into any page."""
    panel, key = _panel_of(request), str(key_of(request))
    record = await ask(request, "record", panel=panel, key=key)
    action = next((one for one in record["actions"] if one["name"] == request.path_params["action"]), None)
    if action is None:
        raise HelperError(wire.NOT_FOUND, _("There is no such action."))
    operation = {"kind": "action", "panel": panel, "key": key, "action": action["name"]}
    heading = f"{_(action['label'])}: {key}"
    asked = _asked(panel, key, record, operation, action, heading)
    if not action.get("password"):
        return render(request, "pages/ask.html", **asked, heading=heading)
    asked |= {"password": True, "account": key, "action": record_url(panel, key, action["name"])}
    if request.method == "GET":
        return render(request, "pages/ask.html", **asked, heading=heading)
    password, again = posted(request).get("secret.password"), posted(request).get("secret.again")
    if not password or password != again:
        asked |= {
            "message": _("The two passwords differ: type both again.") if password else _("Type the new password.")
        }
        return render(request, "pages/ask.html", 422, **asked, heading=heading)

    async def refuse(message: str, fields: dict[str, str]) -> Response:
        wrong = "; ".join(fields.values()) or message
        return render(request, "pages/ask.html", 422, **asked | {"message": wrong}, heading=heading)

    back = record_url(panel, key)
    proposal = Proposal(operation, {"password": password}, back, title=heading, carried=[])
    return await show_preview(request, proposal, refuse)


def _asked(
    panel: str, key: str, record: dict[str, Any], operation: dict[str, Any], asked: dict[str, Any], title: str
) -> dict[str, Any]:
    """Return what the page shows that asks before something is done to a record.

    :param asked: has what is to be asked, with the key as it is or as ``{key}``.
    :param title: of the preview.
    """
    back = record_url(panel, key)
    question = _(asked.get("ask") or "").replace("{key}", key)
    return {
        "lines": [question] if question else [],
        "action": url("/preview"),
        "pairs": [("operation", json.dumps(operation)), ("back", back), ("title", title)],
        "button": _("Preview"),
        "dangerous": False,
        "password": False,
        "message": "",
        "back": back,
        "back_heading": f"{_(record['heading'])}: {key}",
    }


_NEW = "/panel/{group}/{name}/new"
_RECORD = "/panel/{group}/{name}/record/{key}"
ROUTES = [
    Page(_NEW, _form, _form, asks_first=True),
    Page(_NEW + "/preview", post=_preview, asks_first=True),
    Page(_RECORD + "/preview", post=_preview, asks_first=True),
    Page(_RECORD + "/delete", _delete, asks_first=True),
    Page(_RECORD + "/{action}", _action, _action, asks_first=True),
    Page(_RECORD, _form, _form, asks_first=True),
]
