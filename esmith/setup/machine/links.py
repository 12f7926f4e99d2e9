"""Links to the commands, so that they are found where they are typed: ``/sbin/e-smith`` is in nobody's PATH."""

from __future__ import annotations

import os
import shutil

from esmith.directories import make_directory
from esmith.environment import PATH
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import trouble
from esmith.setup.shipped import COMMANDS, shipped_commands

#: In root's PATH and in that of sudo, and no package of Debian writes there (hier(7)).
FOLDER = "/usr/local/sbin"
#: That one, and where "esmith init" has commands that stand in for those of supervisors.
_FOLDERS = (FOLDER, "/usr/local/bin")


def command_links(layout: Layout) -> dict[str, str]:
    """Return the links, each with what it leads to, as paths of this disk."""
    names = [*COMMANDS, *shipped_commands()]
    return {layout.under(f"{FOLDER}/{name}"): os.path.join(layout.commands, name) for name in names}


def missing_links(layout: Layout) -> list[str]:
    """Return the links that are not there; where something else has the name, that stays.

    The Debian package brings links of its own.
    """
    links = command_links(layout)
    return [link for link, target in links.items() if not os.path.lexists(link) and not _is_found(target)]


def _is_found(target: str) -> bool:
    found = shutil.which(os.path.basename(target), path=PATH)
    return found is not None and os.path.realpath(found) == os.path.realpath(target)


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
        raise trouble(error.filename2 or layout.under(FOLDER), error) from error


def our_links(layout: Layout) -> list[str]:
    """Return the links to commands of ours in the folders where an administrator's commands are."""
    ours = (f"{layout.commands}/", layout.under("/usr/share/e-smith") + "/")
    found = []
    for folder in map(layout.under, _FOLDERS):
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        links = [link for name in names if os.path.islink(link := f"{folder}/{name}")]
        found += [link for link in links if os.readlink(link).startswith(ours)]
    return found


def remove_links(layout: Layout) -> None:
    """Remove the links to commands of ours.

    :raises InstallError: when one cannot be removed.
    """
    for link in our_links(layout):
        try:
            os.unlink(link)
        except OSError as error:
            raise InstallError(f"cannot be removed: {error.strerror}", place=link) from error
