"""Removing service directories, and the links and folders by which a supervisor finds them."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress

from esmith.disk import Disk
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.services.find import FOLDERS
from esmith.setup.folders import links_to
from esmith.setup.machine.removal import remove_empty
from esmith.setup.product_files import Manifest

_DIRECTORIES = "/var/service"
#: What supervisors and run scripts make there: the state of runsv(8), the copy of the certificate for qpsmtpd.
_MADE = ("supervise", "ssl")


def service_directories(layout: Layout) -> list[str]:
    """Return the services whose service directories ``esmith init --services`` has written, sorted."""
    return sorted({script.partition("/")[0] for script in _directories(layout).digests})


def _directories(layout: Layout) -> Manifest:
    return Manifest(os.path.join(layout.state, "service-directories"))


def remove_service_links(layout: Layout, folders: Collection[str]) -> None:
    """Remove the links to service directories from the folders that supervisors scan, so that nothing starts them.

    :param folders: the folders, as paths of the configured system.
    :raises InstallError: when one cannot be removed.
    """
    own = {os.path.realpath(layout.under(f"/var/service/{name}")) for name in service_directories(layout)}
    for link in links_to(own, map(layout.under, folders)):
        try:
            os.unlink(link)
        except OSError as error:
            raise InstallError(f"cannot be removed: {error.strerror}", place=link) from error


def remove_service_directories(layout: Layout) -> None:
    """Remove the scripts of the service directories, which nothing supervises any more.

    :raises InstallError: when something cannot be removed.
    """
    manifest, names = _directories(layout), service_directories(layout)
    disk = layout.disk()
    try:
        for name in names:
            own = layout.under(f"/var/service/{name}")
            for script in ("run", "down", "log/run"):
                _remove_if_there(disk, f"{own}/{script}")
            for place in (own, f"{own}/log"):
                if (directory := disk.find(place)) is not None:
                    for made in _MADE:
                        directory.remove_tree(made)
        _remove_if_there(disk, manifest.file)
    except OSError as error:
        raise InstallError(f"cannot be removed: {error.strerror}", place=error.filename or "/var/service") from error
    remove_empty(layout, [f"/var/service/{name}/log" for name in names])


def _remove_if_there(disk: Disk, path: str) -> None:
    if (directory := disk.find(os.path.dirname(path))) is not None:
        directory.remove_if_there(os.path.basename(path))


def remove_folders(layout: Layout) -> None:
    """Remove the folders of links to service directories, as far as nothing is in them, and links from one to another.

    :raises InstallError: when one cannot be removed.
    """
    own = {layout.under(folder) for folder in FOLDERS}
    for folder in sorted(own - {layout.under(_DIRECTORIES)}):
        try:
            if os.path.islink(folder) and os.readlink(folder) in own:
                os.unlink(folder)
            elif layout.inside(folder) == "/service":
                # Debian's packages have the other one.
                with suppress(FileNotFoundError):
                    os.rmdir(folder)
        except OSError as error:
            if os.path.isdir(folder) and os.listdir(folder):
                continue
            raise InstallError(f"cannot be removed: {error.strerror}", place=folder) from error
