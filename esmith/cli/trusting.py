"""``--trust-owner``: believing the owner of a root folder, who is neither root nor the caller."""

from __future__ import annotations

import os

from esmith.layout import Layout
from esmith.trust import ENVIRONMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def trust_owner(root: str | None, say: Callable[[str], None]) -> None:
    """Believe the owner of the root folder in this process and in those it starts, and warn of it.

    :param root: the value of ``--root``.
    :param say: called with the warning; not called where there is nobody else to believe.
    :raises UsageError: when there is no such root.
    """
    os.environ[ENVIRONMENT] = "1"
    chosen = root or os.environ.get("ESMITH_ROOT") or "/"
    if not os.path.isdir(chosen):
        # "esmith init" makes it; every other command complains.
        return
    layout = Layout(chosen)
    owner = layout.trust.believed_owner()
    if owner is not None:
        from esmith.ownership import user_name

        runs_as = user_name(os.geteuid())
        say(f"{layout.root} belongs to the user {user_name(owner)}; what that user wrote there runs as {runs_as} now")
