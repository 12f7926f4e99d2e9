"""The page of the search: what was found, in groups, each with a link to the field, the record or the file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager.web.addresses import panel_url, url
from esmith.manager.web.pages import Page
from esmith.manager.web.pages.lists import query_of, record_url
from esmith.manager.web.rendering import anchor, render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask

#: How many results the helper gives at most.
MOST = 50


async def _search(request: Request) -> Response:
    query = query_of(request)
    results = (await ask(request, "search", query=query))["results"] if query else []
    groups = list(_groups(results, query))
    return render(request, "pages/search.html", query=query, groups=groups, count=len(results), most=MOST)


def _groups(results: list[dict[str, Any]], query: str) -> Iterable[dict[str, Any]]:
    """Yield the results of each kind, in a fixed order; a kind that is not known comes last."""
    headings = {
        "field": _("Fields of pages"),
        "panel": _("Pages"),
        "record": _("Entries of lists"),
        "setting": _("Settings"),
        "file": _("Files"),
    }
    kinds = list(dict.fromkeys([*headings, *(one["kind"] for one in results)]))
    for kind in kinds:
        found = [_shown(one, query) for one in results if one["kind"] == kind]
        if found:
            yield {"heading": headings.get(kind, kind), "results": found}


def _shown(result: dict[str, Any], query: str) -> dict[str, Any]:
    """Return a result as it is shown: its label, the names of its settings, and where it leads."""
    title, label = result["title"], result.get("label") or ""
    names = [title] if label else result.get("settings") or [] if result["kind"] == "field" else []
    return {"title": label or title, "names": names, "detail": result["detail"], "href": _href(result, query)}


def _href(result: dict[str, Any], query: str) -> str:
    """Return where a result leads, "" for nowhere."""
    panel, database, key = result.get("panel"), result.get("database"), result.get("key")
    if panel and key:
        return record_url(panel, key)
    if panel:
        field = result.get("field")
        return panel_url(panel, section=result.get("section")) + (f"#{anchor(field)}" if field else "")
    if database and key:
        # A property has its place on the page of its record.
        is_property = f"{database} {key} {result['title']}" in (result.get("settings") or ())
        place = f"#{anchor(result['title'])}" if is_property else ""
        return url("/settings", database, "record", key=key) + place
    if database:
        return url("/settings", database)
    # The settings that a file is made from are what its name finds.
    return url("/search", q=result["title"]) if result["kind"] == "file" and result["title"] != query else ""


ROUTES = [Page("/search", get=_search)]
