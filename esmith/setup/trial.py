"""System accounts for a trial root.

A root that is only a folder has no accounts of its own, and the machine's are not those of a mail server. What
``esmith init`` writes here is what a server has after its installation: the accounts that own generated files.
"""

from __future__ import annotations

import os

from esmith.layout import Layout
from esmith.plan.host import Host

#: User, number, group, home. Numbers as on SME Server where its sources state them, else qmail's own.
_ACCOUNTS = (
    ("root", 0, "root", "/root"),
    ("admin", 101, "admin", "/home/e-smith"),
    ("alias", 7790, "nofiles", "/var/qmail/alias"),
    ("qpsmtpd", 453, "qpsmtpd", "/var/spool/qpsmtpd"),
    ("spamd", 1005, "spamd", "/var/spool/spamd"),
    ("clamav", 1006, "clamav", "/var/clamav"),
)
_GROUPS = {"root": 0, "admin": 101, "nofiles": 2107, "qpsmtpd": 453, "spamd": 1005, "clamav": 1006, "shared": 500}


def lay_trial_accounts(layout: Layout, host: Host) -> None:
    """Write ``/etc/passwd`` and ``/etc/group`` of a trial root that has none; never on the machine itself.

    :raises InstallError: when they cannot be written.
    """
    if layout.is_machine:
        return
    users = [f"{name}:x:{number}:{_GROUPS[group]}::{home}:/bin/false\n" for name, number, group, home in _ACCOUNTS]
    groups = [f"{name}:x:{number}:\n" for name, number in _GROUPS.items()]
    for path, lines in (("/etc/passwd", users), ("/etc/group", groups)):
        target = layout.under(path)
        if not os.path.lexists(target):
            host.install(host.stage(target, "".join(lines).encode(), 0o644, None))
            host.sync({os.path.dirname(target)})
