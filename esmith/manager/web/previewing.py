"""The way of every change: what it would do is shown, then it is applied, and what others changed is never lost."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web import error_pages
from esmith.manager.web.addresses import inside
from esmith.manager.web.client import HelperError
from esmith.manager.web.forms import Labels, labels_of
from esmith.manager.web.posted import number_in
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import ask, ask_also, posted, visit_of

#: Makes the form again, with a message about all of it, or one for each field that is wrong.
Refuse = Callable[[str, dict[str, str]], Awaitable[Response]]

#: Operations that cannot go back by themselves: the helper refuses them with a time to confirm.
_FINAL = frozenset(("action", "rollback", "service", "recover"))
#: After how many minutes an unconfirmed change may go back.
MINUTES = (5, 10, 30, 60)

_EMPTY: dict[str, Any] = {"changes": [], "files": [], "services": {}, "warnings": [], "faults": [], "refused": None}
_EMPTY |= {"hints": [], "events": [], "commands": [], "notes": [], "actions_not_shown": False}
_EMPTY |= {"reaches_panel": False, "nothing": False}
_EMPTY_FILE = {"change": "", "diff": [], "secret": False, "left": None, "verdict": None}


@dataclass
class Proposal:
    """A change that somebody wants.

    :param operation: as the helper takes it, without new secrets.
    :param secrets: new secrets: of fields by their names, ``password`` of an action.
    :param back: the address of the form; it takes the values with POST.
    :param labels: of fields, by the setting that each writes.
    :param title: what is changed: the heading of a panel.
    :param carried: the values of the form, to go back with.
    :param form: the verb that describes the form, and its arguments, where labels and title are not known yet.
    """

    operation: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    back: str = ""
    labels: dict[str, Labels] = field(default_factory=dict)
    title: str = ""
    carried: list[tuple[str, str]] | None = None
    form: tuple[str, dict[str, Any]] | None = None

    def learn(self, form: dict[str, Any]) -> None:
        """Take labels and title from what describes the form."""
        self.form = None
        self.labels = labels_of(form.get("sections", ()))
        key = self.operation.get("key")
        self.title = self.title or (f"{_(form['heading'])}: {key}" if key is not None else str(form["heading"]))

    @property
    def complete(self) -> dict[str, Any]:
        """The operation with its secrets."""
        if not self.secrets:
            return self.operation
        if self.operation.get("kind") == "action":
            return self.operation | self.secrets
        return self.operation | {"values": {**(self.operation.get("values") or {}), **self.secrets}}


async def show_preview(
    request: Request, proposal: Proposal, refuse: Refuse | None = None, *, checks: bool = False
) -> Response:
    """Show what a change would do, or why it cannot be.

    :param refuse: shows the form again when a value is refused; without it there is a page about the error.
    :param checks: whether to wait for the verdicts of the programs that read the files.
    """
    try:
        also = dict([proposal.form]) if proposal.form else {}
        found, others = await ask_also(request, also, "preview", operation=proposal.complete, checks=checks)
    except HelperError as error:
        if error.kind == wire.CONFLICT:
            if proposal.form:
                proposal.learn(await ask(request, proposal.form[0], **proposal.form[1]))
            return show_conflict(request, proposal, error)
        if refuse is None or error.kind not in (wire.REFUSED, wire.FAILED):
            raise
        where = f" ({error.place})" if error.place else ""
        return await refuse(f"{_(error.message)}{where} {_(error.hint)}".strip(), error.fields)
    if proposal.form:
        proposal.learn(others[proposal.form[0]])
    kept = request.app.state.kept.keep(visit_of(request).token, proposal.secrets)
    return _page(request, proposal, _complete(found), kept)


def _complete(found: dict[str, Any]) -> dict[str, Any]:
    """Return an answer in which nothing is missing that the template looks at."""
    answer = _EMPTY | found
    return answer | {"files": [_EMPTY_FILE | file for file in answer["files"]]}


def _page(request: Request, proposal: Proposal, preview: dict[str, Any], kept: str) -> Response:
    is_form = proposal.operation.get("kind") in ("form", "modify", "setting")
    # What an event installs is rolled back: without a file nothing is.
    may_go_back = proposal.operation.get("kind") not in _FINAL and any(not one["left"] for one in preview["files"])
    return render(
        request,
        "preview.html",
        preview=preview,
        proposal=proposal,
        kept=kept,
        carried=_carried(request, proposal),
        changes=[_change(change, proposal.labels) for change in preview["changes"]],
        may_apply=not preview["refused"] and not (preview["nothing"] and is_form),
        may_go_back=may_go_back,
        minutes=MINUTES,
        chosen=10 if preview["reaches_panel"] else 0,
        is_checked=any(file["verdict"] for file in preview["files"]),
    )


def _change(change: dict[str, Any], labels: dict[str, Labels]) -> dict[str, Any]:
    names = [change.get("database"), change.get("key"), change.get("property")]
    setting = " ".join(str(name) for name in names if name)
    label = labels.get(setting, Labels(""))
    values = {"old": change.get("old"), "new": change.get("new")}
    return {"setting": setting, "label": label.label, "names": label.values, **values}


def show_conflict(request: Request, proposal: Proposal, error: HelperError) -> Response:
    """Show what somebody else changed meanwhile, with both values to choose from."""
    conflict = error.more.get("conflict")
    conflict = conflict if isinstance(conflict, dict) else {}
    empty = {"field": "", "label": "", "yours": None, "theirs": None, "was": None, "by": "", "at": None, "command": ""}
    cells = [empty | cell for cell in conflict.get("cells", ())]
    kept = request.app.state.kept.keep(visit_of(request).token, proposal.secrets)
    fields = {cell["field"] for cell in cells}
    operation = proposal.operation | {"revision": conflict.get("revision", proposal.operation.get("revision"))}
    is_choice = bool(fields & (set(operation.get("values") or {}) | set(proposal.secrets)))
    return render(
        request,
        "conflict.html",
        409,
        message=_(error.message),
        cells=cells,
        is_choice=is_choice,
        proposal=proposal,
        operation=operation,
        kept=kept,
        carried=_carried(request, proposal),
    )


def _carried(request: Request, proposal: Proposal) -> list[tuple[str, str]]:
    return posted(request).carried() if proposal.carried is None else proposal.carried


def read_proposal(request: Request) -> Proposal | None:
    """Return the change that a preview, or a page that offers one, posts; None when its secrets are gone.

    :raises HelperError: when it is none.
    """
    values, visit = posted(request), visit_of(request)
    try:
        operation = json.loads(values.get("operation"))
    except (ValueError, RecursionError) as error:
        raise HelperError(wire.BAD_REQUEST, _("This form cannot be read.")) from error
    is_one = isinstance(operation, dict) and isinstance(operation.get("kind"), str)
    if not is_one or not isinstance(operation.get("values", {}), dict):
        raise HelperError(wire.BAD_REQUEST, _("This form cannot be read."))
    secrets = {name: secret for name, secret in values.starting("secret.") if secret}
    if token := values.get("kept"):
        found = request.app.state.kept.find(visit.token, token)
        if found is None:
            return None
        secrets = {**found, **secrets}
    _resolve(operation, secrets, dict(values.starting("take.")))
    carried = pairs_of(values.get("form"))
    back = inside(values.get("back")) if values.get("back") else ""
    return Proposal(operation, secrets, back, title=values.get("title"), carried=carried)


def pairs_of(text: str) -> list[tuple[str, str]]:
    """Return values of a form that a page carries as JSON; it comes from the browser, so anything may be there."""
    try:
        pairs = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return []
    if not isinstance(pairs, list):
        return []
    return [(str(pair[0]), str(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2]


def _resolve(operation: dict[str, Any], secrets: dict[str, str], choices: dict[str, str]) -> None:
    """Leave out of a change what somebody else changed meanwhile, where theirs was chosen."""
    for name, choice in choices.items():
        if choice == "theirs":
            secrets.pop(name, None)
            if isinstance(operation.get("values"), dict):
                operation["values"].pop(name, None)


def number_of(text: str) -> int:
    """Return a number that a form posted, 0 when it is none."""
    return number_in(text) or 0


def gone(request: Request) -> Response:
    """Show that a new secret did not wait so long."""
    message = _("The new password was not kept that long.")
    return error_pages.page(request, 422, message=message, hint=_("Go back to the form and type it again."))
