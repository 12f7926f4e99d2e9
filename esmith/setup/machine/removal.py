"""Taking e-smith away again: the files that it wrote go, what belongs to the administrator and to users stays."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable

from esmith.apply.backup import back_up, first_copy
from esmith.apply.drift import find_drift
from esmith.disk import Disk, read_file
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import DiskHost, trouble
from esmith.plan.installed import OUTPUTS
from esmith.services.packages import packages_of
from esmith.setup.product_files import Manifest, content_of
from esmith.setup.shipped import installed_product_files
from esmith.shipped import shipped_list
from esmith.store.model import Author
from esmith.store.protocol import Store

#: What stays, for people.
STAYS = (
    "/home/e-smith/db: the databases",
    "/etc/e-smith/templates-custom and services-custom: your fragments and services",
    "/home/e-smith: the mail, the users' homes, the certificate",
    "/var/lib/e-smith: backup copies of what was replaced (kept), and the journal of installs",
    "/var/log: the logs",
    "unix accounts, and Debian's packages",
)


def generated_files(store: Store) -> list[str]:
    """Return the files that events have written, as paths of the configured system."""
    with store.snapshot() as snapshot:
        return [path for path, installed in OUTPUTS.rows(snapshot).items() if not installed.is_absent]


def remove_generated(layout: Layout, store: Store) -> list[str]:
    """Remove what events have written, and restore what a Debian package had in the place of one.

    A file that was edited by hand is kept as a backup copy. One that cannot be removed, as in the directory of a user,
    stays.

    :return: notes for the administrator.
    :raises InstallError: when a backup copy cannot be written.
    """
    paths = generated_files(store)
    with store.snapshot() as snapshot:
        edited = find_drift(layout, snapshot)
    packaged = packages_of(paths) if layout.is_machine else {}
    host, notes = DiskHost(layout), []
    for path in paths:
        target = layout.under(path)
        try:
            status = host.disk.look(target)
            if status is None:
                continue
            if path in edited and stat.S_ISREG(status.st_mode):
                notes.append(f"{path} was edited by hand; a backup copy is {back_up(layout, host, target)}")
            _restore_or_remove(layout, host, path, stat.S_IMODE(status.st_mode), is_packaged=path in packaged)
        except InstallError as error:
            notes.append(f"{path} stays: {error.message}")
        except OSError as error:
            notes.append(f"{path} stays: {error.strerror}")
    directories = {os.path.dirname(path) for path in paths}
    host.sync({layout.under(directory) for directory in directories})
    host.close()
    _remove_empty(layout, directories)
    with store.transaction(_author()) as transaction:
        for path in OUTPUTS.names(transaction):
            OUTPUTS.put(transaction, path, None)
    return notes


def _author() -> Author:
    return Author.current(["esmith", "remove"])


def _restore_or_remove(layout: Layout, host: DiskHost, path: str, mode: int, *, is_packaged: bool) -> None:
    copy = first_copy(layout, path) if is_packaged else ""
    if not copy:
        host.remove(layout.under(path))
        return
    try:
        content = read_file(copy)
    except OSError as error:
        raise trouble(copy, error) from error
    host.install(host.stage(layout.under(path), content, mode, None))


def remove_product(layout: Layout) -> list[str]:
    """Remove what ``esmith init`` has installed: templates, events, schema files, services, commands, Perl modules.

    One that was edited by hand is kept as a backup copy. What a contrib added stays.

    :return: notes for the administrator.
    :raises InstallError: when something cannot be removed.
    """
    files = installed_product_files(layout)
    manifest = Manifest(shipped_list(layout))
    host, notes = DiskHost(layout), []
    for target, name in sorted(files.items()):
        content = content_of(target)
        if content is None:
            continue
        if reason := manifest.reason_to_keep(name, content):
            notes.append(f"{layout.inside(target)} {reason}; a backup copy is {back_up(layout, host, target)}")
        host.remove(target)
    if content_of(manifest.file) is not None:
        host.remove(manifest.file)
    host.sync({os.path.dirname(target) for target in [*files, manifest.file]})
    host.close()
    _remove_empty(layout, {layout.inside(os.path.dirname(target)) for target in files})
    return notes


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
    for name in service_directories(layout):
        own = os.path.realpath(layout.under(f"/var/service/{name}"))
        for link in (layout.under(f"{folder}/{name}") for folder in folders):
            try:
                if os.path.islink(link) and os.path.realpath(link) == own:
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
                    directory.remove_tree("supervise")
        _remove_if_there(disk, manifest.file)
    except OSError as error:
        raise InstallError(f"cannot be removed: {error.strerror}", place=error.filename or "/var/service") from error
    _remove_empty(layout, [f"/var/service/{name}/log" for name in names])


def _remove_if_there(disk: Disk, path: str) -> None:
    if (directory := disk.find(os.path.dirname(path))) is not None:
        directory.remove_if_there(os.path.basename(path))


def _remove_empty(layout: Layout, directories: Iterable[str]) -> None:
    """Remove directories in which nothing is any more, and those above them; none that a Debian package has.

    :param directories: paths of the configured system.
    """
    above = set()
    for directory in directories:
        place = directory
        # An empty home is still a home.
        while place not in ("/", "") and not place.startswith("/home"):
            above.add(place)
            place = os.path.dirname(place)
    stays = set(packages_of(sorted(above))) if layout.is_machine else set()
    disk = layout.disk()
    for path in sorted(above - stays, key=len, reverse=True):
        target = layout.under(path)
        try:
            parent = disk.find(os.path.dirname(target))
        except OSError:
            continue
        if parent is not None and not os.path.islink(target):
            parent.remove_empty(os.path.basename(target))
