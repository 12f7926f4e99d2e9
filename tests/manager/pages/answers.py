"""What a helper could answer to the verbs of these pages: 5,000 users, and records with hostile values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

<<<<<<< HEAD
#: Markup, template syntax, the end of an attribute, a percent sign, and signs that change the direction of a text.
HOSTILE = "<script>alert(1)</script>\"'><img src=x>{{ 7*7 }}{% raw %}%(x)s &amp; \u202e]]>"
#: What of it would be in a page if it were not escaped.
MARKUP = ("<script>alert", "<img src=x", "49", "'><", "\"'>")
=======
from tests.manager.pages import looks
from tests.manager.pages.looks import HOSTILE
>>>>>>> w/pages

Answer = Callable[[dict[str, Any]], Any]

KEY_FIELD = {"label": "Account", "help": "Begins with a letter."}
TEXT_FIELD = {
    "name": "FirstName",
    "label": "First name",
    "help": "As in letters.",
    "widget": "text",
    "value": "Alice",
    "custom": None,
    "unset": None,
    "choices": [],
    "min": None,
    "max": None,
    "may_be_empty": False,
    "required": True,
    "suggest": False,
    "is_set": False,
    "shown_if": None,
    "settings": ["accounts alice FirstName"],
}
CHOICE_FIELD = TEXT_FIELD | {
    "name": "EmailForward",
    "label": "Delivery",
    "widget": "choice",
    "value": None,
    "unset": "local",
    "required": False,
    "choices": [{"value": one, "label": one.capitalize(), "help": ""} for one in ("local", "forward", "both")],
}


def records(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``records``: 5,000 users."""
    keys = [f"user{number:04}" for number in range(5000)]
    found = [key for key in keys if arguments["query"] in key]
    if arguments.get("sort", "").startswith("-"):
        found.reverse()
    size, page = arguments["size"], arguments["page"]
    rows = [
        {
            "key": key,
            "cells": [f"First{key}", HOSTILE, ""],
            "modify": True,
            "delete": key != "user0000",
            "actions": ["lock", "password"],
        }
        for key in found[(page - 1) * size : page * size]
    ]
    return {
        "id": arguments["panel"],
        "heading": "Users",
        "help": "Those who have mail here.",
        "revision": 17,
        "key_label": "Account",
        "columns": [{"name": one, "label": label} for one, label in COLUMNS.items()],
        "rows": rows,
        "total": 5000,
        "found": len(found),
        "page": page,
        "pages": -(-len(found) // size),
        "create": {"label": "Add a user"},
        "actions": ACTIONS,
        "delete": {"ask": "Mail of {key} is removed for good."},
    }


COLUMNS = {"FirstName": "First name", "LastName": "Last name", "EmailForward": "Delivery"}
ACTIONS = [
    {"name": "lock", "label": "Lock", "ask": "{key} cannot log in any more.", "password": False},
    {"name": "password", "label": "Set the password", "ask": "", "password": True},
]


def record(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``record``: a user, or the form of a new one."""
    key = arguments["key"]
    return {
        "id": arguments["panel"],
        "heading": "Users",
        "help": "Those who have mail here.",
        "group": "collaboration",
        "event": "user-modify",
        "revision": 17,
        "key": key,
        "key_field": KEY_FIELD if key is None else None,
        "actions": [] if key is None else ACTIONS,
        "delete": None if key is None else {"ask": "Mail of {key} is removed for good."},
        "sections": [{"name": "person", "heading": "Person", "help": "", "fields": [TEXT_FIELD, CHOICE_FIELD]}],
<<<<<<< HEAD
    }  # fmt: skip


CHANGES = [
    {"database": "configuration", "key": "qpsmtpd", "property": "MaxLoad", "old": "7", "new": None},
    {"database": "accounts", "key": "alice", "property": "Comment", "old": "", "new": HOSTILE},
]


def history(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``history``: 45 revisions, every other from a browser."""
    newest = 45 if arguments["before"] is None else arguments["before"] - 1
    numbers = range(newest, max(0, newest - arguments["size"]), -1)
    commands = ("config setprop qpsmtpd MaxLoad 7 " + HOSTILE, "server-manager configuration/email from 192.0.2.7")
    return {
        "revisions": [
            {
                "revision": number, "time": "2026-11-30 19:00:00", "user": "admin" if number % 2 else HOSTILE, "sudo_user": HOSTILE,
                "command": commands[number % 2], "changes": CHANGES, "more": 3,
                "panel": {"page": "configuration/email", "address": "192.0.2.7"} if number % 2 else None,
            }
            for number in numbers
        ],
        "next": numbers[-1] if numbers and numbers[-1] > 1 else None,
    }  # fmt: skip


GENERATION = {
    "generation": 5, "time": "2026-11-30 19:00:00", "user": HOSTILE, "sudo_user": "", "command": "signal-event " + HOSTILE,
    "revision": 40, "complete": False,
}  # fmt: skip


def generations(_arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``generations``."""
    return {"generations": [GENERATION | {"files": ["/etc/dovecot/dovecot.conf", "/etc/" + HOSTILE], "count": 2}]}


def generation(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``generation``: a file with lines, one with a secret, one without lines; 6 is the last."""
    lines = ["--- before", "+++ after", "@@ -1 +1 @@", " same", "-old", "+" + HOSTILE]
    files = [
        {"path": "/etc/" + HOSTILE, "change": "replace", "diff": lines, "secret": False, "cut": 7},
        {"path": "/etc/secret", "change": "create", "diff": [], "secret": True, "cut": 0},
        {"path": "/etc/gone", "change": "remove", "diff": [], "secret": False, "cut": -1},
    ]
    back = {
        "generation": 5, "taken_back": [6], "files": files, "settings": CHANGES, "services": {"dovecot": ["reload"]},
        "forgotten": [["accounts", HOSTILE, "Comment"]], "unknown": False,
    }  # fmt: skip
    is_last = arguments["number"] == 6
    commands = [] if is_last else ["esmith rollback --dry-run --diff 5", "esmith rollback 5"]
    return GENERATION | {
        "files": files, "notes": [HOSTILE], "back": None if is_last else back, "commands": commands,
    }  # fmt: skip


def services(_arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``services``: as it should be, down and pending, the way of the browser, and one that is off."""
    good: dict[str, Any] = {
        "wanted": "up",
        "actual": "up",
        "pending": None,
        "detail": "pid 4711, 3 hours",
        "problems": [],
    }
    good["actions"] = ["restart", "stop"]
    problem = {"what": HOSTILE, "cure": ["apt-get install " + HOSTILE], "log": [HOSTILE]}
    bad = {"actual": "down", "pending": "restart " + HOSTILE, "problems": [problem], "actions": ["start"]}
    off = {"name": "clamd", "wanted": "down", "actual": "not supervised", "actions": []}
    return {
        "services": [
            good | {"name": "dovecot"}, good | bad | {"name": "qpsmtpd"}, good | {"name": "httpd-e-smith"}, good | off,
        ]
    }  # fmt: skip


def health(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``health``."""
    area = "doctor" if arguments["doctor"] else "status"
    event = {"kind": "event", "event": "email-update", "arguments": []}
    return {
        "findings": [
            {"area": area, "by": area, "severity": "warning", "what": "2 settings wait for email-update", "why": HOSTILE,
             "cure": ["signal-event email-update"], "operation": event},
            {"area": area, "by": area, "severity": "failing", "what": HOSTILE, "why": "", "cure": ["rm -r " + HOSTILE], "operation": None},
            {"area": area, "by": area, "severity": "skipped", "what": "the queue", "why": "the root is only a folder", "cure": [], "operation": None},
        ]
    }  # fmt: skip


def search(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``search``: one result of each kind, nothing for "nothing"."""
    if arguments["query"] == "nothing":
        return {"results": []}
    return {
        "results": [
            {"kind": "field", "title": "Sensitivity", "detail": HOSTILE, "panel": "configuration/email",
             "section": "filtering", "field": "Sensitivity", "database": None, "key": None},
            {"kind": "panel", "title": HOSTILE, "detail": "", "panel": "configuration/email", "section": None, "field": None,
             "database": None, "key": None},
            {"kind": "setting", "title": "configuration qpsmtpd MaxLoad", "detail": "", "panel": None, "section": None,
             "field": None, "database": "configuration", "key": "a/b ?&#" + HOSTILE},
            {"kind": "file", "title": "/etc/mail/spamassassin/local.cf", "detail": "", "panel": None, "section": None,
             "field": None, "database": None, "key": None},
        ]
    }  # fmt: skip


def sessions(_arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``sessions``."""
    one = {"address": HOSTILE, "since": 1796000000.0, "last_use": 1796000600.0, "is_this": False}
    return {"sessions": [one, one | {"address": "192.0.2.7", "is_this": True}]}
=======
    }
>>>>>>> w/pages


def databases(_arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``databases``."""
    return {"databases": [{"name": "accounts", "records": 5000}, {"name": HOSTILE, "records": 1}]}


def database(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``database``: 120 records."""
    rows = [{"key": f"key{number:03}", "type": "service"} for number in range(119)]
    rows.insert(0, {"key": HOSTILE + "/../?#&", "type": HOSTILE})
    found = [row for row in rows if arguments["query"] in row["key"]]
    size, page = arguments["size"], arguments["page"]
    return {
        "database": arguments["database"],
        "keys": found[(page - 1) * size : page * size],
        "total": len(rows),
        "found": len(found),
        "page": page,
        "pages": max(1, -(-len(found) // size)),
        "types": [{"type": "service", "help": HOSTILE}],
    }


def setting(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``setting``: a stored record, or the form of a new one."""
    key = arguments.get("key")
    text = TEXT_FIELD | {"name": "MaxLoad", "label": HOSTILE, "help": HOSTILE, "value": HOSTILE, "settings": [HOSTILE]}
    secret = TEXT_FIELD | {
        "name": "Passwd",
        "label": "Password",
        "widget": "secret",
        "value": None,
        "is_set": True,
        "required": False,
    }
    return {
        "database": arguments["database"],
        "key": key,
        "type": arguments.get("type", "service"),
        "exists": key is not None,
        "revision": 17,
        "heading": f"{arguments['database']} {key}",
        "help": HOSTILE,
        "sections": [
            {"name": "known", "heading": "Known properties", "help": "", "fields": [text, CHOICE_FIELD, secret]},
            {"name": "unknown", "heading": HOSTILE, "help": HOSTILE, "fields": [text | {"name": "a b'<\u202e"}]},
        ],
        "key_field": None if key else {"label": "Name of the record", "help": ""},
        "commands": [] if key is None else ["config show " + HOSTILE],
        "can_delete": key is not None,
    }


ANSWERS: dict[str, Answer] = {
    "records": records,
    "record": record,
    "history": looks.history,
    "generations": looks.generations,
    "generation": looks.generation,
    "services": looks.services,
    "health": looks.health,
    "search": looks.search,
    "sessions": looks.sessions,
    "databases": databases,
    "database": database,
    "setting": setting,
}
