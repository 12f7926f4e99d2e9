"""System accounts for a trial root.

A root that is only a folder has no accounts of its own, and the machine's are not those of a mail server. What
``esmith init`` writes here is what a server has after its installation: the accounts that own generated files. Those of
services are in their ``service.toml``.
"""

from __future__ import annotations

import os

from esmith.layout import Layout
from esmith.plan.host import Host
from esmith.services.definition import Services
from esmith.services.service import Account

#: The accounts that every SME Server has, with its numbers.
_SYSTEM = (Account("root", (), 0, "root", 0, "/root"), Account("admin", (), 101, "admin", 101, "/home/e-smith"))
#: The group of all users.
_SHARED = ("shared", 500)


def trial_account_files(layout: Layout) -> list[str]:
    """Return the files that :func:`make_trial_accounts` writes where they are missing, as paths of this disk."""
    return [] if layout.is_machine else [layout.under("/etc/passwd"), layout.under("/etc/group")]


def make_trial_accounts(layout: Layout, host: Host) -> None:
    """Write ``/etc/passwd`` and ``/etc/group`` of a trial root that has none; never on the machine itself.

    :raises ServiceError: when a file that defines a service is broken.
    :raises InstallError: when they cannot be written.
    """
    if layout.is_machine:
        return
    services = Services(layout)
    own = [account for name in services.names() if (account := services.of(name).account) and account.number]
    accounts = {account.name: account for account in [*own, *_SYSTEM]}.values()
    numbers = {account.group: account.group_number for account in accounts} | dict([_SHARED])
    users = [
        f"{account.name}:x:{account.number}:{account.group_number}::{account.home}:/bin/false\n"
        for account in sorted(accounts, key=lambda account: account.number)
    ]
    groups = [f"{name}:x:{number}:\n" for name, number in sorted(numbers.items(), key=lambda group: group[1])]
    for target, lines in zip(trial_account_files(layout), (users, groups), strict=True):
        if not os.path.lexists(target):
            host.install(host.stage(target, "".join(lines).encode(), 0o644, None))
            host.sync({os.path.dirname(target)})
