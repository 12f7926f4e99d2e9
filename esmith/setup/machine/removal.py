"""Taking e-smith away again: the files that it wrote go, what belongs to the administrator and to users stays."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from esmith.apply.backup import back_up, first_copy
from esmith.apply.drift import find_drift
from esmith.disk import read_file
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import DiskHost, trouble
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import LISTED
from esmith.services.packages import packages_of
from esmith.setup.product_files import Manifest, content_of, is_generated
from esmith.setup.shipped import installed_product_files
from esmith.shipped import shipped_list
from esmith.store.model import Author
from esmith.store.protocol import Store

#: What stays, for people.
STAYS = (
    "/home/e-smith/db: the databases",
    "/etc/e-smith: your fragments, services and event scripts",
    "/home/e-smith: the mail, the users' homes, the certificate",
    "/home/httpd and elsewhere: web pages, and other files of yours beside generated ones",
    "/var/spool/spamd, /var/lib/qpsmtpd/greylisting: what the spam filter and greylisting have learnt",
    "/var/spool/postfix, /var/qmail/queue: mail that waits",
    "/var/lib/e-smith: backup copies of what was replaced (kept), backups of before a restore, the journal of installs",
    "/var/log: the logs",
    "unix accounts, and Debian's packages",
)


#: Directories of everybody that a script of Debian's base-files makes, so that they are in no list of dpkg.
_OF_BASE_FILES = {f"/usr/local{name}" for name in ("", "/bin", "/etc", "/lib", "/sbin", "/share", "/share/man")}


def generated_files(store: Store) -> list[str]:
    """Return the files that events have written, as paths of the configured system."""
    with store.snapshot() as snapshot:
        return [path for path, installed in OUTPUTS.rows(snapshot).items() if not installed.is_absent]


def remove_generated(layout: Layout, store: Store) -> list[str]:
    """Remove what events have written, and restore what was in the place of one below ``/etc``.

    A file that was edited by hand is kept as a backup copy. One that cannot be removed, as in the directory of a user,
    stays.

    :return: notes for the administrator.
    :raises InstallError: when a backup copy cannot be written.
    """
    paths = generated_files(store)
    with store.snapshot() as snapshot:
        edited = find_drift(layout, snapshot)
    host, notes = DiskHost(layout), []
    for path in paths:
        target = layout.under(path)
        try:
            status = host.disk.look(target)
            if status is None:
                continue
            if path in edited and stat.S_ISREG(status.st_mode):
                notes.append(f"{path} was edited by hand; a backup copy is {back_up(layout, host, target)}")
            _restore_or_remove(layout, host, path, stat.S_IMODE(status.st_mode))
        except InstallError as error:
            notes.append(f"{path} stays: {error.message}")
        except OSError as error:
            notes.append(f"{path} stays: {error.strerror}")
    directories = {os.path.dirname(path) for path in paths}
    host.sync({layout.under(directory) for directory in directories})
    host.close()
    remove_empty(layout, directories)
    with store.transaction(_author()) as transaction:
        for path in OUTPUTS.names(transaction):
            OUTPUTS.put(transaction, path, None)
        for path in LISTED.names(transaction):
            LISTED.put(transaction, path, None)
    return notes


def _author() -> Author:
    return Author.current(["esmith", "remove"])


def _restore_or_remove(layout: Layout, host: DiskHost, path: str, mode: int) -> None:
    content = _of_others(layout, path)
    if content is None:
        host.remove(layout.under(path))
        return
    host.install(host.stage(layout.under(path), content, mode, None))


def _of_others(layout: Layout, path: str) -> bytes | None:
    """Return what a file below ``/etc`` held before e-smith wrote it the first time; None when it was not there.

    dpkg cannot be asked whose it was: of many files of Debian only ucf(1) knows.

    :raises InstallError: when the backup copy cannot be read.
    """
    copy = first_copy(layout, path) if path.startswith("/etc/") else ""
    if not copy:
        return None
    try:
        content = read_file(copy)
    except OSError as error:
        raise trouble(copy, error) from error
    # The first copy may be of a file of ours that was edited by hand.
    return None if is_generated(content) else content


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
    _remove_compiled(layout, {os.path.dirname(target) for target in files})
    remove_empty(layout, {layout.inside(os.path.dirname(target)) for target in files})
    return notes


def _remove_compiled(layout: Layout, directories: Iterable[str]) -> None:
    """Remove what Python compiled of files in some directories, as paths of this disk."""
    disk = layout.disk()
    for path in directories:
        with suppress(OSError):
            if (directory := disk.find(path)) is not None:
                directory.remove_tree("__pycache__")


def remove_empty(layout: Layout, directories: Iterable[str]) -> None:
    """Remove directories in which nothing is any more, and those above them; none that a Debian package has.

    :param directories: paths of the configured system.
    """
    above = set()
    for directory in directories:
        place = directory
        # An empty home is still a home.
        while place not in ("/", "", "/home", "/root") and not place.startswith("/home/e-smith"):
            above.add(place)
            place = os.path.dirname(place)
    stays = {*packages_of(sorted(above)), *_OF_BASE_FILES} if layout.is_machine else set()
    disk = layout.disk()
    for path in sorted(above - stays, key=len, reverse=True):
        target = layout.under(path)
        try:
            parent = disk.find(os.path.dirname(target))
        except OSError:
            continue
        status = parent.look(os.path.basename(target)) if parent is not None else None
        if parent is None or status is None or not stat.S_ISDIR(status.st_mode):
            continue
        if not path.startswith("/home/") or status.st_uid in layout.trust.owners:
            parent.remove_empty(os.path.basename(target))
