"""Roots that tests copy: one as ``esmith init`` makes it, and one of a small office."""

from __future__ import annotations

import os
from pathlib import Path

from tests.commands import Root, copy_tree, initialise

#: The unix accounts of the office's users; ``esmith init`` gives a trial root those of the system.
USERS = """\
tom:x:5001:5001::/home/e-smith/files/users/tom:/bin/false
jack:x:5002:5002::/home/e-smith/files/users/jack:/bin/false
john:x:5003:5003::/home/e-smith/files/users/john:/bin/false
maillog:x:5004:5004::/home/e-smith/files/users/maillog:/bin/false
"""
GROUPS = """\
tom:x:5001:
jack:x:5002:
john:x:5003:
maillog:x:5004:
"""


def make_fresh(path: Path) -> Path:
    """Make a root as ``esmith init`` makes it, with nothing expanded yet."""
    return initialise(path, "--domain", "example.com", "--name", "mail").path


def make_small_office(path: Path, fresh: Path) -> Path:
    """Make the root of a small office: two domains, two networks, users, groups, pseudonyms; all expanded.

    :param fresh: a root that :func:`make_fresh` made.
    """
    copy_tree(fresh, path)
    root = Root(path)
    root.write("/etc/passwd", root.read("/etc/passwd") + USERS)
    root.write("/etc/group", root.read("/etc/group") + GROUPS)
    root.config("set", "LocalIP", "192.168.1.1")
    root.config("set", "LocalNetmask", "255.255.255.0")
    root.config("set", "GatewayIP", "192.168.1.254")
    root.config("set", "ExternalIP", "203.0.113.5")
    root.db("domains", "set", "test.com", "domain")
    root.db("networks", "set", "192.168.1.0", "network", "Mask", "255.255.255.0", "SystemLocalNetwork", "yes")
    root.db("networks", "set", "10.0.0.0", "network", "Mask", "255.255.0.0")
    for user in ("tom", "jack", "john", "maillog"):
        root.db("accounts", "set", user, "user", "EmailForward", "local")
    root.db("accounts", "set", "group1", "group", "Members", "tom,jack,john")
    root.db("accounts", "set", "group2", "group", "Members", "john")
    root.db("accounts", "set", "sales", "pseudonym", "Account", "john")
    root.db("accounts", "set", "boss@test.com", "pseudonym", "Account", "john")
    root.signal("email-update")
    return path


def settle_office(path: Path) -> None:
    """Have the engine remember what it made of the files of a copy of a small office; its log stays as it was."""
    settle(Root(path), "email-update")


def settle(root: Root, *events: str) -> None:
    """Signal events that change nothing; the log of the root stays as it was."""
    log = root.file("/var/log/e-smith/events.log")
    before, status = log.read_bytes(), log.stat()
    for event in events:
        root.signal(event)
    log.write_bytes(before)
    os.utime(log, ns=(status.st_atime_ns, status.st_mtime_ns))
