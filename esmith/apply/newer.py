"""Whether the generated files are newer than the databases: an older copy of the databases was restored."""

from __future__ import annotations

import os

from esmith.apply.generations import GENERATIONS, generation_name, newest_number
from esmith.apply.origin import finished_tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

#: What is so of a file that differs from what these databases remember, where the files are newer.
NEWER = "newer than the databases, or edited by hand"


def are_files_newer(layout: Layout, snapshot: Snapshot) -> bool:
    """Return whether an event was completed here that the databases do not know.

    The directory of its old files has the mark of a complete install (docs/concepts.md, "A copy from the middle of an
    event"), and a number or a token that is later than the last of the databases. It stays until an event gets its
    number. Where that cannot be read, the files count as not newer.
    """
    newest = newest_number(snapshot)
    last = GENERATIONS.get(snapshot, generation_name(newest)) if newest else None
    known = {last.token} if last is not None else None
    for number in _numbers(layout):
        if number > newest and finished_tokens(layout, number):
            return True
        if number == newest and known is not None and finished_tokens(layout, number) - known:
            return True
    return False


def _numbers(layout: Layout) -> list[int]:
    try:
        names = os.listdir(os.path.join(layout.state, "generations"))
    except OSError:
        return []
    return [int(name) for name in names if name.isascii() and name.isdecimal()]
