"""Files that the product installs as they are: the shipped trees, commands, service directories.

A manifest remembers the digest of each, so that a backup copy is kept of one that was changed by hand.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from esmith.apply.backup import back_up
from esmith.digests import sha256
from esmith.disk import read_file
from esmith.layout import Layout
from esmith.plan.host import Host, trouble
from esmith.shipped import digests_in

#: In the comment at the top of generated files.
_MARK = b"!!DO NOT MODIFY THIS FILE!!"


class Manifest:
    """Which files were installed below a directory, with their digests.

    :param file: where that is written down, as a path of this disk.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.digests = digests_in(content_of(file) or b"")

    def reason_to_keep(self, name: str, content: bytes) -> str:
        """Return why what is in a file must not be lost when it is replaced, "" when it is what was installed there."""
        if name not in self.digests:
            return "was there already"
        return "" if self.digests[name] == _digest(content) else "was edited by hand"

    def replace(self, host: Host, wanted: Mapping[str, bytes]) -> None:
        """Write down what is installed now."""
        write_file(host, self.file, self.text(wanted), 0o644)

    @staticmethod
    def text(wanted: Mapping[str, bytes]) -> bytes:
        """Return what the manifest of some files holds."""
        lines = (f"{_digest(content)}  {name}\n" for name, content in sorted(wanted.items()))
        return "".join(lines).encode()


def install_product_file(layout: Layout, host: Host, target: str, content: bytes, *, reason: str) -> str:
    """Write a file, executable if it is a script.

    :param target: where, as a path of this disk.
    :param reason: why what is there must not be lost: see :meth:`Manifest.reason_to_keep`.
    :return: a note for the administrator about the backup copy, "" when there is none.
    :raises InstallError: when it cannot be written.
    """
    note = back_up_replaced(layout, host, target, reason) if reason else ""
    host.install(host.stage(target, content, mode_of(content), None))
    return note


def mode_of(content: bytes) -> int:
    """Return the mode of a file of the product: a script may be run."""
    # Not "#!perl": a plugin of qpsmtpd is no program.
    return 0o755 if content.startswith(b"#!/") else 0o644


def back_up_replaced(layout: Layout, host: Host, target: str, reason: str) -> str:
    """Keep a backup copy of a file that is about to be replaced or removed, and return a note about it.

    :param reason: why: see :meth:`Manifest.reason_to_keep`.
    :raises InstallError: when it cannot be copied.
    """
    copy = back_up(layout, host, target)
    return f"{layout.inside(target)} {reason}; a backup copy is {copy}"


def write_file(host: Host, path: str, content: bytes, mode: int) -> None:
    """Write a file durably, unless it has that content already.

    :raises InstallError: when it cannot be written.
    """
    if content_of(path) != content:
        host.install(host.stage(path, content, mode, None))
        host.sync({os.path.dirname(path)})


def write_link(host: Host, path: str, points_to: str) -> None:
    """Write a symbolic link durably.

    :param points_to: what it holds.
    :raises InstallError: when it cannot be written.
    """
    host.install(host.stage_link(path, os.fsencode(points_to), None))
    host.sync({os.path.dirname(path)})


def is_generated(content: bytes) -> bool:
    """Return whether a file says that it is generated."""
    return _MARK in content


def content_of(path: str) -> bytes | None:
    """Return what a file holds, None when there is none.

    :raises InstallError: when it cannot be read.
    """
    try:
        return read_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise trouble(path, error) from error


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
