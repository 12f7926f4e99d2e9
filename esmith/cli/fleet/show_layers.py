"""``config show --layers KEY``: the layer of each value of a record (docs/fleet.md#groups-and-layers)."""

from __future__ import annotations

import os
import sys
from contextlib import closing

from esmith.cli.output import complain, print_lines
from esmith.errors import ExitCode
from esmith.fleet.surface.origins import origin_data, origin_lines
from esmith.store import database_name, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout


def show_layers(program: str, layout: Layout, database: str, key: str, *, as_json: bool) -> int:
    """Print where each value of a record comes from, and return the exit code.

    :param program: ``db`` or ``config``.
    :raises StoreError: when what is known of the fleet is damaged.
    """
    database = database_name(layout, database, os.environ.get("DBPATH", ""))
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        data = origin_data(layout, snapshot, database, key)
        if not data["properties"]:
            if sys.stderr.isatty():
                from esmith.cli.missing import what_is_missing

                complain(program, what_is_missing(snapshot, database, [key]))
            return ExitCode.FAILED
    if as_json:
        from esmith.cli.json_output import json_text

        print_lines([json_text(data)])
    else:
        print_lines(origin_lines(data))
    return ExitCode.OK
