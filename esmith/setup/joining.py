"""Making one folder of service directories of two, without a moment in which a supervisor misses a service.

runsvdir and svscan know a service by the inode of its directory, to which the links in both folders lead: runsvdir goes
on with what it runs when its folder has become a link to another one that has the same services. Which is why the links
are made there first, and the folder changes places with the link in one step.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from esmith.disk.kernel import exchange_names
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import Host, trouble
from esmith.services.directory import ServiceDirectory
from esmith.setup.product_files import write_link

#: Where the first folder is until its links are removed, and the link before it has its place.
ASIDE = "/.service.before"
#: What a file system says that cannot exchange names (rename(2)).
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP)


def reason_against(old: str, kept: str) -> str:
    """Return why a folder cannot be joined to another one without changing what runs, with the cure; "" when it can.

    :param old: the folder that is to become a link, as a path of this disk.
    :param kept: the folder it is to lead to.
    """
    own, others = _names(old), _names(kept)
    for name in own:
        link, same = f"{old}/{name}", f"{kept}/{name}"
        if not os.path.islink(link):
            return f"{link} is not a link; move it to /var/service, and make a link to it in its place"
        if os.path.lexists(same) and os.path.realpath(same) != os.path.realpath(link):
            return f"{same} leads somewhere else than {link}; remove one of the two"
    running = [directory for name in own if (directory := ServiceDirectory(f"{old}/{name}")).is_supervised()]
    if any(not directory.is_runit for directory in running):
        return f"first end svscan, with all it runs: it would look at the old {old} until then"
    if running and any(ServiceDirectory(f"{kept}/{name}").is_supervised() for name in others if name not in own):
        return f"a runsvdir runs for each of the two; end that of {old} first: send it HUP"
    return ""


def join(layout: Layout, host: Host, old: str, kept: str) -> list[str]:
    """Make a folder a link to another one, which gets its links. It may be killed at any time, and called again.

    :param old: the folder, as a path of this disk: beside :data:`ASIDE`, with nothing but links in it.
    :param kept: the other folder.
    :return: notes for the administrator.
    :raises InstallError: when a file cannot be written.
    """
    others = sorted(set(_names(kept)) - set(_names(old)))
    _add_links(host, old, kept)
    aside = layout.under(ASIDE)
    write_link(host, aside, kept)
    place = layout.disk().directory(os.path.dirname(aside))
    try:
        exchange_names(place.descriptor, os.path.basename(aside), os.path.basename(old))
        place.sync()
    except OSError as error:
        host.remove(aside)
        if error.errno in _CANNOT:
            return [f"{old} cannot be made a link to {kept}: {error.strerror}\n  move its links there by hand"]
        raise trouble(old, error) from error
    also = f"; also there: {', '.join(others)}" if others else ""
    return [f"{layout.inside(old)} is a link to {layout.inside(kept)} now, where 'sv' looks{also}"] + finish(
        layout, host, kept
    )


def finish(layout: Layout, host: Host, kept: str) -> list[str]:
    """Remove what :func:`join` left aside, also when that was killed.

    :param kept: the folder that has its links.
    :return: notes for the administrator.
    :raises InstallError: when something cannot be written.
    """
    aside = layout.under(ASIDE)
    if os.path.islink(aside):
        host.remove(aside)
    if not os.path.isdir(aside):
        return []
    # Whoever made a link there meanwhile does not lose it.
    _add_links(host, aside, kept)
    for name in os.listdir(aside):
        if os.path.islink(f"{aside}/{name}"):
            host.remove(f"{aside}/{name}")
    with suppress(OSError):
        os.rmdir(aside)
        return []
    return [f"{aside} has more than links; move it to {layout.inside(kept)} by hand"]


def _add_links(host: Host, folder: str, kept: str) -> None:
    """Have a folder have the links of another one."""
    for name in _names(folder):
        link, new = f"{folder}/{name}", f"{kept}/{name}"
        if os.path.islink(link) and not os.path.lexists(new):
            points_to = os.readlink(link)
            write_link(host, new, points_to if os.path.isabs(points_to) else os.path.realpath(link))


def _names(folder: str) -> list[str]:
    """Return what a supervisor looks at in a folder: it leaves out names that begin with a dot.

    :raises InstallError: when it cannot be read.
    """
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InstallError(f"cannot be read: {error.strerror}", place=folder) from error
