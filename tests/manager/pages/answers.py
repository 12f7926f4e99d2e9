"""What a helper could answer to the verbs of these pages: 5,000 users, and records with hostile values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.manager.pages import looks
from tests.manager.pages.looks import HOSTILE

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
    }


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
