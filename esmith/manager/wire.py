"""What goes over the socket between the web process and the helper: a line of JSON asks, lines of JSON answer.

A request is ``{"verb": ..., "session": TOKEN, "address": CLIENT, "arguments": {...}}``. The last line of an answer is
``{"ok": true, "result": ...}`` or ``{"ok": false, "error": {"kind": ..., "message": ...}}``; the verb ``follow`` sends
``{"line": ...}`` before it. Each connection has one request. It may name verbs that are answered with it,
``"also": {VERB: ARGUMENTS}`` with those of :data:`ALSO`; a good answer then has ``"also": {VERB: RESULT}`` beside its
result. One process does all of them, which takes half the time of two.
"""

from __future__ import annotations

import json
from typing import Any

#: How long a request may be, in bytes.
MOST_REQUEST = 2**20
#: How long one line of an answer may be, in bytes.
MOST_ANSWER = 2**26

#: The verbs that may be asked together with another one: they only look.
ALSO = ("session", "panel", "record")

#: The kinds of errors.
#: There is no session, or it has ended.
SESSION = "session"
#: The name or the password is wrong.
LOGIN = "login"
#: There were too many failures; ``retry_after`` says when the next try is allowed, in seconds.
LIMITED = "limited"
#: The schema does not allow a value; ``fields`` says which and why.
REFUSED = "refused"
#: Somebody changed the same settings meanwhile; ``conflict`` says who and what.
CONFLICT = "conflict"
#: Too much is asked at once, or an event runs and does not end.
BUSY = "busy"
#: The request is not one of the protocol.
BAD_REQUEST = "bad-request"
#: What is asked for does not exist.
NOT_FOUND = "not-found"
#: The engine refused it for another reason.
FAILED = "failed"
#: A fault of the helper.
INTERNAL = "internal"
KINDS = (SESSION, LOGIN, LIMITED, REFUSED, CONFLICT, BUSY, BAD_REQUEST, NOT_FOUND, FAILED, INTERNAL)


def line_of(data: dict[str, Any]) -> bytes:
    """Return a line of the protocol."""
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def answer(result: Any, also: dict[str, Any] | None = None) -> bytes:
    """Return the last line of an answer.

    :param also: the results of the verbs that were asked with it; nothing of them is said when there are none.
    """
    return line_of({"ok": True, "result": result, **({"also": also} if also else {})})


def error(kind: str, message: str, **more: Any) -> bytes:
    """Return the last line of an answer that is an error.

    :param kind: one of :data:`KINDS`.
    :param more: what else is to be known: place, hint, fields, retry_after, conflict.
    """
    return line_of({"ok": False, "error": {"kind": kind, "message": message, **more}})
