"""The page of the search: what was found, in groups, each with a link to the field, the record or the file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager.web.addresses import panel_url, url
from esmith.manager.web.pages import Page
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask

#: How many results the helper gives at most.
MOST = 50
#: How long a question may be, in characters.
LONGEST = 200


async def _search(request: Request) -> Response:
    query = request.query_params.get("q", "").strip()[:LONGEST]
    results = (await ask(request, "search", query=query))["results"] if query else []
    shown: dict[str, Any] = {"query": query, "groups": list(_groups(results)), "count": len(results), "most": MOST}
    return render(request, "pages/search.html", **shown)


def _headings() -> dict[str, str]:
    return {"panel": _("Pages"), "field": _("Fields"), "setting": _("Settings"), "file": _("Files")}


def _groups(results: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Yield the results of each kind, in a fixed order; a kind that is not known comes last."""
    headings = _headings()
    kinds = list(dict.fromkeys([*headings, *(one["kind"] for one in results)]))
    for kind in kinds:
        found = [{**one, "href": _href(one)} for one in results if one["kind"] == kind]
        if found:
            yield {"kind": kind, "heading": headings.get(kind, kind), "results": found}


def _href(result: dict[str, Any]) -> str:
    """Return where a result leads, "" for nowhere."""
    if panel := result.get("panel"):
        field = result.get("field")
        return panel_url(panel, section=result.get("section")) + (f"#field-{field}" if field else "")
    if (database := result.get("database")) and (key := result.get("key")):
        return url("/settings", database, "record", key=key)
    return url("/settings", database) if database else ""


ROUTES = [Page("/search", get=_search)]
