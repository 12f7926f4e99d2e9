"""The page of a list of records: users, groups and others. ``pages/panel.py`` shows it at the address of its panel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager.web.addresses import panel_url
from esmith.manager.web.pages.lists import LONGEST_QUERY, SIZE, links, page_of, query_of, record_url
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask

#: The column of the keys has no name of its own.
_KEY = "key"


async def show_list(request: Request, panel: str) -> Response:
    """Return the page of a list.

    :param panel: the name of its panel: ``collaboration/users``.
    """
    query, sort = query_of(request), request.query_params.get("sort", "")[:LONGEST_QUERY]
    found = await ask(request, "records", panel=panel, query=query, page=page_of(request), size=SIZE, sort=sort)
    first = (found["page"] - 1) * SIZE + 1
    actions = {one["name"]: one for one in found["actions"]}
    shown = {
        "list": found,
        "query": query,
        "sort": sort,
        "size": SIZE,
        "first": first,
        "last": first + len(found["rows"]) - 1,
        "at": panel_url(panel),
        "columns": list(_columns(panel, found, query, sort)),
        "labels": [_(column["label"]) for column in found["columns"]],
        "rows": [_row(panel, row, actions) for row in found["rows"]],
        "link": links(partial(panel_url, panel), q=query, sort=sort),
    }
    return render(request, "pages/records.html", **shown)


def _row(panel: str, row: dict[str, Any], actions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a row with the addresses of its record and of what can be done with it."""
    key = row["key"]
    labels = {name: _(actions[name]["label"]) for name in row["actions"] if name in actions}
    if row["delete"]:
        labels["delete"] = _("Delete")
    todo = [{"label": label, "href": record_url(panel, key, name)} for name, label in labels.items()]
    return {"key": key, "cells": row["cells"], "href": record_url(panel, key), "todo": todo}


def _columns(panel: str, found: dict[str, Any], query: str, sort: str) -> Iterator[dict[str, str]]:
    """Yield the columns, each with the address of the list in its order; once more, and the order is reversed."""
    for column in ({"name": _KEY, "label": found["key_label"]}, *found["columns"]):
        name = column["name"]
        order = "ascending" if name == (sort or _KEY) else "descending" if sort == f"-{name}" else ""
        other = f"-{name}" if order == "ascending" else name
        yield {**column, "sorted": order, "href": panel_url(panel, q=query, sort=other if other != _KEY else "")}
