"""Settings a file is made from that could not be set now: forced, imported, or of an older version."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from esmith.errors import TemplateError
from esmith.fragments.reads import Reads
from esmith.names import shorten
from esmith.schema.load import Schema
from esmith.schema.types import refusal


def explain(error: TemplateError, reads: Reads, schema: Schema) -> None:
    """Name with an error the settings that may be why a file cannot be made.

    :param reads: what was read for it until then.
    """
    lines = [line for line in refused_settings(reads, schema) if line not in error.hint]
    error.hint = "\n  ".join(filter(None, [error.hint, *lines]))


def refused_settings(reads: Reads, schema: Schema) -> Iterator[str]:
    """Yield a line for each setting a file was made from that could not be set as it is.

    :param reads: what the file was made from.
    """
    for (database, key, name), value in sorted(reads.props.items()):
        if value is None:
            continue
        type = reads.props.get((database, key, ""))
        # One of a list of records is read without its type; then each type that has the property has to refuse it.
        known = schema.of_any_type(database, key) if type is None else [schema.record(database, key, type)]
        props = [one.property(name) if name else one.value for one in known if one is not None]
        reasons = [refusal(prop, value) for prop in props if prop is not None]
        reason = reasons[0] if all(reasons) and reasons else None
        if reason is not None:
            shown = "a value that" if schema.hides((database, key, name), value) else f"{shorten(value)!r}, which"
            program = ["config"] if database == "configuration" else ["db", database]
            command = [*program, "setprop", key, name] if name else [*program, "set", key]
            place = " ".join(filter(None, (database, key, name)))
            yield f"the setting {place} holds {shown} {reason}; change it: {shlex.join(command)} VALUE"
