"""Which directories have to be watched for a root."""

from __future__ import annotations

import os

from esmith.fragments.original import DIRECTORY
from esmith.layout import LAYERS, Layout
from esmith.plan.installed import OUTPUTS
from esmith.store import changing_file
from esmith.store.protocol import Snapshot
from esmith.watch.trees import TreeState

#: Directories, each with the names in it that matter; None for all.
Places = dict[str, frozenset[str] | None]


def trees(layout: Layout) -> list[str]:
    """Return the directories whose files are compared: fragments, metadata, events, schema files."""
    return [*(layout.layer(name) for name in LAYERS), layout.under(DIRECTORY), layout.events, layout.schema]


def places(layout: Layout, marks: TreeState, outputs: list[str]) -> Places:
    """Return the directories to watch.

    :param marks: the state of the trees.
    :param outputs: the outputs that were installed, as paths of this disk.
    """
    named: dict[str, set[str]] = {}
    for path in [*trees(layout), *outputs, layout.event_lock, changing_file(layout)]:
        _name(named, path)
    # A database directory or a tree that is replaced as a whole.
    for directory in (layout.database, layout.configuration, layout.state):
        _name(named, directory)
    for directory, names in marks.targets.items():
        for name in names:
            _name(named, os.path.join(directory, name))
    found: Places = {directory: frozenset(names) for directory, names in named.items()}
    found.update(dict.fromkeys(marks.directories))
    return found


def installed_outputs(layout: Layout, snapshot: Snapshot) -> list[str]:
    """Return the outputs that were installed, as paths of this disk."""
    return [layout.under(path) for path, installed in OUTPUTS.rows(snapshot).items() if not installed.is_absent]


def _name(named: dict[str, set[str]], path: str) -> None:
    """Add a file to watch; where its directory is missing, the next name on the way to it instead."""
    directory, name = os.path.split(path)
    while not os.path.isdir(directory):
        directory, name = os.path.split(directory)
    named.setdefault(directory, set()).add(name)
