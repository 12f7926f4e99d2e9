"""What a helper could answer about changes, services, health and search: hostile values in every place."""

from __future__ import annotations

from typing import Any

#: Markup, template syntax, the end of an attribute, a percent sign, and signs that change the direction of a text.
HOSTILE = "<script>alert(1)</script>\"'><img src=x>{{ 1234*5678 }}{% raw %}%(x)s &amp; \u202e]]>"

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
                "revision": number,
                "time": "2026-11-30 19:00:00",
                "user": "admin" if number % 2 else HOSTILE,
                "sudo_user": HOSTILE,
                "command": commands[number % 2],
                "changes": CHANGES,
                "more": 3,
                "folded": [{"revision": 900 + number, "command": HOSTILE}] if number % 2 else [],
                "panel": {"page": "configuration/email", "address": "192.0.2.7"} if number % 2 else None,
            }
            for number in numbers
        ],
        "next": numbers[-1] if numbers and numbers[-1] > 1 else None,
    }


GENERATION = {
    "generation": 5,
    "time": "2026-11-30 19:00:00",
    "user": HOSTILE,
    "sudo_user": "",
    "command": "signal-event " + HOSTILE,
    "revision": 40,
    "complete": False,
}


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
        "generation": 5,
        "taken_back": [6],
        "files": files,
        "settings": CHANGES,
        "services": {"dovecot": ["reload"]},
        "forgotten": [["accounts", HOSTILE, "Comment"]],
        "unknown": False,
    }
    is_last = arguments["number"] == 6
    commands = [] if is_last else ["esmith rollback --dry-run --diff 5", "esmith rollback 5"]
    return GENERATION | {
        "files": files,
        "notes": [HOSTILE],
        "back": None if is_last else back,
        "commands": commands,
    }


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
            good | {"name": "dovecot"},
            good | bad | {"name": "qpsmtpd"},
            good | {"name": "httpd-e-smith"},
            good | off,
        ]
    }


def health(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``health``."""
    area = "doctor" if arguments["doctor"] else "status"
    event = {"kind": "event", "event": "email-update", "arguments": []}
    return {
        "findings": [
            {
                "area": area,
                "by": area,
                "severity": "warning",
                "what": "2 settings wait for email-update",
                "why": HOSTILE,
                "cure": ["signal-event email-update"],
                "operation": event,
            },
            {
                "area": area,
                "by": area,
                "severity": "failing",
                "what": HOSTILE,
                "why": "",
                "cure": ["rm -r " + HOSTILE],
                "operation": None,
            },
            {
                "area": area,
                "by": area,
                "severity": "skipped",
                "what": "the queue",
                "why": "the root is only a folder",
                "cure": [],
                "operation": None,
            },
        ]
    }


def search(arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``search``: one result of each kind, nothing for "nothing"."""
    if arguments["query"] == "nothing":
        return {"results": []}
    email = {"panel": "configuration/email", "section": "filtering", "field": "Sensitivity"}
    name = "configuration spamassassin Sensitivity"
    key = "a/b ?&#" + HOSTILE
    load: dict[str, Any] = {"database": "configuration", "key": key, "label": "Highest load"}
    file = "/etc/mail/spamassassin/local.cf"
    return {
        "results": [
            _result("field", "Spam sensitivity", detail=HOSTILE, settings=[name, HOSTILE], **email),
            _result("panel", HOSTILE, panel="configuration/email"),
            _result("record", "alice", panel="collaboration/users", key="alice"),
            _result("setting", "MaxLoad", settings=[f"configuration {key} MaxLoad"], **load),
            _result("setting", "@user", database="accounts"),
            _result("file", file, detail="made from 16 settings"),
        ]
    }


def _result(kind: str, title: str, **more: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(("panel", "section", "field", "database", "key", "label", "detail"), "")
    return {"kind": kind, "title": title, "settings": [], **nothing, **more}


def sessions(_arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer the verb ``sessions``."""
    one = {"address": HOSTILE, "since": 1796000000.0, "last_use": 1796000600.0, "is_this": False}
    return {"sessions": [one, one | {"address": "192.0.2.7", "is_this": True}]}
