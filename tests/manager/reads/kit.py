"""Asking verbs that only look, in this process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esmith.layout import Layout
from esmith.manager.helper.context import Context, Verb, VerbError
from esmith.manager.helper.verbs import health, history, search, services, settings
from tests.commands import Root

#: All verbs of these modules.
VERBS: dict[str, Verb] = {
    **health.VERBS,
    **history.VERBS,
    **search.VERBS,
    **services.VERBS,
    **settings.VERBS,
}
ADDRESS = "192.0.2.7"


def context_of(root: Root) -> Context:
    """Return who asks."""
    return Context(Layout.chosen(str(root.path)), "admin", ADDRESS)


def ask(root: Root, verb: str, **arguments: Any) -> Any:
    """Return what a verb answers, as it arrives at the other end."""
    return json.loads(json.dumps(VERBS[verb](context_of(root), arguments)))


def refused(root: Root, verb: str, **arguments: Any) -> str:
    """Return the kind of the error that a verb answers with."""
    with pytest.raises(VerbError) as caught:
        VERBS[verb](context_of(root), arguments)
    return caught.value.kind


def command_of(operation: dict[str, Any]) -> list[str]:
    """Return the words of the command that an operation stands for."""
    kind = operation["kind"]
    if kind == "event":
        return ["signal-event", operation["event"], *operation["arguments"]]
    if kind == "service":
        return ["esmith", "control", operation["service"], operation["action"]]
    if kind in ("recover", "confirm"):
        return ["esmith", kind]
    assert kind == "setting"
    assert (operation["type"], operation["delete"], operation["revision"]) == (None, False, 7)
    database = operation["database"]
    program = ["config"] if database == "configuration" else ["db", database]
    values = operation["values"]
    if None in values.values():
        assert set(values.values()) == {None}
        return [*program, "delprop", operation["key"], *values]
    return [*program, "setprop", operation["key"], *(word for pair in values.items() for word in pair)]
