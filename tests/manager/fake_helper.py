"""A helper that answers what a test gives it: both sides of the socket are tried without root and without an engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from esmith.manager import wire

SESSION = "fake-session-token"
ACCOUNT = "admin"

Answer = Callable[[dict[str, Any]], Any]


class FaultError(Exception):
    """An error that the helper is to answer with."""

    def __init__(self, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.line = wire.error(kind, message, **more)


class FakeHelper:
    """Listens on a socket in the folder, in the loop of the test.

    :param answers: from a verb to its result, or to a function of the arguments that returns it or raises
        :class:`FaultError`. For ``follow`` a list: the lines, and at last the job.
    """

    def __init__(self, folder: Path, answers: dict[str, Any]) -> None:
        self.path = str(folder / "socket")
        self.answers = {**BASIC, **answers}
        #: What was asked, oldest first.
        self.asked: list[dict[str, Any]] = []
        #: The tokens of sessions that have not ended.
        self.sessions = {SESSION}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._serve, self.path, limit=wire.MOST_REQUEST)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()

    def verbs(self) -> list[str]:
        """Return the verbs that were asked."""
        return [request["verb"] for request in self.asked]

    def arguments(self, verb: str) -> dict[str, Any]:
        """Return the arguments with which a verb was asked last."""
        return next(request["arguments"] for request in reversed(self.asked) if request["verb"] == verb)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            self.asked.append(request)
            for line in self._lines(request):
                writer.write(line)
            await writer.drain()
        except (ConnectionError, BrokenPipeError):
            pass
        finally:
            writer.close()

    def _lines(self, request: dict[str, Any]) -> list[bytes]:
        verb = request["verb"]
        try:
            if verb == "login":
                self.sessions.add(SESSION)
            elif request["session"] not in self.sessions:
                raise FaultError(wire.SESSION, "This session has ended.")
            result = self._result(verb, request["arguments"])
            if verb == "follow":
                after = request["arguments"].get("after", 0)
                lines = [wire.line_of({"line": line}) for line in result[:-1] if line["n"] > after]
                return [*lines, wire.answer(result[-1])]
            others = request.get("also", {})
            self.asked += [{**request, "verb": name, "arguments": others[name]} for name in others]
            return [wire.answer(result, {name: self._result(name, others[name]) for name in others})]
        except FaultError as fault:
            return [fault.line]

    def _result(self, verb: str, arguments: dict[str, Any]) -> Any:
        if verb not in self.answers:
            raise FaultError(wire.BAD_REQUEST, f"There is no verb {verb} in this test.")
        answer = self.answers[verb]
        return answer(arguments) if callable(answer) else answer


def field(name: str, widget: str = "text", **more: Any) -> dict[str, Any]:
    """Return a field as the helper describes it."""
    empty: dict[str, Any] = {"value": None, "custom": None, "unset": None, "choices": [], "min": None, "max": None}
    empty |= {"label": name.title(), "help": "", "may_be_empty": False, "required": False, "suggest": False}
    empty |= {"is_set": False, "shown_if": None, "settings": [f"configuration test {name}"], "name": name}
    return {**empty, "widget": widget, **more}


def choice(name: str, value: str | None, *values: str, **more: Any) -> dict[str, Any]:
    """Return a choice as the helper describes it."""
    rows = [{"value": row, "label": row.title(), "help": ""} for row in values]
    return field(name, "choice", value=value, choices=rows, **more)


def panel(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return what the verb ``panel`` answers, with one section."""
    section = {"name": "filtering", "heading": "E-mail filtering", "help": "", "fields": list(fields)}
    answer = {"id": "configuration/email", "heading": "E-mail", "help": "How mail comes and goes.", "revision": 17}
    return {**answer, "group": "configuration", "event": "email-update", "sections": [section], "records": None, **more}


def preview(**more: Any) -> dict[str, Any]:
    """Return what the verb ``preview`` answers."""
    change = {"database": "configuration", "key": "spamassassin", "property": "TagLevel", "old": "4", "new": "5"}
    diff = [
        "--- a/etc/mail/spamassassin/local.cf",
        "+++ b/etc",
        "@@ -1 +1 @@",
        "-required_score 4",
        "+required_score 5",
    ]
    file = {"path": "/etc/mail/spamassassin/local.cf", "change": "changed", "diff": diff, "secret": False, "left": ""}
    answer: dict[str, Any] = {"changes": [change], "files": [{**file, "verdict": None}], "warnings": [], "faults": []}
    answer |= {"services": {"spamassassin": ["restart"]}, "refused": None, "hints": [], "events": ["email-update"]}
    answer |= {"commands": ["config setprop spamassassin TagLevel 5", "signal-event email-update"], "notes": []}
    return {**answer, "actions_not_shown": True, "reaches_panel": False, "nothing": False, **more}


def job(**more: Any) -> dict[str, Any]:
    """Return a job that is done."""
    result = {"files": [{"path": "/etc/motd", "change": "changed"}], "services": {"qpsmtpd": "restart"}, "pending": {}}
    answer: dict[str, Any] = {"id": "20261130-1", "title": "E-mail", "account": ACCOUNT, "address": "192.0.2.7"}
    answer |= {"started": 1796000000.0, "ended": 1796000003.0, "state": "done", "operation": {"kind": "form"}}
    answer |= {"commands": ["signal-event email-update"], "revision": 18, "lines": [], "error": None, "confirm": None}
    return {**answer, "result": {**result, "notes": [], "left": {}, "actions": []}, **more}


_EMAIL = {"id": "configuration/email", "heading": "E-mail", "help": "How mail comes and goes.", "kind": "form"}
_USERS = {"id": "collaboration/users", "heading": "Users", "help": "Who has an account here.", "kind": "records"}
#: What is answered unless a test says otherwise.
BASIC: dict[str, Any] = {
    "login": {"session": SESSION, "account": ACCOUNT},
    "logout": None,
    "logout-everywhere": None,
    "session": {"account": ACCOUNT, "idle_left": 900, "absolute_left": 36000, "running": [], "unconfirmed": None},
    "navigation": {
        "groups": [
            {"name": "collaboration", "heading": "Collaboration", "panels": [{**_USERS, "sections": []}]},
            {
                "name": "configuration",
                "heading": "Configuration",
                "panels": [{**_EMAIL, "sections": [{"name": "filtering", "heading": "E-mail filtering"}]}],
            },
        ],
        "faults": [],
    },
    "health": {"findings": []},
    "panel": panel(choice("status", "enabled", "enabled", "disabled"), field("Subject", value="[SPAM]")),
    "preview": preview(),
    "apply": job(),
    "jobs": {"jobs": [job()]},
    "job": job(),
    "follow": [{"n": 1, "time": 1796000001.0, "kind": "step", "text": "files"}, job()],
    "confirm": None,
    "take-back": job(id="20261130-2"),
}
