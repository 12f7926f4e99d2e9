"""``esmith recover`` and ``esmith confirm``: finish what was left undone, and keep an unconfirmed change."""

from __future__ import annotations

import os
import time

import click

from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.program import root_option
from esmith.events.confirm import confirm, find_unconfirmed, single_waiter, wait_in_background
from esmith.events.recover import recover_all
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.printable import printable_message, shown_time
from esmith.store import open_store

#: How often a waiting process looks whether the change was confirmed, in seconds.
_LOOK_EVERY = 2.0
#: How often it looks whether another process that waits has ended, in seconds.
_ASK_EVERY = 0.3


@click.command("recover")
@click.option("--wait", is_flag=True, help="First wait until a change is confirmed, or its deadline has passed.")
@click.option("--if-first", is_flag=True, hidden=True, help="With --wait: do nothing when another process waits.")
@click.option("--no-services", is_flag=True, help="Leave pending actions pending: at boot, before services start.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def recover_command(root: str | None, wait: bool, if_first: bool, no_services: bool, as_json: bool) -> int:
    """Finish what was left undone: run this after a crash and at boot.

    Restores what an interrupted event changed, or what was not confirmed in time, makes again what is made of restored
    files, and carries out the pending actions of services. The next event does the same.

    \b
    Example:
      esmith recover
    """
    layout = Layout.chosen(root)
    if wait:
        _wait(layout, if_first=if_first)
        return 0
    messages: list[str] = []
    session = Session(layout, open_store(layout, write=True), messages.append)
    recover_all(session, with_services=not no_services)
    with session.store.snapshot() as snapshot:
        change = find_unconfirmed(snapshot)
    if change is not None:
        wait_in_background(layout)
        messages.append(f"{change.what} is rolled back at {shown_time(change.deadline)} unless you run: esmith confirm")
    if as_json:
        from esmith.cli.json_output import json_text

        print_lines([json_text({"done": messages})])
        return 0
    print_report(
        (line for text in messages or ["nothing was left undone"] for line in printable_message(text).split("\n")),
        cures=True,
    )
    return 0


@click.command("confirm")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def confirm_command(root: str | None, as_json: bool) -> int:
    """Keep what signal-event --confirm changed; without this it is rolled back at its deadline.

    \b
    Examples:
      signal-event --confirm 10m email-update
      esmith confirm
    """
    layout = Layout.chosen(root)
    change = confirm(Session(layout, open_store(layout, write=True), warn))
    if as_json:
        from esmith.cli.json_output import json_text

        print_lines([json_text({"confirmed": change.what if change else None})])
    else:
        print_report([f"confirmed: {change.what}" if change else "nothing waits to be confirmed"])
    return 0 if change else 1


def _wait(layout: Layout, *, if_first: bool) -> None:
    """Wait for the deadline, or for the other process that waits for it and does what is to be done then."""
    # A root that was taken away meanwhile has nothing left to wait for, and must not be begun once more.
    while os.path.isdir(layout.state):
        with single_waiter(layout) as alone:
            if alone:
                _carry_out(layout)
                return
        if if_first:
            return
        time.sleep(_ASK_EVERY)


def _carry_out(layout: Layout) -> None:
    session = Session(layout, open_store(layout, write=True), lambda _: None)
    while os.path.isdir(layout.state):
        with session.store.snapshot() as snapshot:
            change = find_unconfirmed(snapshot)
        if change is None:
            return
        remaining = change.deadline - time.time()
        if remaining > 0:
            time.sleep(min(remaining, _LOOK_EVERY))
        else:
            recover_all(session)
