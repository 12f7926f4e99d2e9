"""What the first action of many events would change in the databases, in a rehearsal, which runs no action.

That action is ``esmith initialize-databases``, and what follows is tried on what it would leave, unsaved.
"""

from __future__ import annotations

import os
import re

from esmith.disk import read_file
from esmith.names import counted
from esmith.schema.unwritten import find_unwritten, has_fragments
from esmith.shipped import ShippedFiles
from esmith.store.unsaved import UnsavedStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.events.session import Session
    from esmith.layout import Layout

#: The line of a shell script that is all an action does. How a contrib's action goes on nobody can say.
_INITIALIZES = re.compile(r"^exec esmith initialize-databases$", re.MULTILINE)


def foresee(session: Session, step: str, action: str) -> None:
    """Have a rehearsal go on with what an action would leave of the databases, where that is known.

    :param session: the rehearsal; its store is replaced by one with unsaved changes.
    :param step: the name of the action.
    :param action: its file, a path of this disk.
    :raises SchemaError: when a schema file is broken, at which the action would end.
    :raises UntrustedError: when one is not in the hands of its owners alone.
    """
    if not _initializes(session.layout, action):
        return
    with session.store.snapshot() as snapshot:
        changes = find_unwritten(session.layout, snapshot)
    if changes:
        session.store = UnsavedStore(session.store, changes)
        session.say(f"{step} would write {counted(len(changes), 'setting')}; what follows is shown with that")
    if has_fragments(session.layout):
        session.say(f"{step} would run migrate fragments; what they would change is not shown")


def _initializes(layout: Layout, action: str) -> bool:
    """Return whether an action is a shipped one that does nothing but ``esmith initialize-databases``."""
    place = os.path.realpath(action)
    if ShippedFiles(layout).is_a_contribs(action) or not os.path.isfile(place):
        return False
    return _INITIALIZES.search(read_file(place).decode(errors="replace")) is not None
