"""The verb that shows services: what each should be doing, what it does, and what may be done to it."""

from __future__ import annotations

from typing import Any

from esmith.manager.helper import arguments
from esmith.manager.helper.context import Context, Verb
from esmith.manager.helper.opened import opened
from esmith.services.model import Status
from esmith.services.rivals import TAKE_OVER
from esmith.status.cures import line_with_root
from esmith.status.services import services_data

#: By the word of a state: which service actions make sense.
_ACTIONS = {
    "up": ("restart", "stop"),
    "paused": ("restart", "stop"),
    "ending": ("restart", "stop"),
    "starting": ("restart", "stop"),
    "unknown": ("restart", "stop"),
    "finished": ("restart", "stop"),
    "down": ("start",),
}
#: What a state begins with.
_WORDS = (*(status.value for status in Status), "not looked at")


def services(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return the services that a supervisor knows, or that something is wrong with, as ``esmith services`` does.

    :return: each with ``name``, ``wanted`` (up or down), ``actual`` (the first word of its state; "" where no
        supervisor knows it), ``detail`` (the rest of its state, and what is wrong), ``pending`` (an action that is due,
        as a text, or null), ``problems`` (what is wrong: ``what``, ``cure``, ``log``), and the ``actions`` allowed.
    """
    arguments.take(data, {})
    with opened(context.layout) as snapshot:
        found = services_data(context.layout, snapshot)
    root = "" if context.layout.is_machine else context.layout.root
    return {"services": [_service(name, data, root) for name, data in found.items()]}


def _service(name: str, data: dict[str, Any], root: str) -> dict[str, Any]:
    actual, rest = _split(str(data["state"]))
    problems = _problems(data)
    return {
        "name": name,
        "wanted": data["wanted"],
        "actual": actual,
        "detail": "; ".join(filter(None, [rest, *(what for what, _, _ in problems)])),
        "pending": _pending(data["pending"]) if "pending" in data else None,
        "problems": [
            {"what": what, "cure": [line_with_root(line, root) for line in cure], "log": log}
            for what, cure, log in problems
        ],
        "actions": _allowed(data["wanted"], actual),
    }


def _split(state: str) -> tuple[str, str]:
    """Return the word of a state and what follows it."""
    for word in _WORDS:
        if state.startswith(word):
            return word, state.removeprefix(word).strip(" :")
    # The supervisor could not be asked, and the text says why.
    return ("unknown", state) if state else ("", "")


def _pending(due: dict[str, Any]) -> str:
    """Return what is pending, in one line."""
    text = f"{' '.join(due['actions']) or 'stop'} since {due['since']} (by {due['command']})"
    if "ending" in due:
        ending = due["ending"]
        text += f"; it was asked to end at {ending['since']}, "
        text += "and has not, which takes too long" if ending["overdue"] else f"and does when {ending['until']}"
    return text


def _allowed(wanted: str, actual: str) -> list[str]:
    """Return the service actions that make sense; what is to be down is not started here, its status is changed."""
    actions = _ACTIONS.get(actual, ())
    return [action for action in actions if wanted == "up" or action == "stop"]


def _problems(data: dict[str, Any]) -> list[tuple[str, list[str], list[str]]]:
    """Return what is wrong with a service: what, the commands that help, and the end of its log."""
    found: list[tuple[str, list[str], list[str]]] = [(str(rival), [TAKE_OVER], []) for rival in data.get("rivals", [])]
    found += [(holder["found"], holder["commands"], []) for holder in data.get("holders", [])]
    if "missing" in data:
        missing = data["missing"]
        found.append((f"{missing['program']} is not installed: {missing['without']}", missing["commands"], []))
    if "not_started" in data:
        idle = data["not_started"]
        found.append((f"nothing starts it: {idle['without']}", idle["commands"], []))
    for useless in data.get("useless", []):
        what = f"of no use: {useless['means']}: {useless['found']}"
        found.append((what, useless["commands"], useless["log"]))
    return found


VERBS: dict[str, Verb] = {"services": services}
