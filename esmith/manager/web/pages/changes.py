"""The pages of the changes: the history of the settings with undo, the installed files with rollback."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.addresses import url
from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.pages.lists import query_of
from esmith.manager.web.posted import number_in
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask

#: How many revisions a page has.
_SIZE = 20
#: How many changes of each it shows.
_SHOWN_CHANGES = 5
#: How many changes of one revision its page shows; the helper gives no more.
_MOST_CHANGES = 1000
#: How the journal names who applied what an action of an event has changed.
_IN_A_JOB = re.compile(r"(?P<account>.*), job (?P<job>[0-9a-f]+)", re.DOTALL)


async def _history(request: Request) -> Response:
    query = query_of(request)
    before = number_in(request.query_params.get("before", ""))
    found = await ask(request, "history", before=before, query=query, size=_SIZE, changes=_SHOWN_CHANGES, fold=True)
    older = found.get("next")
    shown: dict[str, Any] = {
        "tab": "changes",
        "query": query,
        "revisions": [_with_job(one) for one in found["revisions"]],
        "older": url("/changes", q=query, before=older) if older else "",
        "newest": url("/changes", q=query) if before is not None else "",
    }
    return render(request, "pages/changes.html", **shown)


def _with_job(revision: dict[str, Any]) -> dict[str, Any]:
    """Return a revision with the job in which it was made: root changed settings for somebody who applied something."""
    found = _IN_A_JOB.fullmatch(revision["sudo_user"])
    return {"folded": [], **revision, "job": {"account": found["account"], "id": found["job"]} if found else None}


async def _revision(request: Request) -> Response:
    number = _of_path(request)
    found = (await ask(request, "history", before=number + 1, size=1, changes=_MOST_CHANGES))["revisions"]
    if not found or found[0]["revision"] != number:
        raise HelperError(wire.NOT_FOUND, _("There is no revision %(number)s.") % {"number": number})
    return render(request, "pages/revision.html", one=_with_job(found[0]))


def _of_path(request: Request) -> int:
    number = number_in(request.path_params["number"])
    if number is None:
        raise HelperError(wire.NOT_FOUND, _("There is no such page."))
    return number


async def _generations(request: Request) -> Response:
    found = await ask(request, "generations")
    return render(request, "pages/generations.html", tab="generations", generations=found["generations"])


async def _generation(request: Request) -> Response:
    found = await ask(request, "generation", number=_of_path(request))
    return render(request, "pages/generation.html", one=found, words=_words())


def _words() -> dict[str, str]:
    return {"create": _("new"), "replace": _("changed"), "remove": _("removed"), "unchanged": _("the same")}


ROUTES = [
    Page("/changes", get=_history, asks_first=True),
    Page("/changes/{number}", get=_revision),
    Page("/generations", get=_generations, asks_first=True),
    Page("/generations/{number}", get=_generation),
]
