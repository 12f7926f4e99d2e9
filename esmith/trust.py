"""Whose files the engine believes: what it runs or reads as its own may be written by nobody but its owners.

Under ``/`` the owner is root. Under a root folder it is root or the user who runs the command, or with
``--trust-owner`` also the owner of that folder. docs/security.md tells what that protects from.
"""

from __future__ import annotations

import os
import stat

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def owners_of(root: str, *, trust_owner: bool = False) -> frozenset[int]:
    """Return the numbers of the users who may own what the engine believes.

    :param root: the root, as an absolute path of this disk.
    :param trust_owner: whether the owner of a root folder is one of them.
    :raises OSError: when the root cannot be looked at.
    """
    if root == "/":
        return frozenset({0})
    owners = {0, os.geteuid()}
    if trust_owner:
        owners.add(os.stat(root).st_uid)
    return frozenset(owners)


def is_ours(status: os.stat_result, owners: frozenset[int]) -> bool:
    """Return whether a file or directory belongs to one of its owners, and nobody else may write it.

    The mode of a symbolic link says nothing; who owns the directory it is in decides.
    """
    if status.st_uid not in owners:
        return False
    return stat.S_ISLNK(status.st_mode) or not others_may_write(status)


def others_may_write(status: os.stat_result) -> bool:
    """Return whether its group or others may write a file, or make names in a directory."""
    return bool(status.st_mode & _OTHERS)


def is_shared(status: os.stat_result) -> bool:
    """Return whether it is a directory such as ``/tmp``: anybody makes names in it, only their owners remove them."""
    return stat.S_ISDIR(status.st_mode) and bool(status.st_mode & stat.S_ISVTX)
