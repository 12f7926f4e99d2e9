"""The pages of every setting: the databases, the records of one, and the form of a record."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager.web.addresses import url
from esmith.manager.web.forms import Touched, labels_of, touched
from esmith.manager.web.pages import Page
from esmith.manager.web.pages.lists import SIZE, links, page_of, query_of
from esmith.manager.web.pages.record_form import new_key, shown_form
from esmith.manager.web.posted import Posted
from esmith.manager.web.previewing import Proposal, number_of, show_preview
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask, posted


async def _databases(request: Request) -> Response:
    found = await ask(request, "databases")
    return render(request, "pages/databases.html", databases=found["databases"])


async def _database(request: Request) -> Response:
    name, query = request.path_params["database"], query_of(request)
    found = await ask(request, "database", database=name, query=query, page=page_of(request), size=SIZE)
    address = partial(url, "/settings", name)
    shown = {"name": name, "query": query, "at": address(), "found": found, "link": links(address, q=query)}
    return render(request, "pages/database.html", **shown)


async def _new(request: Request) -> Response:
    """Ask for the type of a new record, or show the form of one of that type."""
    if _asked_type(request):
        return await _form(request)
    name = request.path_params["database"]
    found = await ask(request, "database", database=name, query="", page=1, size=1)
    return render(request, "pages/new_type.html", name=name, found=found)


def _asked_type(request: Request) -> str:
    return request.query_params.get("type", "")


def _is_new(request: Request) -> bool:
    return request.url.path.endswith(("/new", "/new/preview"))


async def _setting(request: Request) -> dict[str, Any]:
    """Return the record that an address names, or the form of a new one, as the helper describes it."""
    names = {"type": _asked_type(request)} if _is_new(request) else {"key": request.query_params.get("key", "")}
    found: dict[str, Any] = await ask(request, "setting", database=request.path_params["database"], **names)
    return found


def _address(request: Request, *parts: str) -> str:
    place = (request.path_params["database"], "new" if _is_new(request) else "record", *parts)
    return url("/settings", *place, type=_asked_type(request), key=request.query_params.get("key"))


async def _form(request: Request) -> Response:
    return await _show(request, posted(request) if request.method == "POST" else None)


async def _show(
    request: Request, values: Posted | None = None, errors: dict[str, str] | None = None, other: tuple[str, ...] = ()
) -> Response:
    """Show the form of a record.

    :param values: what was typed, which is shown instead of what is stored.
    :param errors: what is wrong with which property.
    :param other: what is wrong besides.
    """
    record = await _setting(request)
    key = None if _is_new(request) else record["key"]
    database = request.path_params["database"]
    delete = {"kind": "setting", "database": database, "key": key, "type": None, "values": {}, "delete": True}
    shown: dict[str, Any] = {
        "record": {"help": "", "type": None, "commands": [], "can_delete": False, **record},
        "heading": key if key is not None else _("New record of type %(type)s") % {"type": _asked_type(request)},
        "action": _address(request, "preview"),
        "here": _address(request),
        "database": database,
        "delete": delete | {"revision": record["revision"]},
    }
    form = shown_form(record, key, values, errors, other, asks_unset=True)
    return render(request, "pages/setting.html", **shown, **form)


async def _preview(request: Request) -> Response:
    """Show what the changes of the form would do."""
    values = posted(request)
    record = await _setting(request)
    changed = touched(values)
    operation = _operation(request, record, changed)
    operation["revision"] = number_of(values.get("revision"))

    async def refuse(message: str, fields: dict[str, str]) -> Response:
        return await _show(request, values, fields, () if fields else (message,))

    title = f"{operation['database']} {operation['key']}"
    proposal = Proposal(operation, changed.secrets, _address(request), labels_of(record["sections"]), title)
    return await show_preview(request, proposal, refuse)


def _operation(request: Request, record: dict[str, Any], changed: Touched) -> dict[str, Any]:
    """Return what the form asks for. Only a record that is not stored yet gets a type."""
    key = new_key(changed) if _is_new(request) else record["key"]
    type_ = None if record["exists"] else record.get("type")
    operation = {"kind": "setting", "database": request.path_params["database"], "key": key, "type": type_}
    return {**operation, "values": changed.values, "delete": False}


ROUTES = [
    Page("/settings", _databases, asks_first=True),
    Page("/settings/{database}", _database, asks_first=True),
    Page("/settings/{database}/new", _new, _form),
    Page("/settings/{database}/new/preview", post=_preview),
    Page("/settings/{database}/record", _form, _form, asks_first=True),
    Page("/settings/{database}/record/preview", post=_preview, asks_first=True),
]
