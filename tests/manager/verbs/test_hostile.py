"""A web process that was taken over: whatever it sends is refused, or is data and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esmith.errors import EsmithError
from esmith.manager.helper.context import VerbError
from tests.manager.verbs.kit import VERBS, Desk

#: What no argument may be taken for.
HOSTILE = [
    "",
    "a\nb",
    "a\0b",
    "\ud800",
    "..",
    "../../../../etc/passwd",
    "/etc/passwd",
    "x" * 200_000,
    "; reboot",
    "$(reboot)",
    "`reboot`",
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    "<script>alert(1)</script>",
    "-rf",
    "--root=/",
    "@user",
    "*",
    "\u202eabc",
    "%s%n",
]
#: Other things than texts.
OTHERS: list[Any] = [None, True, 0, -1, 2**80, 1.5, [], {}, [[]], {"": {}}, [None]]
_FORM = {"kind": "form", "panel": "configuration/email", "values": {}, "revision": 0}
#: One operation of each kind.
OPERATIONS: dict[str, dict[str, Any]] = {
    "form": _FORM,
    "create": {**_FORM, "kind": "create", "panel": "collaboration/users", "key": "new"},
    "modify": {**_FORM, "kind": "modify", "panel": "collaboration/users", "key": "tom"},
    "delete": {"kind": "delete", "panel": "collaboration/users", "key": "tom", "revision": 0},
    "action": {"kind": "action", "panel": "collaboration/users", "key": "tom", "action": "lock"},
    "password": {
        "kind": "action",
        "panel": "collaboration/users",
        "key": "tom",
        "action": "password",
        "password": "x" * 12,
    },
    "setting": {
        "kind": "setting",
        "database": "configuration",
        "key": "qpsmtpd",
        "type": None,
        "values": {},
        "delete": False,
        "revision": 0,
    },
    "undo": {"kind": "undo", "revision": 2},
    "rollback": {"kind": "rollback", "generation": 1, "files_only": False},
    "service": {"kind": "service", "service": "qpsmtpd", "action": "restart"},
    "event": {"kind": "event", "event": "email-update", "arguments": []},
}
_KINDS = {"bad-request", "not-found", "refused", "failed", "conflict"}


def _answer(desk: Desk, verb: str, arguments: Any) -> str:
    """Return what a verb answers: the kind of its error, or ``ok``; nothing else is raised, and all can be written."""
    try:
        json.dumps(VERBS[verb](desk.context, arguments)).encode()
    except VerbError as error:
        assert error.kind in _KINDS, error.kind
        error.line.decode()
        return error.kind
    except EsmithError as error:
        return VerbError.of(error).kind
    return "ok"


#: Arguments in which such a text is as good as any.
_FREE = {("setting", "type"), ("password", "password")}


@pytest.mark.parametrize("kind", OPERATIONS)
def test_arguments_of_operations(office_desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each argument that is not what it has to be is refused with a kind of the protocol; no file is touched."""
    # What is not refused is not looked at any further.
    monkeypatch.setattr("esmith.manager.helper.operations.trying.Tried.data", lambda *_, **__: {})
    monkeypatch.setattr("esmith.manager.helper.operations.settings.what_follows", lambda *_: _Nothing)
    desk, before, operation = office_desk, office_desk.looks(), OPERATIONS[kind]
    for name in operation:
        for value in HOSTILE:
            answer = _answer(desk, "preview", {"operation": {**operation, name: value}})
            assert answer != "ok" or (kind, name) in _FREE, (name, value)
        for value in OTHERS:
            _answer(desk, "preview", {"operation": {**operation, name: value}})
        _answer(desk, "preview", {"operation": {key: value for key, value in operation.items() if key != name}})
    assert _answer(desk, "preview", {"operation": {**operation, "more": "x"}}) == "bad-request"
    assert desk.looks() == before


class _Nothing:
    """What no file follows."""

    events: dict[str, int] = {}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_values_are_data(office_desk: Desk, text: str) -> None:
    """A value is stored as it is or refused; in a command it is one word of a shell, and no command is hidden in it."""
    import shlex

    desk = office_desk
    operation = desk.setting("qpsmtpd", values={"OfMine": text})
    try:
        shown = desk.preview(operation)
    except (VerbError, EsmithError):
        return
    (line,) = shown["commands"]
    words = shlex.split(line)
    assert words[:4] == ["config", "setprop", "qpsmtpd", "OfMine"] and len(words) == 5
    assert all(char.isprintable() for char in line)
    assert shown["changes"][0]["new"] == text


@pytest.mark.parametrize("verb", ["panel", "records", "record", "suggest", "job", "navigation", "jobs"])
def test_arguments_of_verbs(office_desk: Desk, verb: str) -> None:
    """No argument of a verb that reads is a path, and none is taken that it does not have."""
    for value in [*HOSTILE, *OTHERS]:
        for name in ("panel", "key", "field", "query", "page", "size", "sort", "job", "after"):
            base = {"panel": "collaboration/users", "field": "FirstName"} if verb in ("record", "suggest") else {}
            answer = _answer(office_desk, verb, {**base, name: value})
            assert answer in ("ok", "bad-request", "not-found", "failed"), (name, value)
    others: tuple[Any, ...] = (None, [], "x", {"more": 1})
    for arguments in others:
        assert _answer(office_desk, verb, arguments) == "bad-request"


@pytest.mark.parametrize("operation", [None, [], "x", {}, {"kind": None}, {"kind": ["form"]}, {"kind": "take-back"}])
def test_what_is_no_operation(office_desk: Desk, operation: Any) -> None:
    """What is no operation of the protocol is refused by both verbs."""
    for verb in ("preview", "apply"):
        assert _answer(office_desk, verb, {"operation": operation}) == "bad-request"


def test_events_that_are_not_signalled_here(office_desk: Desk) -> None:
    """No event that starts the machine again, none that there is not, and no argument that is no record."""
    for event, words in (
        ("reboot", []),
        ("actions", []),
        ("../events/email-update", []),
        ("user-modify", ["nobody"]),
        ("email-update", ["--restart"]),
        ("email-update", ["tom", "jack", "john", "maillog"]),
    ):
        operation = {"kind": "event", "event": event, "arguments": words}
        assert _answer(office_desk, "apply", {"operation": operation}) in ("not-found", "bad-request"), event
    shown = office_desk.preview({"kind": "event", "event": "user-modify", "arguments": ["tom"]})
    assert shown["commands"] == ["signal-event user-modify tom"]
