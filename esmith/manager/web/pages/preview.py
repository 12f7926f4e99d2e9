"""Preview, apply, confirm and take back: of any operation."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.client import HelperError
from esmith.manager.web.pages import Page
from esmith.manager.web.previewing import MINUTES, gone, number_of, read_proposal, show_conflict, show_preview
from esmith.manager.web.rendering import redirect, redirect_back, render
from esmith.manager.web.visit import ask, posted


async def preview(request: Request) -> Response:
    """Show what an operation would do."""
    proposal = read_proposal(request)
    if proposal is None:
        return gone(request)
    proposal.form = _form_of(proposal.operation)
    return await show_preview(request, proposal)


def _form_of(operation: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the verb that describes the form that an operation of a panel was made by, and its arguments."""
    kind, panel = operation.get("kind"), str(operation.get("panel", ""))
    if kind == "form":
        return "panel", {"panel": panel}
    if kind in ("create", "modify"):
        return "record", {"panel": panel, "key": str(operation.get("key", "")) if kind == "modify" else None}
    return None


async def checks(request: Request) -> Response:
    """Show the verdicts of the programs that read the files: a part of the page for htmx, the whole page else."""
    proposal = read_proposal(request)
    if proposal is None:
        return gone(request)
    if not request.headers.get("hx-request"):
        proposal.form = _form_of(proposal.operation)
        return await show_preview(request, proposal, checks=True)
    found = await ask(request, "preview", operation=proposal.complete, checks=True)
    files = [{"verdict": None, **file} for file in found.get("files", ())]
    return render(request, "verdicts.html", files=files, refused=found.get("refused"))


async def apply(request: Request) -> Response:
    """Apply an operation, and lead to its job."""
    proposal = read_proposal(request)
    if proposal is None:
        return gone(request)
    minutes = number_of(posted(request).get("confirm"))
    confirm = minutes * 60 if minutes in MINUTES else None
    try:
        answer = await ask(request, "apply", operation=proposal.complete, confirm=confirm)
    except HelperError as error:
        if error.kind != wire.CONFLICT:
            raise
        return show_conflict(request, proposal, error)
    request.app.state.kept.drop(posted(request).get("kept"))
    # The job knows the page, and not which section of its form it was.
    section = proposal.back if proposal.operation.get("kind") == "form" else ""
    return redirect("/job", _job_of(answer), back=section)


async def confirm(request: Request) -> Response:
    """Keep the change that waits to be confirmed."""
    await ask(request, "confirm")
    return redirect_back(posted(request).get("back"), "kept")


async def take_back(request: Request) -> Response:
    """Take back the change that waits to be confirmed, now."""
    return redirect("/job", _job_of(await ask(request, "take-back")))


def _job_of(answer: object) -> str:
    job = answer.get("job", answer) if isinstance(answer, dict) else answer
    return str(job.get("id") if isinstance(job, dict) else job)


ROUTES = [
    Page("/preview", post=preview),
    Page("/preview/checks", post=checks),
    Page("/apply", post=apply),
    Page("/confirm", post=confirm),
    Page("/take-back", post=take_back),
]
