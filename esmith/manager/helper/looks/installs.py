"""One install: how it changed each file, and what would be set back by going back to it."""

from __future__ import annotations

from typing import Any

from esmith.apply.compare import Compared, compare, secrets_of, shown
from esmith.apply.generations import list_generations
from esmith.errors import EsmithError
from esmith.events.earlier import find_earlier
from esmith.layout import Layout
from esmith.plan.diff import hidden
from esmith.schema.load import Schema
from esmith.status.generations import earlier_data, generation_data
from esmith.store.protocol import Snapshot

#: How many lines of diffs are shown of one file, and of all; and how long a line may be, in characters.
MOST_OF_A_FILE, MOST_LINES, LONGEST_LINE = 500, 5000, 2000
#: Of how many files, and how large ones, diffs are made.
_MOST_FILES, _MOST_BYTES = 200, 2**20


def install_data(layout: Layout, snapshot: Snapshot, number: int) -> dict[str, Any]:
    """Return what is known of an install.

    ``changed`` are the files as the install changed them, ``back`` what a rollback to it would do: files, settings,
    services; None for the last install, which is the present state. What the diffs cannot show is in ``notes``.

    :param number: that of a generation that is kept.
    """
    kept = [one.number for one in list_generations(snapshot)][::-1]
    (found,) = (one for one in list_generations(snapshot) if one.number == number)
    at = kept.index(number)
    notes: list[str] = []
    diffs = _Diffs(snapshot, Schema(layout))
    changed = _compared(layout, snapshot, notes, kept[at - 1] if at else number - 1, number)
    data = generation_data(found)
    data["files"] = diffs.files(changed)
    data["back"] = None
    data["commands"] = []
    if number != kept[-1]:
        later = _compared(layout, snapshot, notes, number, None)
        back = [Compared(one.path, one.new, one.old) for one in later]
        earlier = earlier_data(find_earlier(layout, snapshot, number), layout, snapshot)
        known = {one["path"]: one for one in diffs.files(back)}
        same = {"change": "unchanged", "diff": [], "secret": False, "cut": 0}
        earlier["files"] = [known.get(path) or {"path": path, **same} for path in earlier["files"]]
        data["back"] = earlier
        data["commands"] = [f"esmith rollback --dry-run --diff {number:d}", f"esmith rollback {number:d}"]
    data["notes"] = notes
    return data


def _compared(layout: Layout, snapshot: Snapshot, notes: list[str], first: int, last: int | None) -> list[Compared]:
    try:
        return compare(layout, snapshot, first, last)
    except EsmithError as error:
        notes.append(f"{error.place}: {error.message}".lstrip(": "))
        return []


class _Diffs:
    def __init__(self, snapshot: Snapshot, schema: Schema) -> None:
        self._snapshot = snapshot
        self._schema = schema
        self._secrets = secrets_of(snapshot, schema)

    def files(self, compared: list[Compared]) -> list[dict[str, Any]]:
        """Return files as they are shown, each with how many lines of its diff are left out; -1 for all of them."""
        small = [one for one in compared if len(one.old or b"") + len(one.new or b"") <= _MOST_BYTES][:_MOST_FILES]
        diffs = shown(small, self._snapshot, self._schema, self._secrets)
        files, left = [], MOST_LINES
        for one in compared:
            lines = diffs.get(one.path, [])
            is_secret = lines == [hidden(one.path)]
            part = [] if is_secret else [line[:LONGEST_LINE] for line in lines[: min(left, MOST_OF_A_FILE)]]
            left -= len(part)
            cut = 0 if is_secret else len(lines) - len(part)
            files.append(
                {
                    "path": one.path,
                    "change": "create" if one.old is None else "remove" if one.new is None else "replace",
                    "diff": part,
                    "secret": is_secret,
                    "cut": cut if one.path in diffs else -1,
                }
            )
        return files
