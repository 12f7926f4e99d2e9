"""The pages of lists of records: users, groups and others, one page each for the list, for one record and for what is done to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager.web.addresses import panel_url
from esmith.manager.web.pages.lists import LONGEST_QUERY, SIZE, links, page_of, query_of
from esmith.manager.web.pages import Page
from esmith.manager.web.rendering import render
from esmith.manager.web.visit import ask


#: The column of the keys has no name of its own.
KEY_COLUMN = "key"


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
        "rows": [_row(panel, row, actions) for row in found["rows"]],
        "link": links(partial(panel_url, panel), q=query, sort=sort),
    }
    return render(request, "pages/records.html", **shown)


def _row(panel: str, row: dict[str, Any], actions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    known = [actions[name] for name in row["actions"] if name in actions]
    return {**row, "href": panel_url(panel, "record", row["key"]), "actions": known}


def _columns(panel: str, found: dict[str, Any], query: str, sort: str) -> Iterator[dict[str, str]]:
    """Yield the columns, each with the address of the list in its order: once more, and the order is reversed."""
    key = {"name": KEY_COLUMN, "label": found["key_label"]}
    for column in (key, *found["columns"]):
        name = column["name"]
        is_first = name == KEY_COLUMN and not sort
        order = "ascending" if is_first or sort == name else "descending" if sort == f"-{name}" else ""
        other = f"-{name}" if order == "ascending" else name
        href = panel_url(panel, q=query, sort="" if other == KEY_COLUMN else other)
        yield {**column, "sorted": order, "href": href}


ROUTES: list[Page] = []
