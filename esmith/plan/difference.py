"""Comparing outputs with what is on the disk. Nothing is changed."""

from __future__ import annotations

import os
import stat

from esmith.disk import Directory, Disk, UserDirectoryError
from esmith.disk.fault import find_unusable
from esmith.fragments.rendering import Kind
from esmith.plan.host import PERMISSIONS, trouble
from esmith.plan.installed import OUTPUTS, Installed, digest_of, fingerprint_of
from esmith.plan.output import Difference, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.store.protocol import Snapshot

#: What is so of a file that is not as it was installed.
EDITED = "edited by hand"


class Comparison:
    """Compares outputs with the disk.

    :param disk: the disk.
    :param snapshot: where is written what was installed.
    :param keep_attributes: whether an existing file keeps its mode and owner unless the metadata says otherwise.
    """

    def __init__(self, disk: Disk, snapshot: Snapshot, *, keep_attributes: bool) -> None:
        self._disk = disk
        self._snapshot = snapshot
        self._keep_attributes = keep_attributes
        #: The directories that are not there yet, each with whether it would be a user's: many outputs may go there.
        self._missing: dict[str, bool] = {}

    def compare(self, output: Output) -> None:
        """Note how an output differs from the disk.

        :raises UserFileError: when its place cannot be looked at in a directory of a user.
        :raises InstallError: when that is so elsewhere, or no file can be put there.
        """
        if output.rendering.recalled or output.rendering.kind is Kind.LEFT:
            return
        try:
            self._compare(output)
        except OSError as error:
            raise trouble(output.target, error) from error

    def _compare(self, output: Output) -> None:
        directory = self._directory(output)
        status = directory.look(os.path.basename(output.target)) if directory is not None else None
        if directory is None or status is None:
            if output.rendering.kind in (Kind.FILE, Kind.SYMLINK):
                output.difference = Difference.CREATE
            return
        output.mark = fingerprint_of(status)
        fault = None if stat.S_ISLNK(status.st_mode) else find_unusable(status.st_mode, output.target)
        if fault is not None:
            raise UserDirectoryError.of(fault) if output.is_a_users else fault
        if self._keep_attributes and stat.S_ISREG(status.st_mode):
            _keep_attributes(output, status, directory)
        self._compare_content(output, directory, status)
        if output.difference is Difference.NONE and output.rendering.kind is Kind.FILE:
            _compare_attributes(output, status)

    def _directory(self, output: Output) -> Directory | None:
        path = os.path.dirname(output.target)
        found = None if path in self._missing else self._disk.find(path)
        if found is None and path not in self._missing:
            self._missing[path] = self._disk.is_a_users(path)
        output.is_a_users = found.is_a_users if found is not None else self._missing[path]
        return found

    def _compare_content(self, output: Output, directory: Directory, status: os.stat_result) -> None:
        installed = OUTPUTS.get(self._snapshot, output.path)
        wanted = output.rendering.content if _is_of_kind(status, output.rendering.kind) else None
        if installed is not None and installed.is_untouched(status):
            # Not read again: this also spares the files whose mode 0000 keeps even their owner from reading them.
            if wanted is not None and installed.digest == digest_of(wanted):
                return
            output.old = _read(directory, output.target, unreadable=b"")
        else:
            # Its owner may not read it either (mode 0000); as what it holds is not known, it is replaced.
            unreadable = b"" if status.st_uid == os.geteuid() else None
            old = _read(directory, output.target, unreadable=unreadable)
            if old == wanted:
                return
            output.old = old
            output.foreign = _foreign(status, installed, old)
        output.difference = Difference.REMOVE if output.rendering.kind is Kind.ABSENT else Difference.REPLACE


def _is_of_kind(status: os.stat_result, kind: Kind) -> bool:
    """Return whether a file or a link is of the kind that is wanted; nothing is when it should be absent."""
    return kind is (Kind.SYMLINK if stat.S_ISLNK(status.st_mode) else Kind.FILE)


def _foreign(status: os.stat_result, installed: Installed | None, content: bytes) -> str:
    """Return why the engine did not write a file; "" when it did, and for a link: what that leads to stays."""
    if stat.S_ISLNK(status.st_mode):
        return ""
    if installed is None or installed.is_absent:
        return "not made by e-smith"
    return "" if installed.digest == digest_of(content) else EDITED


def _read(directory: Directory, target: str, *, unreadable: bytes | None) -> bytes:
    try:
        return directory.take(os.path.basename(target))[0]
    except PermissionError:
        if unreadable is None:
            raise
        return unreadable


def _keep_attributes(output: Output, status: os.stat_result, directory: Directory) -> None:
    if output.is_a_users and directory.user is not None and status.st_uid != directory.user[0]:
        return
    sources = output.rendering.metadata.sources
    if "mode" not in sources:
        output.mode = stat.S_IMODE(status.st_mode) & (PERMISSIONS if output.is_a_users else ~0)
    if output.owner is not None and "owner" not in sources and "group" not in sources:
        output.owner = (status.st_uid, status.st_gid)


def _compare_attributes(output: Output, status: os.stat_result) -> None:
    same_owner = output.owner in (None, (status.st_uid, status.st_gid))
    if same_owner and stat.S_IMODE(status.st_mode) == output.mode:
        return
    if output.is_a_users:
        # What is there may be another file by now, or somebody else's; a new one takes its place.
        output.difference, output.old = Difference.REPLACE, output.rendering.content
    else:
        output.difference = Difference.ATTRIBUTES
