"""``esmith recover`` and ``esmith confirm``: finish what was left undone, and keep what was on probation."""

from __future__ import annotations

import time

import click

from esmith.cli.output import print_report, shown_time
from esmith.cli.program import root_option, warn
from esmith.errors import StoreError
from esmith.events.confirm import find_pending, set_pending, single_waiter, wait_in_background
from esmith.events.lock import LOCK_TIMEOUT, EventLock
from esmith.events.recover import recover_all
from esmith.layout import Layout
from esmith.printable import printable_message
from esmith.store import open_store
from esmith.store.model import Author

#: How often a waiting process looks whether the change was confirmed, in seconds.
_LOOK_EVERY = 2.0


@click.command("recover")
@click.option("--wait", is_flag=True, help="First wait until a change is confirmed, or its deadline has passed.")
@root_option
@click.pass_obj
def recover_command(root: str | None, wait: bool) -> int:
    """Finish what was left undone: run this after a crash and at boot.

    Puts back what an interrupted event changed, or what was not confirmed in time, and tells services what they are
    owed. The next event does the same.
    """
    layout = Layout.chosen(root)
    if wait:
        with single_waiter(layout) as alone:
            if alone:
                _wait(layout)
        return 0
    said: list[str] = []
    store = open_store(layout, write=True)
    recover_all(layout, store, say=said.append)
    with store.snapshot() as snapshot:
        pending = find_pending(snapshot)
    if pending is not None:
        wait_in_background(layout)
        said.append(
            f"{pending.what} goes back at {shown_time(pending.deadline)} unless it is confirmed: esmith confirm"
        )
    print_report(line for text in said or ["nothing was left undone"] for line in printable_message(text).split("\n"))
    return 0


@click.command("confirm")
@root_option
@click.pass_obj
def confirm_command(root: str | None) -> int:
    """Keep what signal-event --confirm changed; without this it goes back at its deadline."""
    layout = Layout.chosen(root)
    store = open_store(layout, write=True)
    with EventLock(layout, "esmith confirm", timeout=LOCK_TIMEOUT, say=warn):
        try:
            with store.transaction(Author.current(["esmith", "confirm"])) as transaction:
                pending = find_pending(transaction)
                set_pending(transaction, None)
        except StoreError as error:
            error.add_unchanged()
            raise
    print_report([f"confirmed: {pending.what}" if pending else "nothing waits to be confirmed"])
    return 0 if pending else 1


def _wait(layout: Layout) -> None:
    store = open_store(layout, write=True)
    while True:
        with store.snapshot() as snapshot:
            pending = find_pending(snapshot)
        if pending is None:
            return
        remaining = pending.deadline - time.time()
        if remaining > 0:
            time.sleep(min(remaining, _LOOK_EVERY))
        else:
            recover_all(layout, store, say=lambda _text: None)
