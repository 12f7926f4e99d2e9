"""The pages of the changes: the history of the settings with undo, the installed files with rollback."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.addresses import url
from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.rendering import redirect, render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask, posted, preview

#: How many revisions a page has.
_SIZE = 20
#: How many changes of one revision its page shows; the helper gives no more.
_MOST_CHANGES = 1000


async def _history(request: Request) -> Response:
    query = request.query_params.get("q", "").strip()[:200]
    before = _number(request.query_params.get("before", ""))
    found = await ask(request, "history", before=before, query=query, size=_SIZE)
    shown = {
        "tab": "changes",
        "query": query,
        "revisions": [_with_origin(one) for one in found["revisions"]],
        "older": url("/changes", q=query, before=found["next"]) if found.get("next") else "",
        "newest": url("/changes", q=query) if before is not None else "",
    }
    return render(request, "pages/changes.html", **shown)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _with_origin(revision: dict[str, Any]) -> dict[str, Any]:
    """Return a revision with where it came from: a page and the address of a browser, or a shell."""
    panel = revision.get("panel")
    if not panel:
        return {**revision, "address": "", "made_with": revision["command"]}
    return {**revision, "address": panel["address"], "made_with": f"server-manager {panel['page']}"}


async def _revision(request: Request) -> Response:
    number = _of_path(request)
    found = (await ask(request, "history", before=number + 1, size=1, changes=_MOST_CHANGES))["revisions"]
    if not found or found[0]["revision"] != number:
        raise HelperError(wire.NOT_FOUND, _("There is no revision %(number)s.") % {"number": number})
    return render(request, "pages/revision.html", one=_with_origin(found[0]))


def _of_path(request: Request) -> int:
    number = _number(request.path_params["number"])
    if number is None:
        raise HelperError(wire.NOT_FOUND, _("There is no such page."))
    return number


async def _undo(request: Request) -> Response:
    number = _of_path(request)
    title = _("Undo revision %(number)s") % {"number": number}
    return await preview(request, {"kind": "undo", "revision": number}, title=title, back=f"/changes/{number}")


async def _generations(request: Request) -> Response:
    found = await ask(request, "generations")
    return render(request, "pages/generations.html", tab="generations", generations=found["generations"])


async def _jobs(request: Request) -> Response:
    found = await ask(request, "jobs")
    return render(request, "pages/jobs.html", tab="jobs", jobs=found["jobs"], states=_states())


def _states() -> dict[str, str]:
    return {
        "running": _("runs"),
        "done": _("done"),
        "partial": _("done, but something is pending"),
        "failed": _("failed; everything was restored"),
        "lost": _("was interrupted"),
    }


async def _generation(request: Request) -> Response:
    found = await ask(request, "generation", number=_of_path(request))
    return render(request, "pages/generation.html", one=found, words=_file_words())


def _file_words() -> dict[str, str]:
    return {
        "create": _("new"),
        "replace": _("changed"),
        "remove": _("removed"),
        "unchanged": _("the same"),
    }


async def _rollback(request: Request) -> Response:
    number = _of_path(request)
    operation = {"kind": "rollback", "generation": number, "files_only": posted(request).get("files_only") == "yes"}
    title = _("Go back to generation %(number)s") % {"number": number}
    return await preview(request, operation, title=title, back=f"/generations/{number}")


async def _confirm(request: Request) -> Response:
    await ask(request, "confirm")
    return redirect("/changes", done="kept")


async def _take_back(request: Request) -> Response:
    found = await ask(request, "take-back")
    return redirect("/job", found["job"])


ROUTES = [
    Page("/changes", get=_history),
    Page("/changes/confirm", post=_confirm),
    Page("/changes/take-back", post=_take_back),
    Page("/changes/{number}", get=_revision),
    Page("/changes/{number}/undo", post=_undo),
    Page("/generations", get=_generations),
    Page("/generations/{number}", get=_generation),
    Page("/generations/{number}/rollback", post=_rollback),
]
