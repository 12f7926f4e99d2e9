"""Which files were made from other values of settings than they have now: these follow with the next event."""

from __future__ import annotations

import json

from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import LISTED, Listed, resolved
from esmith.plan.remembered import digest, head_of_any, listing_digest, names_digest, props_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from esmith.plan.remembered import Cell
    from esmith.store.protocol import Snapshot


def files_behind(snapshot: Snapshot, cells: Collection[Cell]) -> dict[str, str]:
    """Return the files that were made from other values of some settings, each with its template.

    That is what is remembered of them: a file whose fragments are in Perl is not among them. A template that makes a
    file for each key stands for itself when its keys may be others.

    :param cells: the settings: database, key and property of each.
    """
    behind = Behind(snapshot, cells)
    known: dict[str, Listed | None] = {}
    found = {}
    for path, row in OUTPUTS.rows(snapshot).items():
        installed = resolved(snapshot, row, known)
        if installed is not None and behind.is_behind(installed.inputs):
            found[path] = installed.template
    for template, listed in LISTED.rows(snapshot).items():
        if behind.is_behind(listed.inputs):
            found.setdefault(template, template)
    return found


class Behind:
    """Says whether something was made from other values of some settings.

    :param cells: the settings.
    """

    def __init__(self, snapshot: Snapshot, cells: Collection[Cell]) -> None:
        self._snapshot = snapshot
        self._cells = set(cells)
        self._records = {cell[:2] for cell in cells}
        self._databases = {database for database, _ in self._records}
        # There may be ten thousand files, which are not parsed to find that they read none of the settings.
        self._marks = [f"[{json.dumps(database)},{json.dumps(key)}," for database, key in self._records]
        self._marks += [f'"{database}:' for database in self._databases]
        self._listings: dict[str, str] = {}

    def is_behind(self, inputs: str) -> bool:
        """Return whether something that was made so was made from other values than there are now."""
        if not any(mark in inputs for mark in self._marks):
            return False
        rows, head = props_of(inputs), head_of_any(inputs)
        if rows is None or head is None:
            return False
        for database, key, prop, before in rows:
            cell = (database, key, prop)
            if cell in self._cells and before != digest(self._snapshot.prop(*cell)):
                return True
        if any(
            (database, key) in self._records and before != names_digest(self._snapshot, database, key)
            for database, key, before in head["names"]
        ):
            return True
        return any(
            before != self._listing(spec)
            for spec, before in head["listings"].items()
            if spec.partition(":")[0] in self._databases
        )

    def _listing(self, spec: str) -> str:
        if spec not in self._listings:
            self._listings[spec] = listing_digest(self._snapshot, spec)
        return self._listings[spec]
