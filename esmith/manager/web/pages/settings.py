"""The pages of every setting: the databases, the records of one, and the form of a record."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager.web.addresses import url
from esmith.manager.web.pages import Page
from esmith.manager.web.pages.lists import SIZE, links, page_of, query_of
from esmith.manager.web.rendering import render
from esmith.manager.web.visit import ask


async def _databases(request: Request) -> Response:
    found = await ask(request, "databases")
    return render(request, "pages/databases.html", databases=found["databases"])


async def _database(request: Request) -> Response:
    name, query = request.path_params["database"], query_of(request)
    found = await ask(request, "database", database=name, query=query, page=page_of(request), size=SIZE)
    address = partial(url, "/settings", name)
    shown = {"query": query, "at": address(), "found": found, "link": links(address, q=query)}
    return render(request, "pages/database.html", command=f"db {name} show", **shown)


async def _new(request: Request) -> Response:
    name = request.path_params["database"]
    found = await ask(request, "database", database=name, query="", page=1, size=1)
    return render(request, "pages/new_type.html", found=found, command=f"db {name} set KEY TYPE")


ROUTES = [
    Page("/settings", get=_databases),
    Page("/settings/{database}", get=_database),
    Page("/settings/{database}/new", get=_new),
]
