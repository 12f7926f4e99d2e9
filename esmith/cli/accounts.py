"""``esmith accounts``: the unix accounts of the mail server."""

from __future__ import annotations

import os

import click

from esmith.accounts.everyone import make_everyone
from esmith.accounts.system import book_of, make_system_accounts
from esmith.accounts.users import TASKS, Accounts
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, warn
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
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def accounts_command(root: str | None, task: str, account: str | None, as_json: bool) -> int:
    """Make the unix accounts and directories that the mail server needs, as far as they are missing.

    Nothing that is there is changed, and nothing is removed. The events do it too, by their actions. With TASK it does
    what the action of that name does, for one ACCOUNT of the database or for all.

    \b
    Examples:
      esmith accounts
      esmith accounts user-create-unix alice
    """
    layout = Layout.chosen(root)
    if task == SYSTEM and account is not None:
        raise UsageError(f"{SYSTEM} is for all accounts of the system, not for one", hint="run: esmith accounts")
    if task == EVERYONE and account is not None:
        raise UsageError(f"{EVERYONE} is for all, not for one", hint="run: esmith accounts users-and-groups")
    if layout.is_machine and os.geteuid() != 0:
        _Report(task, as_json=as_json).end("the machine's accounts are left alone: this is not run as root")
        return 0
    host, report = DiskHost(layout), _Report(task, as_json=as_json)
    try:
        if task == SYSTEM:
            done = make_system_accounts(layout, host)
            report.add(*done.lines())
            report.warn(*done.warnings)
        elif task == EVERYONE:
            return _everyone(layout, host, report)
        else:
            store = open_store(layout, write=True)
            Accounts(layout, store, book_of(layout, host), report.add).do(task, account)
        report.end()
    except EsmithError as error:
        error.message = f"{task}: {error.message}"
        raise
    finally:
        host.close()
    return 0


class _Report:
    """What is done: a line at once, or all of it as JSON at the end."""

    def __init__(self, task: str, *, as_json: bool) -> None:
        self._task, self._as_json = task, as_json
        self._done: list[str] = []
        self._problems: list[str] = []

    def add(self, *lines: str) -> None:
        """Report something that was done."""
        self._done += lines
        if not self._as_json:
            # The task without a name is the command itself.
            begin = "" if self._task == SYSTEM else f"{self._task}: "
            print_report(f"{begin}{line}" for line in lines)

    def warn(self, *lines: str) -> None:
        """Report something that could not be done."""
        self._problems += lines
        for line in lines:
            warn(line)

    def end(self, last: str = "") -> None:
        """Report all of it, where that is asked for as JSON.

        :param last: why nothing is done.
        """
        if self._as_json:
            self._problems += [last] * bool(last)
            print_lines([json_text({"task": self._task, "done": self._done, "problems": self._problems})])
        elif last:
            print_report([f"{self._task}: {last}"])


def _everyone(layout: Layout, host: DiskHost, report: _Report) -> int:
    """Make the accounts of all users and groups; return the exit code, that of "in part" where some got none."""
    done = make_everyone(
        layout,
        open_store(layout, write=True),
        book_of(layout, host),
        report.add,
    )
    report.add(*done.lines())
    report.warn(*done.notes, *done.left)
    report.end()
    return ExitCode.PARTIAL if done.left else ExitCode.OK
