"""A panel that is a form: one section at a time, and its preview."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager.web.addresses import panel_url
from esmith.manager.web.forms import sections_shown, touched
from esmith.manager.web.pages import Page, records
from esmith.manager.web.posted import Posted
from esmith.manager.web.previewing import Proposal, number_of, show_preview
from esmith.manager.web.rendering import json_answer, render
from esmith.manager.web.visit import ask, panel_of, posted


def _id(request: Request) -> str:
    return f"{request.path_params['group']}/{request.path_params['name']}"


async def show(request: Request) -> Response:
    """Show a panel: a form, or the list of its records."""
    panel = _id(request)
    known = panel_of(request, panel)
    if known and known.get("kind") == "records":
        return await records.show_list(request, panel)
    return await _show_form(request, panel)


async def back(request: Request) -> Response:
    """Show the form again with what was typed; what was secret is typed again."""
    return await _show_form(request, _id(request), posted(request))


async def _show_form(
    request: Request,
    panel: str,
    values: Posted | None = None,
    errors: dict[str, str] | None = None,
    other: tuple[str, ...] = (),
) -> Response:
    answer = await ask(request, "panel", panel=panel)
    sections = sections_shown(answer["sections"], values, errors)
    asked = request.query_params.get("section", "")
    first: dict[str, Any] = sections[0] if sections else {"name": "", "heading": "", "help": "", "fields": []}
    # What is wrong is shown where it is, whichever section was asked for.
    current: dict[str, Any] = next((section for section in sections if section["name"] == asked), first)
    if errors and not any(field["error"] for field in current["fields"]):
        other = (*other, *(f"{name}: {text}" for name, text in errors.items()))
    revision = number_of(values.get("revision")) if values else answer.get("revision", 0)
    texts = {"help": "", **answer}
    return render(
        request,
        "panel.html",
        422 if errors or other else 200,
        panel=texts,
        all_sections=sections,
        current=current,
        revision=revision,
        other_errors=other,
    )


async def preview(request: Request) -> Response:
    """Show what the changes of the form would do."""
    panel, values = _id(request), posted(request)
    changed = touched(values)
    operation: dict[str, Any] = {"kind": "form", "panel": panel, "values": changed.values}
    operation["revision"] = number_of(values.get("revision"))
    address = panel_url(panel, section=request.query_params.get("section", ""))

    async def refuse(message: str, fields: dict[str, str]) -> Response:
        return await _show_form(request, panel, values, fields, () if fields else (message,))

    proposal = Proposal(operation, changed.secrets, address, form=("panel", {"panel": panel}))
    return await show_preview(request, proposal, refuse)


async def suggest(request: Request) -> Response:
    """Answer with names that fit into a field, for a script."""
    asked = request.query_params
    names = await ask(
        request, "suggest", panel=asked.get("panel", ""), key=asked.get("key") or None, field=asked.get("field", ""),
        query=asked.get("q", ""),
    )  # fmt: skip
    return json_answer({"names": names.get("names", []) if isinstance(names, dict) else names})


ROUTES = [
    Page("/panel/{group}/{name}", show, back, asks_first=True),
    Page("/panel/{group}/{name}/preview", post=preview, asks_first=True),
    Page("/suggest", suggest, is_bare=True),
]
