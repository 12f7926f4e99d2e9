"""The verbs of Every setting: the databases, the records of one, and one record as a form."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from esmith.manager.helper import arguments
from esmith.manager.helper.context import Context, Verb, not_found
from esmith.manager.helper.looks.forms import record_form
from esmith.manager.helper.opened import opened
from esmith.names import shorten
from esmith.schema.load import Schema
from esmith.schema.remembered import RememberedFiles
from esmith.schema.secrecy import MASK
from esmith.store.protocol import Snapshot

_SIZE, _MOST = 50, 500
_LONGEST_QUERY = 200


_PAGE = {
    "query": arguments.or_none(arguments.line(_LONGEST_QUERY)),
    "page": arguments.or_none(arguments.count(1, 10**9)),
    "size": arguments.or_none(arguments.count(1, _MOST)),
}


def databases(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return the databases, those that are stored and those that a schema has: names, and how many records."""
    arguments.take(data, {})
    with opened(context.layout) as snapshot:
        names = sorted({*snapshot.databases(), *Schema(context.layout).databases()})
        return {"databases": [{"name": name, "records": len(snapshot.keys(name))} for name in names]}


def database(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return a page of the records of a database, and the types that a new one may have.

    Arguments: ``database``, ``query`` (all of its words must be in key or type), ``page`` from 1, ``size``.
    """
    asked = arguments.take(data, {"database": arguments.line()}, _PAGE)
    name, words = asked["database"], (asked["query"] or "").lower().split()
    page, size = asked["page"] or 1, asked["size"] or _SIZE
    with opened(context.layout) as snapshot:
        schema = Schema(context.layout, RememberedFiles(snapshot))
        _require(schema, snapshot, name)
        found, total = [], 0
        for key, type, is_value in _records(snapshot, name):
            total += 1
            shown = MASK if is_value and type and schema.may_be_secret(name, key, "", type) else type
            text = f"{key} {shown}".lower()
            if all(word in text for word in words):
                found.append({"key": key, "type": shown})
        pages = max(1, -(-len(found) // size))
        page = min(page, pages)
        return {
            "database": name,
            "keys": found[(page - 1) * size : page * size],
            "total": total,
            "found": len(found),
            "page": page,
            "pages": pages,
            "types": _types(schema, name),
        }


def setting(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return a record as a form; one that is not stored as the form of a new one, of a type where it is given.

    Arguments: ``database``, ``key`` (null for a new record that has no name yet), ``type``.
    """
    line = arguments.or_none(arguments.line())
    asked = arguments.take(data, {"database": arguments.line()}, {"key": line, "type": line})
    name, key, type = asked["database"], asked["key"] or "", asked["type"] or ""
    with opened(context.layout) as snapshot:
        schema = Schema(context.layout, RememberedFiles(snapshot))
        _require(schema, snapshot, name)
        record = snapshot.record(name, key) if key else None
        known = schema.record(name, key, type or None)
        own_type = record.type if record is not None else type or (known.type if known is not None else None)
        form = record_form(schema, snapshot, name, key, record, own_type)
        is_plain = [field["name"] for field in form["sections"][0]["fields"]] == [""]
        return {
            "database": name,
            "key": key or None,
            "type": None if is_plain else own_type,
            "exists": record is not None,
            "revision": snapshot.revision(),
            "heading": f"{name} {key or type}",
            **form,
            "key_field": None if key else {"label": "Name of the record", "help": ""},
            "commands": [_command(name, key)] if record is not None else [],
            "can_delete": record is not None,
            "types": [] if record is not None else _types(schema, name),
        }


def _require(schema: Schema, snapshot: Snapshot, database: str) -> None:
    if not snapshot.has_database(database) and database not in schema.databases():
        raise not_found(f"there is no database {shorten(database)!r}")


def _records(snapshot: Snapshot, database: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the keys of a database with their types, and whether the type is the value: properties are not read."""
    for block in snapshot.blocks(database):
        for key, row in block:
            type, *props = row[1:].rstrip(b"\n").split(b"\0", 1)
            yield key.decode(), type.decode(), not props


def _types(schema: Schema, database: str) -> list[dict[str, str]]:
    """Return the types that a new record may have, each with what it is."""
    found = dict.fromkeys(sorted({file.type for file in schema.files(database) if file.type}), "")
    files = {type: schema.file(database, f"@{type}") for type in schema.types(database)}
    found |= {type: file.help for type, file in files.items() if file is not None}
    return [{"type": type, "help": help} for type, help in sorted(found.items())]


def _command(database: str, key: str) -> str:
    program = ["config"] if database == "configuration" else ["db", database]
    return shlex.join([*program, "show", key])


VERBS: dict[str, Verb] = {"databases": databases, "database": database, "setting": setting}
