"""Cures as operations: a command that is shown as a cure and that the panel can carry out becomes a button.

Only what is recognised to the last word becomes one. Everything else, also what may only look like a command of ours,
is text that an administrator reads, and types if he means to.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from typing import Any

from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.printable import shell_word
from esmith.services.find import find_supervisor

#: The service actions that the panel offers.
ACTIONS = ("start", "stop", "restart")
_EVENT = re.compile(r"[a-z0-9][a-z0-9._-]*")
#: A name of a record or a property, and an argument of an event; never one that could be an option.
_NAME = re.compile(r"[A-Za-z0-9_.@:+][A-Za-z0-9_.@:+/-]*")
_DATABASE = re.compile(r"[a-z][a-z0-9_-]*")
#: What stands for something that whoever types the command has to fill in.
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_-]+|.*[<>\[\]…].*|.*\.\.\..*")
#: How long a command may be, in characters.
_LONGEST = 1000
#: What only shows something, so that it is no part of a cure that has to follow.
_LOOKS = ("tail ", "journalctl ", "esmith services", "esmith status", "esmith doctor")


def operation_of(line: str, layout: Layout, revision: int) -> dict[str, Any] | None:
    """Return the operation that does what a command does; None for what is none of these commands.

    :param line: a cure, as it is to be pasted, without ``--root``.
    :param revision: of the databases now, against which a changed setting is checked.
    """
    words = _words(line)
    if not words or any(_PLACEHOLDER.fullmatch(word) for word in words[1:]):
        return None
    program, *rest = words
    if program == "signal-event":
        return _event(rest, layout)
    if program == "config":
        return _setting("configuration", rest, revision)
    if program == "db" and rest and _DATABASE.fullmatch(rest[0]):
        return _setting(rest[0], rest[1:], revision)
    if words == ["esmith", "recover"]:
        return {"kind": "recover"}
    if words == ["esmith", "confirm"]:
        return {"kind": "confirm"}
    if words[:2] == ["esmith", "control"] and len(words) == 4:
        return _service(words[2], words[3], layout)
    return None


def operation_of_all(lines: Sequence[str], layout: Layout, revision: int) -> dict[str, Any] | None:
    """Return the operation that does what the commands of a cure do together; None when none does.

    After the first, which does it, only those may follow that show something; and after a setting the event that makes
    it effective, as an operation about a setting does by itself.
    """
    if not lines:
        return None
    first = operation_of(lines[0], layout, revision)
    if first is None:
        return None
    for line in lines[1:]:
        follows = operation_of(line, layout, revision)
        is_event = first["kind"] == "setting" and follows is not None and follows["kind"] == "event"
        if not is_event and not line.startswith(_LOOKS):
            return None
    return first


def _words(line: str) -> list[str]:
    """Return the words of a command of a single line; none when it is not written as the engine writes one.

    So a shell would run that command with these words, and do nothing besides.
    """
    if len(line) > _LONGEST or not line.isprintable():
        return []
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    return words if " ".join(map(shell_word, words)) == line else []


def _event(words: list[str], layout: Layout) -> dict[str, Any] | None:
    if not words or not _EVENT.fullmatch(words[0]) or not all(_NAME.fullmatch(word) for word in words[1:]):
        return None
    if not os.path.isdir(os.path.join(layout.events, words[0])):
        return None
    return {"kind": "event", "event": words[0], "arguments": words[1:]}


def _setting(database: str, words: list[str], revision: int) -> dict[str, Any] | None:
    verb, key, *rest = [*words, "", ""][: max(2, len(words))]
    if not _NAME.fullmatch(key):
        return None
    values: dict[str, str | None]
    if verb == "setprop" and rest and len(rest) % 2 == 0:
        values = dict(zip(rest[::2], rest[1::2], strict=True))
        if len(values) != len(rest) // 2:
            return None
    elif verb == "delprop" and rest:
        values = dict.fromkeys(rest)
    else:
        return None
    if not all(_NAME.fullmatch(name) and not (value or "").startswith("-") for name, value in values.items()):
        return None
    return {
        "kind": "setting",
        "database": database,
        "key": key,
        "type": None,
        "values": values,
        "delete": False,
        "revision": revision,
    }


def _service(service: str, action: str, layout: Layout) -> dict[str, Any] | None:
    if action not in ACTIONS:
        return None
    try:
        known = find_supervisor(layout, service) is not None
    except EsmithError:
        return None
    return {"kind": "service", "service": service, "action": action} if known else None
