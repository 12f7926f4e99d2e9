"""``esmith accounts``: the unix accounts of the mail server."""

from __future__ import annotations

import os

import click

from esmith.accounts.everyone import make_everyone
from esmith.accounts.system import book_of, make_system_accounts
from esmith.accounts.users import TASKS, Accounts
from esmith.cli.output import print_report, warn
from esmith.cli.program import root_option
from esmith.errors import EsmithError, ExitCode, UsageError
from esmith.layout import Layout
from esmith.plan.host import DiskHost
from esmith.store import open_store

#: The task without a name, and the one that makes all users and groups of the database.
SYSTEM, EVERYONE = "system-accounts", "users-and-groups"


@click.command("accounts")
@click.argument("task", required=False, default=SYSTEM, type=click.Choice([SYSTEM, EVERYONE, *TASKS]), metavar="[TASK]")
@click.argument("account", required=False)
@root_option
@click.pass_obj
def accounts_command(root: str | None, task: str, account: str | None) -> int:
    """Make the unix accounts and directories that the mail server needs, as far as they are missing.

    Nothing that is there is changed, and nothing is removed. The events do it too, by their actions. With TASK it does
    what the action of that name does, for one ACCOUNT of the database or for all.
    """
    layout = Layout.chosen(root)
    if task == SYSTEM and account is not None:
        raise UsageError(f"{SYSTEM} is for all accounts of the system, not for one", hint="run: esmith accounts")
    if task == EVERYONE and account is not None:
        raise UsageError(f"{EVERYONE} is for all, not for one", hint="run: esmith accounts users-and-groups")
    if layout.is_machine and os.geteuid() != 0:
        print_report([f"{task}: the machine's accounts are left alone: this is not run as root"])
        return 0
    host = DiskHost(layout)
    try:
        if task == SYSTEM:
            done = make_system_accounts(layout, host)
            print_report(done.lines())
            for warning in done.warnings:
                warn(warning)
        elif task == EVERYONE:
            return _everyone(layout, host)
        else:
            store = open_store(layout, write=True)
            Accounts(layout, store, book_of(layout, host), lambda text: print_report([f"{task}: {text}"])).do(
                task, account
            )
    except EsmithError as error:
        error.message = f"{task}: {error.message}"
        raise
    finally:
        host.close()
    return 0


def _everyone(layout: Layout, host: DiskHost) -> int:
    """Make the accounts of all users and groups; return the exit code, that of "in part" where some got none."""
    done = make_everyone(
        layout,
        open_store(layout, write=True),
        book_of(layout, host),
        lambda text: print_report([f"{EVERYONE}: {text}"]),
    )
    print_report(f"{EVERYONE}: {line}" for line in done.lines())
    for text in [*done.notes, *done.left]:
        warn(text)
    return ExitCode.PARTIAL if done.left else ExitCode.OK
