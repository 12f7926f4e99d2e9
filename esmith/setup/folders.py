"""The folders that a supervisor of service directories scans: ``/service``, and ``/etc/service`` on Debian.

Commands of the original say ``/service``, and Debian's ``sv`` looks in ``/etc/service`` (sv(8), SVDIR), so both names
lead to one folder.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator

from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import Host
from esmith.services.directory import ServiceDirectory
from esmith.services.find import FOLDERS
from esmith.setup.joining import finish, join, reason_against
from esmith.setup.product_files import write_link

_NAMES = ("/service", "/etc/service")
_DIRECTORIES = "/var/service"


def join_folders(layout: Layout, host: Host, folder: str) -> list[str]:
    """Have both names lead to one folder; nothing that is in either is lost, and what runs goes on.

    Where both are folders, ``/service`` becomes a link to ``/etc/service``, which Debian's packages have.

    :param folder: the folder, as a path of the configured system; other folders than the two are left alone.
    :return: notes for the administrator.
    :raises InstallError: when a link cannot be made.
    """
    folder = os.path.normpath(folder)
    if folder not in _NAMES:
        return []
    first, debian = map(layout.under, _NAMES)
    notes = finish(layout, host, debian)
    if os.path.islink(first) and os.path.realpath(first) == layout.under(_DIRECTORIES):
        # As it is made for systemd.
        host.remove(first)
    there = [name for name in (first, debian) if os.path.lexists(name)]
    if os.path.realpath(first) == os.path.realpath(debian):
        # Also where what the link of one leads to, the other, is not made yet.
        return notes
    if len(there) == len(_NAMES):
        reason = reason_against(first, debian)
        return notes + ([_apart(folder, reason)] if reason else join(layout, host, first, debian))
    kept = there[0] if there else layout.under(folder)
    write_link(host, debian if kept == first else first, kept)
    return notes


def _apart(folder: str, reason: str) -> str:
    other = _NAMES[1 - _NAMES.index(folder)]
    return (
        f"{other} is another folder than {folder}, so commands that look there do not find these services\n"
        f"  {reason}\n"
        f"  then run this again; until then name them by their path: sv status {folder}/qpsmtpd"
    )


def require_unsupervised(layout: Layout, services: list[str]) -> None:
    """See to it that no supervisor of service directories runs for any of some services.

    :raises InstallError: when one does.
    """
    for folder in map(layout.under, FOLDERS):
        for name in services:
            directory = os.path.join(folder, name)
            if ServiceDirectory(directory).is_supervised():
                raise InstallError(
                    "a supervisor runs for it, and systemd would start the same service again",
                    place=directory,
                    hint="end runsvdir or svscan with all it runs first (runsvdir: send it HUP), then run this again",
                )


def unlink_services(layout: Layout, host: Host, services: list[str]) -> None:
    """Take the services out of the folders that supervisors scan, and have ``/service`` lead to their directories.

    :raises InstallError: when a link cannot be removed or made.
    """
    own = {layout.under(f"{_DIRECTORIES}/{name}") for name in services}
    for link in links_to(own, map(layout.under, _NAMES)):
        host.remove(link)
        host.sync({os.path.dirname(link)})
    link = layout.under(_NAMES[0])
    if os.path.isdir(link) and not os.path.islink(link) and not os.listdir(link):
        os.rmdir(link)
    if not os.path.lexists(link):
        write_link(host, link, layout.under(_DIRECTORIES))


def links_to(directories: Collection[str], folders: Iterable[str]) -> Iterator[str]:
    """Yield the links in folders that lead to one of some service directories, whatever their names.

    :param directories: the service directories, without links in their paths.
    :param folders: paths of this disk; one that is not there has none.
    """
    for folder in folders:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            link = f"{folder}/{name}"
            if os.path.islink(link) and os.path.realpath(link) in directories:
                yield link
