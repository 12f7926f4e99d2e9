"""Settings a refused file was made from that could not be set now: forced, imported, or of an older version."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from esmith.fragments.reads import Reads
from esmith.names import shorten
from esmith.plan.diff import hides
from esmith.schema.load import Schema
from esmith.schema.types import refusal


def refused_settings(reads: Reads, schema: Schema) -> Iterator[str]:
    """Yield a line for each setting a file was made from that could not be set as it is.

    :param reads: what the file was made from.
    """
    for (database, key, name), value in sorted(reads.props.items()):
        type = reads.props.get((database, key, ""))
        known = schema.record(database, key, type)
        prop = known and (known.property(name) if name else known.value)
        reason = refusal(prop, value) if prop and value is not None else None
        if reason is not None and value is not None:
            shown = "a value that" if hides(schema, (database, key, name), value) else f"{shorten(value)!r}, which"
            program = ["config"] if database == "configuration" else ["db", database]
            command = [*program, "setprop", key, name] if name else [*program, "set", key]
            place = " ".join(filter(None, (database, key, name)))
            yield f"the setting {place} holds {shown} {reason}; change it: {shlex.join(command)} VALUE"
