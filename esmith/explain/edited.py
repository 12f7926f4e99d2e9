"""A record as a text to edit, and what an edited text says.

A line is ``NAME = VALUE``; the value begins after the one blank and goes to the end of the line. A name or a value that
could be read otherwise is written as JSON writes a string. Lines that begin with ``#``, and empty ones, are left out.
``type = ...`` is the type of a record with properties, ``value = ...`` the value of one without.
"""

from __future__ import annotations

import json
import re

from esmith.errors import UsageError
from esmith.printable import printable
from esmith.schema.secrecy import MASK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from esmith.explain.described import Descriptions
    from esmith.explain.values import Values
    from esmith.store.model import Record

_PLAIN_NAME = re.compile(r'[^\s="#][^\s="]*')
_LINE = re.compile(r'("(?:[^"\\]|\\.)*"|[^\s="#][^\s=]*) ?= ?(.*)')
_TYPE, _VALUE = "type", "value"
_WIDTH = 100


def text_of(database: str, record: Record, descriptions: Descriptions, values: Values) -> str:
    """Return a record as a text to edit, with its help as comments. Secrets are masked.

    :param values: the settings, as they may be shown.
    :raises SchemaError: when a schema file is broken.
    """
    key = record.key
    lines = [f"# {database} {printable(key)}", *_comment(descriptions.help_of(database, key))]
    lines += [
        "#",
        "# A line is NAME = VALUE. A property whose line is removed is deleted; lines that begin with # do not count.",
        "# Nothing is changed when this text stays as it is.",
        "",
    ]
    first = _VALUE if not record.props else _TYPE
    if not record.props:
        about = descriptions.of(database, key, "")
        lines += [*_comment(about["help"]), *_comment(f"takes: {about['allowed']}" if about["allowed"] else "")]
    lines.append(_line(first, values.shown((database, key, ""), record.type) or ""))
    names = descriptions.properties(database, key) if record.props else []
    for name in names:
        about = descriptions.of(database, key, name)
        value = record.props.get(name)
        if value is None and not about["known"]:
            continue
        lines += ["", *_comment(about["help"])]
        takes = [f"takes: {about['allowed']}"] if about["allowed"] else []
        takes += [f"default: {about['default'] or '(empty)'}"] if about["default"] is not None else []
        lines += _comment("; ".join(takes))
        if value is None:
            unset = about["unset"] if about["unset"] is not None else about["default"]
            lines.append(f"# not set{'' if unset is None else f', read as {printable(unset)}'}:")
            lines.append(f"#{_line(_quoted(name, also=_TYPE), '')}")
        else:
            lines.append(_line(_quoted(name, also=_TYPE), values.shown((database, key, name), value) or ""))
    return "\n".join([*lines, ""])


def masked_in(database: str, record: Record, values: Values) -> set[str]:
    """Return the properties of a record whose values :func:`text_of` masks; "" for the value of one without."""
    cells = record.props or {"": record.type}
    return {name for name, value in cells.items() if values.shown((database, record.key, name), value) == MASK}


def parse(text: str, before: Record, masked: Collection[str]) -> tuple[str, dict[str, str]]:
    """Return the type and the properties that an edited text says.

    :param before: the record as it was: a masked secret keeps its value.
    :param masked: what :func:`masked_in` gave.
    :raises UsageError: when a line cannot be read, or a mask stands for no secret; its number is in the message.
    """
    first = _TYPE if before.props else _VALUE
    type: str | None = None
    props: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise UsageError(f"line {number} is not NAME = VALUE", hint="a comment begins with #")
        name, value = found[1], _unquoted(found[2], number)
        if name == first:
            if type is not None:
                raise UsageError(f"line {number}: {first} is there twice")
            if value == MASK:
                value = _unmasked(first, number, before.type if "" in masked or before.type == MASK else None)
            type = value
            continue
        name = _unquoted(name, number)
        if name in props:
            raise UsageError(f"line {number}: {name!r} is there twice")
        if value == MASK:
            value = _unmasked(name, number, before.props[name] if name in masked else None)
        props[name] = value
    if type is None:
        raise UsageError(f"the line {first} = ... is missing", hint="a record is deleted with: delete")
    return type, props


def _unmasked(name: str, number: int, secret: str | None) -> str:
    """Return the secret that a mask stands for; refuse one that stands for none: it would be stored in its place."""
    if secret is None:
        raise UsageError(
            f"line {number}: {MASK} stands for a secret, and {name!r} had none",
            hint="write the value itself, or leave the line as it was",
        )
    return secret


def _line(name: str, value: str) -> str:
    return f"{name} = {_value(value)}" if value else f"{name} ="


def _value(value: str) -> str:
    is_plain = value == value.strip() and not value.startswith('"') and value.isprintable()
    return value if is_plain else json.dumps(value, ensure_ascii=not value.isprintable())


def _quoted(name: str, *, also: str) -> str:
    is_plain = name != also and name.isprintable() and _PLAIN_NAME.fullmatch(name)
    return name if is_plain else json.dumps(name, ensure_ascii=not name.isprintable())


def _unquoted(text: str, number: int) -> str:
    if not text.startswith('"'):
        return text.rstrip()
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"line {number}: the quotes are wrong: {text}") from error
    if not isinstance(found, str):
        raise UsageError(f"line {number}: the quotes are wrong: {text}")
    return found


def _comment(text: str) -> list[str]:
    import textwrap

    return [f"# {line}" for line in textwrap.wrap(printable(text), _WIDTH, break_long_words=False)]
