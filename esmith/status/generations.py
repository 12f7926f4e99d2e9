"""The installs that are kept, and what it would mean to go back to one, as data."""

from __future__ import annotations

from typing import Any

from esmith.apply.generations import Generation
from esmith.events.earlier import Earlier
from esmith.layout import Layout
from esmith.printable import shown_time
from esmith.schema.load import Schema
from esmith.schema.masking import Masking
from esmith.store.protocol import Snapshot


def generation_data(generation: Generation) -> dict[str, Any]:
    """Return an install, with the names of its files."""
    return {
        "generation": generation.number,
        "time": shown_time(generation.time),
        "user": generation.user,
        "sudo_user": generation.sudo_user,
        "command": generation.command or generation.what,
        "revision": generation.revision,
        "complete": generation.complete,
        "files": [before.path for before in generation.before],
    }


def earlier_data(earlier: Earlier, layout: Layout, snapshot: Snapshot) -> dict[str, Any]:
    """Return what a rollback would set back; secrets are masked."""
    return {
        "generation": earlier.number,
        "taken_back": [generation.number for generation in earlier.later],
        "files": earlier.paths,
        "settings": list(Masking(Schema(layout), snapshot).changes_data(earlier.changes, earlier.changes)),
        "services": earlier.services,
        "forgotten": [list(cell) for cell in earlier.forgotten],
        "unknown": earlier.unknown,
    }
