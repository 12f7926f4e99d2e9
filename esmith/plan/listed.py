"""What the engine remembers of the keys of templates with ``outputs``: once for each template, not with each output."""

from __future__ import annotations

from dataclasses import dataclass, field

from esmith.plan.installed import Installed
from esmith.plan.remembered import Cell, reads_of
from esmith.store.protocol import Snapshot
from esmith.store.table import is_path, json_table


@dataclass(frozen=True)
class Listed:
    """The keys of a template.

    It says of what they were made, and nothing of what is installed: it holds as well when files are taken back.

    :param inputs: what they were made of; see :mod:`esmith.plan.memory`.
    :param keys: the keys in order, each once.
    """

    inputs: str
    keys: list[str] = field(default_factory=list)


#: The engine's table of keys: path of the template -> :class:`Listed`.
LISTED = json_table(
    "listed",
    Listed,
    lambda path: f"for which keys {path} makes a file is found out again by the next event",
    lambda path, _: is_path(path),
)


def all_reads_of(snapshot: Snapshot, installed: Installed) -> set[Cell] | None:
    """Return the cells that an output was made from, also those its key was; None when that is not remembered."""
    own = reads_of(installed.inputs)
    listed = LISTED.get(snapshot, installed.template)
    if own is None or listed is None:
        return own
    return own | (reads_of(listed.inputs) or set())
