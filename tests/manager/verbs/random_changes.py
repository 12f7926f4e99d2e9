"""Random changes that an administrator may ask for in the panel: of forms, and of records that come and go."""

from __future__ import annotations

import random
from typing import Any

from tests.manager.verbs.kit import Desk

_TEXTS = ("", "x", "mail.example.com", "[Spam]", "two words", "user@example.com", "192.168.1.7", "{{ 1 }}", "$(id)")
_MASKS = ("255.255.255.0", "255.255.255.128", "255.255.0.0")
#: By page: the keys that new records get.
_KEYS: dict[str, tuple[str, ...]] = {
    "collaboration/users": ("una", "ulf", "Uwe", "john", "postmaster"),
    "collaboration/groups": ("gold", "gym", "group1"),
    "collaboration/pseudonyms": ("pat", "pam", "pat@test.com", "una.x", "pat@nowhere.example"),
    "configuration/domains": ("one.example", "two.example", "test.com", "TEST.com"),
    "security/localnetworks": ("172.16.1.0", "172.16.2.0", "172.16.2.128", "192.168.1.0"),
}
RECORD_PANELS = tuple(_KEYS)


def form_values(fields: list[dict[str, Any]], chance: random.Random, most: int = 3) -> dict[str, Any]:
    """Return values for some fields of a form: most of them possible, some not."""
    return {
        one["name"]: _value(one, chance) for one in chance.sample(fields, chance.randint(1, min(most, len(fields))))
    }


def _value(field: dict[str, Any], chance: random.Random) -> Any:
    choices = [one["value"] for one in field["choices"]]
    if field["widget"] == "choice":
        return chance.choice([*choices, *choices, None])
    if field["widget"] == "checks":
        return chance.sample(choices, chance.randint(0, len(choices)))
    if field["widget"] == "lines":
        return chance.sample(_TEXTS, 2)
    if field["widget"] == "number":
        return str(chance.randint(0, 12))
    return chance.choice([*_TEXTS, None])


def fields_of(form: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of a form that have a value."""
    return [one for section in form["sections"] for one in section["fields"] if one["widget"] != "note"]


def form_operation(desk: Desk, panel: str, chance: random.Random) -> dict[str, Any]:
    """Return a random change of a form."""
    values = form_values(fields_of(desk.call("panel", panel=panel)), chance)
    return {"kind": "form", "panel": panel, "values": values, "revision": desk.revision()}


def record_operation(desk: Desk, chance: random.Random) -> dict[str, Any]:
    """Return a random change of a list: a record that is made, changed, locked or deleted."""
    panel = chance.choice(RECORD_PANELS)
    operation = {"panel": panel, "revision": desk.revision()}
    kind = chance.choice(("create", "create", "modify", "modify", "delete", "action"))
    rows = desk.call("records", panel=panel, size=100)["rows"]
    if kind == "create":
        form = desk.call("record", panel=panel)
        values = _record_values(desk, panel, None, fields_of(form), chance)
        return {**operation, "kind": kind, "key": chance.choice(_KEYS[panel]), "values": values}
    key = chance.choice(rows)["key"]
    if kind == "action":
        if panel == "collaboration/users" and key != "admin":
            return {"kind": kind, "panel": panel, "key": key, "action": "lock"}
        kind = "modify"
    if kind == "delete":
        return {**operation, "kind": kind, "key": key}
    form = desk.call("record", panel=panel, key=key)
    return {
        **operation,
        "kind": "modify",
        "key": key,
        "values": _record_values(desk, panel, key, fields_of(form), chance),
    }


def _record_values(
    desk: Desk, panel: str, key: str | None, fields: list[dict[str, Any]], chance: random.Random
) -> dict[str, Any]:
    """Return values for a record: of a new one all that are needed."""
    values = form_values(fields, chance)
    for one in fields:
        if one["name"] not in values and not (one["required"] and key is None):
            continue
        if one["name"] == "Mask":
            values["Mask"] = chance.choice(_MASKS)
        elif one["name"] == "Router":
            values["Router"] = chance.choice(("192.168.1.9", "192.168.1.9", "192.0.2.1", ""))
        elif one["suggest"] and chance.random() < 0.9:
            names = desk.call("suggest", panel=panel, key=key, field=one["name"], query="")["names"]
            values[one["name"]] = (
                chance.sample(names, min(2, len(names))) if one["widget"] == "lines" else chance.choice(names)
            )
        elif one["required"] and one["widget"] == "text":
            values[one["name"]] = chance.choice(("Una", "Ulf", "two words"))
    return values
