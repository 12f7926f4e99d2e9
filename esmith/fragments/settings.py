"""Settings a file is made from that could not be set now: forced, imported, or of an older version."""

from __future__ import annotations

from esmith.contexts import suppress
from esmith.errors import SchemaError, TemplateError
from esmith.names import shorten
from esmith.schema.types import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.fragments.reads import Reads
    from esmith.schema.load import Schema

    #: Database, key and property.
    Cell = tuple[str, str, str]
    #: A setting, the type of its record (None where that was not read), and its value.
    Seen = tuple[Cell, str | None, str]


def explain(error: TemplateError, reads: Reads, schema: Schema) -> None:
    """Name with an error the settings that may be why a file cannot be made.

    :param reads: what was read for it until then.
    """
    lines = [line for line in refused_settings(reads, schema) if line not in error.hint]
    error.hint = "\n  ".join(filter(None, [error.hint, *lines]))


def refused_settings(
    reads: Reads, schema: Schema, *, beside: Reads | None = None, seen: set[Seen] | None = None
) -> Iterator[str]:
    """Yield a line for each setting a file was made from that could not be set as it is.

    A setting whose schema file is broken is left out: whoever needs the file says so.

    :param reads: what the file was made from.
    :param beside: what else it was made from, of which no settings are named.
    :param seen: the settings that were looked at for other files, which are left out; it gets those of this one.
    """
    seen = set() if seen is None else seen
    for cell, type, value in sorted(_found(reads, beside or reads, seen)):
        seen.add((cell, type, value))
        with suppress(SchemaError):
            reason = _refusal(cell, value, type, schema)
            if reason is not None:
                yield _line(cell, value, reason, hidden=schema.hides(cell, value))


def _found(reads: Reads, beside: Reads, seen: set[Seen]) -> Iterator[Seen]:
    """Yield the settings that were read and are not among those that were looked at."""
    for cell, value in reads.props.items():
        if value is None:
            continue
        place = (cell[0], cell[1], "")
        type = reads.props[place] if place in reads.props else beside.props.get(place)
        found = cell, type, value
        if found not in seen:
            yield found


def _refusal(cell: Cell, value: str, type: str | None, schema: Schema) -> str | None:
    database, key, name = cell
    # One of a list of records is read without its type; then each type that has the property has to refuse it.
    known = schema.of_any_type(database, key) if type is None else [schema.record(database, key, type)]
    props = [one.property(name) if name else one.value for one in known if one is not None]
    reasons = [refusal(prop, value) for prop in props if prop is not None]
    return reasons[0] if reasons and all(reasons) else None


def _line(cell: Cell, value: str, reason: str, *, hidden: bool) -> str:
    import shlex

    database, key, name = cell
    shown = "a value that" if hidden else f"{shorten(value)!r}, which"
    program = ["config"] if database == "configuration" else ["db", database]
    command = [*program, "setprop", key, name] if name else [*program, "set", key]
    place = " ".join(filter(None, cell))
    return f"the setting {place} holds {shown} {reason}; change it: {shlex.join(command)} VALUE"
