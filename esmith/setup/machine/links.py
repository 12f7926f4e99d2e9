"""Links to the commands, so that they are found where they are typed: ``/sbin/e-smith`` is in nobody's PATH."""

from __future__ import annotations

import os

from esmith.directories import make_directory
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.setup.shipped import COMMANDS, shipped_commands

#: In root's PATH and in that of sudo, and no package of Debian writes there (hier(7)).
FOLDER = "/usr/local/sbin"


def command_links(layout: Layout) -> dict[str, str]:
    """Return the links, each with what it leads to, as paths of this disk."""
    names = [*COMMANDS, *shipped_commands()]
    return {layout.under(f"{FOLDER}/{name}"): os.path.join(layout.commands, name) for name in names}


def missing_links(layout: Layout) -> list[str]:
    """Return the links that are not there; where something else has the name, that stays."""
    return [link for link in command_links(layout) if not os.path.lexists(link)]


def make_links(layout: Layout) -> None:
    """Make the links that are missing.

    :raises InstallError: when one cannot be made.
    """
    targets = command_links(layout)
    try:
        make_directory(layout.under(FOLDER))
        for link in missing_links(layout):
            os.symlink(targets[link], link)
    except OSError as error:
        raise InstallError(f"cannot be made: {error.strerror}", place=layout.under(FOLDER)) from error


def remove_links(layout: Layout) -> None:
    """Remove the links that lead to the commands.

    :raises InstallError: when one cannot be removed.
    """
    for link, target in command_links(layout).items():
        try:
            if os.path.islink(link) and os.readlink(link) == target:
                os.unlink(link)
        except OSError as error:
            raise InstallError(f"cannot be removed: {error.strerror}", place=link) from error
