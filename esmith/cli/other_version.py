"""Saying that the shipped files of a root are of another version than the program, as after an upgrade without init."""

from __future__ import annotations

import os

from esmith.errors import EsmithError
from esmith.events.lock import ENVIRONMENT
from esmith.setup.trees import shows_other_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.layout import Layout


def warn_of_other_version(layout: Layout, say: Callable[[str], None], *, in_checkouts: bool = True) -> None:
    """Say so; not in the actions of an event, which says it itself.

    :param say: shows a message.
    :param in_checkouts: as for :func:`esmith.setup.trees.shows_other_version`.
    """
    if os.environ.get(ENVIRONMENT) or not shows_other_version(layout, in_checkouts=in_checkouts):
        return
    from esmith.setup.version import complaint_of_version

    try:
        complaint = complaint_of_version(layout)
    except EsmithError:
        # The command says it where it needs what is wrong.
        return
    if complaint:
        say(complaint)
