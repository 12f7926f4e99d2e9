"""What is written down of what an output was made of: :class:`esmith.plan.memory.Memory` compares it with what is now.

It is a text of two or three lines. The first is an object of JSON, of which what is as usual is left out; the second is
the list of the properties, each with a digest of its value. The third is an object as well: what one output of a
template has alone, where that is not as usual. So the first lines of thousands of outputs are the very same, and what
they say is found out once. In rows of older versions all of it is in the first line. Still older ones have no
``signature``, and what was read for the keys of a template stands with each of its outputs: they count as not
remembered here, and so do rows of three lines in older versions, since the signature has another name there.
"""

from __future__ import annotations

from esmith.digests import blake2b
from esmith.fragments.rendering import Kind
from esmith.quick_json import WITH_BLANKS, encode, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from esmith.fragments.reads import Reads
    from esmith.store.protocol import Records

_DIGEST_BYTES = 12
#: What is remembered of an output besides its signature and its properties, where it is as usual.
_USUAL: dict[str, Any] = {
    "kind": Kind.FILE.value,
    "mode": 0o644,
    "owner": "root",
    "group": "root",
    "warnings": [],
    "of": None,
    "templates": [],
    "revisions": {},
    "listings": {},
    "names": [],
    "files": {},
    "programs": {},
    "schemas": {},
    "users": {},
}
#: Which parts one output of a template has alone, as a rule.
_ALONE = frozenset(("kind", "mode", "owner", "group", "warnings", "of", "files", "users"))
#: The name of the signature, and the one it has where there are three lines.
_SIGNATURE, SIGNED = "signature", "signed"
#: What the second line ends with; with anything else it was cut short.
_ENDS = ("]]", "[]")
#: What stands in what is remembered of an output that others were expanded inside.
INCLUDES = b'"templates"'
_KINDS = frozenset(kind.value for kind in Kind)
_MODES = 0o7777

#: Database, key and property; property "" for the type.
Cell = tuple[str, str, str]


def templates_text(templates: set[str]) -> str:
    """Return what is remembered of an output that cannot be recalled: the templates that were expanded inside it."""
    return encode({"templates": sorted(templates)}, separators=WITH_BLANKS) if templates else ""


def text_of(head: dict[str, Any], reads: Reads) -> str:
    """Return what is remembered of an output.

    :param head: what there is besides the properties that were read.
    """
    unusual = {name: value for name, value in head.items() if name not in _USUAL or value != _USUAL[name]}
    props = [[*cell, digest(value)] for cell, value in reads.props.items()]
    alone = {name: unusual.pop(name) for name in head if name in unusual and name in _ALONE}
    if not alone:
        return f"{encode(unusual)}\n{encode(props)}"
    if _SIGNATURE in unusual:
        unusual = {SIGNED: unusual.pop(_SIGNATURE), **unusual}
    return f"{encode(unusual)}\n{encode(props)}\n{encode(alone)}"


def included(inputs: str) -> list[str]:
    """Return the other templates that were expanded inside an output, as far as that is remembered.

    :param inputs: what is remembered.
    """
    text = inputs.partition("\n")[0]
    # Most have none, and all outputs are asked.
    head = _loaded(text) if INCLUDES.decode() in text else None
    templates = head.get("templates") if isinstance(head, dict) else None
    return [path for path in templates if isinstance(path, str)] if isinstance(templates, list) else []


def of_other_journal(inputs: str) -> str:
    """Return what is remembered of an output, for databases whose revisions have other numbers: a copy of these.

    All properties that it read are compared there.
    """
    head, _, rest = inputs.partition("\n")
    found = _loaded(head)
    if not isinstance(found, dict) or not isinstance(found.get("revisions"), dict):
        return inputs
    return f"{encode({**found, 'revisions': dict.fromkeys(found['revisions'], -1)})}\n{rest}"


def saw_other(inputs: str, cell: Cell, today: str | None) -> bool:
    """Return whether an output was made from a property, as far as that is remembered, when its value was not today's.

    :param inputs: what is remembered.
    :param cell: database, key and property.
    :param today: the value now, None for none.
    """
    seen = {tuple(row[:3]): row[3] for row in props_of(inputs) or ()}
    return seen.get(cell) not in (None, digest(today))


def reads_of(inputs: str) -> set[Cell] | None:
    """Return the cells that an output was made from: database, key, property; None when that is not remembered.

    :param inputs: what is remembered.
    """
    rows = props_of(inputs)
    return None if rows is None else {(database, key, prop) for database, key, prop, _ in rows}


def head_of(inputs: str) -> dict[str, Any] | None:
    """Return what an output was made of besides properties; None when that is not remembered, or damaged.

    Such an output is expanded, and remembered as it should be then. The checks are few and fast: an event reads
    thousands of them.
    """
    found = head_of_any(inputs)
    return found if found is not None and type(found.get("signature")) is str else None


def head_of_any(inputs: str) -> dict[str, Any] | None:
    """Return the same also of an output that is expanded each time, because its fragments had just been written."""
    common, _, alone = lines_of(inputs)
    found = shared_head(common)
    if found is None:
        return None
    if not alone:
        return None if SIGNED in found else found
    own = own_head(alone)
    return None if own is None else {**found, **own}


def lines_of(inputs: str) -> tuple[str, str, str]:
    """Return the three lines of what is remembered of an output; "" for one that is not there."""
    common, _, rest = inputs.partition("\n")
    props, _, alone = rest.partition("\n")
    return common, props, alone


def is_whole(props: str) -> bool:
    """Return whether the second line was not cut short; all of it is parsed only where that is needed."""
    return props[-2:] in _ENDS


def shared_head(line: str) -> dict[str, Any] | None:
    """Return what the first line says, with all that is as usual; None when it is damaged.

    It has :data:`SIGNED` where there has to be a third line.
    """
    found = _checked(line)
    if found is None:
        return None
    if SIGNED in found:
        found[_SIGNATURE] = found[SIGNED]
    return {**_USUAL, **found}


def own_head(line: str) -> dict[str, Any] | None:
    """Return what the third line says, without what is as usual; None when it is damaged."""
    found = _checked(line)
    return found if found is not None and _ALONE.issuperset(found) else None


def _checked(line: str) -> dict[str, Any] | None:
    found = _loaded(line)
    if type(found) is not dict or "\\u0000" in line:
        return None
    for name, value in found.items():
        check = _CHECKS.get(name)
        if check is not None and not check(value):
            return None
    return found


def made_as_of(inputs: str) -> int | None:
    """Return a revision as of which an output was made; None when that is not remembered.

    :param inputs: what is remembered.
    """
    head = head_of_any(inputs)
    numbers = head["revisions"].values() if head is not None else ()
    return max((number for number in numbers if type(number) is int), default=None)


def _is_text(value: Any) -> bool:
    return type(value) is str


def _are_texts(value: Any) -> bool:
    return type(value) is list and all(type(one) is str for one in value)


def _are_marks(value: Any) -> bool:
    return type(value) is dict


def _are_names(value: Any) -> bool:
    return type(value) is list and all(_are_texts(row) and len(row) == 3 for row in value)


#: What each entry of the head has to be; others are not looked at, and what is as usual is not in it.
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "kind": lambda value: type(value) is str and value in _KINDS,
    "mode": lambda value: type(value) is int and 0 <= value <= _MODES,
    "owner": _is_text,
    "group": _is_text,
    "of": lambda value: value is None or type(value) is str,
    "warnings": _are_texts,
    "templates": _are_texts,
    "names": _are_names,
    **dict.fromkeys(("listings", "files", "programs", "schemas", "users", "revisions"), _are_marks),
}


def props_of(inputs: str) -> list[list[Any]] | None:
    """Return the properties an output was made of, each with a digest; None when that is not remembered, or damaged."""
    rows = _loaded(lines_of(inputs)[1])
    is_whole = isinstance(rows, list) and all(map(_is_row, rows))
    return rows if is_whole else None


def rows_at(props: str, marks: Iterable[str]) -> list[list[Any]] | None:
    """Return the properties an output was made of whose rows begin so, each with a digest; None when one is damaged.

    The other rows are not parsed: a file of all users was made of some for each of them.

    :param props: the second line of what is remembered.
    :param marks: see :func:`row_mark`; in a text of JSON the quotes would be escaped.
    """
    found = []
    for mark in marks:
        place = props.find(mark)
        while place >= 0:
            try:
                row, _ = scan(props, place)
            except (ValueError, StopIteration, RecursionError):
                return None
            if not _is_row(row):
                return None
            found.append(row)
            place = props.find(mark, place + len(mark))
    return found


def row_mark(database: str, key: str) -> str:
    """Return what the row of each property of a record begins with."""
    return f"[{encode(database)},{encode(key)},"


def _is_row(row: Any) -> bool:
    return type(row) is list and len(row) == 4 and set(map(type, row[:3])) == {str}


def _loaded(text: str) -> Any:
    """Return what a text of JSON says; None when it is none, or damaged."""
    try:
        # The shortest way into the parser: an event reads thousands of lines.
        found, end = scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        return None
    return found if end == len(text) else None


def listing_digest(records: Records, spec: str) -> str:
    """Return the digest of the keys of some records.

    :param spec: a database and a type, with a colon between; without a type all of them.
    """
    database, _, type = spec.partition(":")
    keys = "\n".join(record.key for record in records.records(database, type or None))
    return digest(keys) or ""


def names_digest(records: Records, database: str, key: str) -> str:
    """Return the digest of the names of a record's properties."""
    record = records.record(database, key)
    return digest("\n".join(record.props if record else [])) or ""


def digest(text: str | None) -> str | None:
    """Return a digest, so that secrets are not written down once more; None for a missing value."""
    if text is None:
        return None
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_DIGEST_BYTES).hexdigest()
