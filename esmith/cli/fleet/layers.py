"""``esmith fleet push``, ``drop`` and ``resync``: settings of this server against those of the fleet."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from esmith.cli.fleet.output import effect_lines, may_go_on
from esmith.cli.output import print_report
from esmith.cli.program import root_option
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.repeating import repeat
from esmith.store import open_store
from esmith.store.model import Author

if TYPE_CHECKING:
    from esmith.fleet.admin.own import Own

_SETTING = "[DATABASE KEY [PROP]]"


@click.command("push")
@click.argument("setting", nargs=-1, metavar=_SETTING)
@root_option
@click.pass_obj
def push_command(root: str | None, /, **given: Any) -> int:
    """Give the fleet what was set for this server alone: a setting, a record, or all that was set with --local.

    The layer that the value hides here gets it.

    \b
    Examples:
      esmith fleet push
      esmith fleet push configuration qpsmtpd DNSBL
    """
    from esmith.fleet.admin.local_values import push

    layout, words = Layout.chosen(root), list(given["setting"])
    with closing(open_store(layout, write=True)) as store:
        author = Author.current(["esmith", "fleet", "push", *words])
        cells, notes = repeat(layout, lambda: push(store, words, author))
    print_report([*(f"pushed: {' '.join(filter(None, cell))}" for cell in cells), *notes])
    return 0


@click.command("drop")
@click.argument("setting", nargs=-1, metavar=_SETTING)
@root_option
@click.pass_obj
def drop_command(root: str | None, /, **given: Any) -> int:
    """Have the fleet's value show again, in the place of what was set for this server alone.

    Without words: of all that was set with --local.

    \b
    Examples:
      esmith fleet drop
      esmith fleet drop configuration qpsmtpd DNSBL
    """
    from esmith.fleet.admin.local_values import drop

    layout, words = Layout.chosen(root), list(given["setting"])
    with closing(open_store(layout, write=True)) as store:
        cells = drop(store, words, Author.current(["esmith", "fleet", "drop", *words]))
    print_report(f"dropped: {' '.join(filter(None, cell))}" for cell in cells)
    return 0


@click.command("resync")
@click.option("--cut", is_flag=True, help="First take the rows out of the journal that do not fit; needs etcd's root.")
@click.option("--dry-run", is_flag=True, help="Show what would change here, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@click.pass_obj
def resync_command(root: str | None, /, **given: Any) -> int:
    """Take the journal in etcd for the truth, and make the shared settings of this server again from it.

    For a server that stopped at a row, or after etcd was restored from a backup. What would change is shown first.

    \b
    Examples:
      esmith fleet resync --dry-run
      esmith fleet resync
      esmith fleet resync --cut --dry-run
    """
    from esmith.fleet.admin.again import preview, read_again, resync, sent_of
    from esmith.fleet.admin.own import Own
    from esmith.fleet.admin.waking import wake
    from esmith.fleet.agent.claiming import take_over

    layout, author = Layout.chosen(root), Author.current(["esmith", "fleet", "resync"])
    with closing(open_store(layout, write=True)) as store:
        with store.snapshot() as snapshot:
            own = Own.restored(layout, snapshot)
        if given["cut"] and (code := _cut(own, given)) is not None:
            return code
        journal = read_again(own)
        head = journal.chain.head.number
        print_report([f"etcd has fleet revision {head} of {own.fleet}, this server {own.head.number}"])
        sent = sent_of(layout)
        effect = preview(store, own, journal, author, sent)
        with store.snapshot() as snapshot:
            print_report([*effect_lines(layout, snapshot, effect), *effect.notes])
        if given["dry_run"]:
            return 0
        if not may_go_on("Take it?", yes=given["yes"]):
            return ExitCode.FAILED
        resync(store, own, journal, author, sent)
        take_over(layout, journal.remote)
    wake(layout)
    print_report([f"this server has fleet revision {head}"])
    return 0


def _cut(own: Own, given: dict[str, Any]) -> int | None:
    """Take out what does not fit; return the exit code where that is the end."""
    from esmith.fleet.admin.cutting import cut, find_misfit

    misfit = find_misfit(own)
    print_report([misfit.why])
    if misfit.newest >= misfit.first:
        print_report([f"rows {misfit.first} to {misfit.newest} are taken out of the journal, for all servers"])
    if given["dry_run"]:
        return ExitCode.OK
    if not may_go_on("Take them out?", yes=given["yes"]):
        return ExitCode.FAILED
    cut(own, misfit)
    print_report([f"the fleet's journal ends with row {misfit.first - 1}"])
    return None
