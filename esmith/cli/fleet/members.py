"""``esmith fleet invite``, ``leave``, ``remove`` and ``groups``: which servers are members, and of what."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from esmith.cli.fleet.output import may_go_on
from esmith.cli.json_output import json_text
from esmith.cli.output import print_error, print_lines, print_report
from esmith.cli.program import root_option
from esmith.errors import ExitCode, UsageError
from esmith.layout import Layout
from esmith.printable import shell_word, shown_time
from esmith.store import open_store
from esmith.store.model import Author


@click.command("invite")
@click.argument("host", metavar="HOST")
@click.option("--groups", metavar="GROUP,...", default="", help="The groups it will be in, the nearest first.")
@click.option(
    "--hours", type=click.IntRange(1, 24 * 30), default=24, show_default=True, help="How long it may be used."
)
@root_option
@click.pass_obj
def invite_command(root: str | None, /, **given: Any) -> int:
    """Print the token with which another server joins as HOST: a secret, to be used once.

    It needs the authority's key, so it is run on the fleet's first server.

    \b
    Examples:
      esmith fleet invite mail2 --groups mx > token
      esmith fleet invite mail2 | ssh root@mail2 esmith fleet join --yes
    """
    from esmith.fleet.admin.members import invite
    from esmith.fleet.names import groups_of

    layout, host = Layout.chosen(root), given["host"]
    author = Author.current(["esmith", "fleet", "invite", host])
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        invitation = invite(layout, snapshot, host, groups_of(given["groups"]), given["hours"], author)
    print_lines([invitation.text().rstrip("\n")])
    print_error(
        f"esmith: this is a secret: whoever has it can join as {host} until {shown_time(invitation.until)}, once\n"
        f"  on {host}: esmith fleet join --token-file FILE --dry-run"
    )
    return 0


@click.command("leave")
@click.option("--here", is_flag=True, help="Leave without etcd, which does not answer.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@click.pass_obj
def leave_command(root: str | None, /, **given: Any) -> int:
    """Leave the fleet: the settings stay as they are now, and are this server's own from then on.

    \b
    Example:
      esmith fleet leave
    """
    from esmith.fleet.admin.members import leave, others_need
    from esmith.fleet.admin.own import Own
    from esmith.fleet.admin.waking import wake

    layout = Layout.chosen(root)
    with closing(open_store(layout, write=True)) as store:
        with store.snapshot() as snapshot:
            own = Own.of(layout, snapshot)
        if (fault := others_need(own)) is not None and not given["yes"]:
            raise fault
        print_report([f"{own.host} leaves the fleet {own.fleet}; its settings stay as they are, and are its own"])
        if not may_go_on("Leave it?", yes=given["yes"], has_dry_run=False):
            return ExitCode.FAILED
        leave(layout, store, Author.current(["esmith", "fleet", "leave"]), only_here=given["here"])
    wake(layout)
    print_report([f"this server is in no fleet any more, and was {own.host} of {own.fleet}"])
    if own.has_stopped:
        # To remove it would remove the other machine, which goes on under this name.
        print_report([f"the other machine stays {own.host}; this one may join under a name of its own"])
    elif given["here"] and own.host in own.members:
        cure = f"esmith fleet remove {shell_word(own.host)}"
        print_report([f"unless another machine is {own.host}, on the first server of the fleet: {cure}"])
    return 0


@click.command("remove")
@click.argument("host", metavar="HOST")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@click.pass_obj
def remove_command(root: str | None, /, **given: Any) -> int:
    """Remove a server from the fleet, with its account in etcd: one that is lost, or stolen.

    It is run on the fleet's first server. The server that is removed keeps its settings, and gets no more.

    \b
    Example:
      esmith fleet remove mail2
    """
    from esmith.fleet.admin.members import remove
    from esmith.fleet.admin.own import Own

    layout, host = Layout.chosen(root), given["host"]
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        own = Own.of(layout, snapshot)
    own.require_lead("removes")
    print_report([f"once removed from the fleet {own.fleet}, {host} gets and sends nothing any more"])
    if host not in own.members:
        # It may have joined a moment ago.
        print_report([f"this server knows of no {host} in it: esmith fleet groups"], cures=True)
    if not may_go_on("Remove it?", yes=given["yes"], has_dry_run=False):
        return ExitCode.FAILED
    removed = remove(own, host, Author.current(["esmith", "fleet", "remove", host]))
    if not (removed.was_member or removed.had_user):
        raise UsageError(f"the fleet has no server {host!r}", hint="see which there are: esmith fleet groups")
    print_report([f"{host} is not in the fleet any more, and its user in etcd is deleted"])
    print_report(_after_a_theft(host))
    return 0


def _after_a_theft(host: str) -> list[str]:
    """Return what to do when a server was not only replaced, but stolen."""
    return [
        f"if {host} was stolen: it still has the settings that it had, and a certificate for connections to etcd,",
        "which counts for nothing without a user; replace the passwords and keys that were on it where they are used",
        "what it changed before: esmith fleet history",
    ]


@click.command("groups")
@click.argument("hosts", nargs=-1, metavar="[HOST...]")
@click.option("--set", "groups", metavar="GROUP,...", help="Be in these from now on, the nearest first; '' for none.")
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@root_option
@click.pass_obj
def groups_command(root: str | None, /, **given: Any) -> int:
    """List the servers of the fleet with their groups, or change the groups of this server.

    \b
    Examples:
      esmith fleet groups
      esmith fleet groups --set mx,berlin
    """
    from esmith.fleet.admin.members import set_groups
    from esmith.fleet.admin.own import Own
    from esmith.fleet.names import groups_of

    layout, hosts, as_json = Layout.chosen(root), given["hosts"], given["as_json"]
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        own = Own.of(layout, snapshot)
    if given["groups"] is not None:
        if hosts or as_json:
            raise UsageError("--set is about this server, and stands by itself", hint="leave out the rest")
        groups = groups_of(given["groups"])
        revision = set_groups(own, groups, Author.current(["esmith", "fleet", "groups", "--set", ",".join(groups)]))
        print_report([f"{own.host} is in {_named(groups)} from fleet revision {revision} on"])
        return 0
    for host in hosts:
        if host not in own.members:
            raise UsageError(f"the fleet has no server {host!r}", hint="see which there are: esmith fleet groups")
    rows = [(name, list(own.members[name].groups)) for name in own.members if not hosts or name in hosts]
    if as_json:
        print_lines([json_text([{"host": name, "groups": groups} for name, groups in rows])])
    else:
        width = max(len(name) for name, _ in rows)
        print_report(f"{name:<{width}}  {', '.join(groups)}".rstrip() for name, groups in rows)
    return 0


def _named(groups: list[str]) -> str:
    if not groups:
        return "no group"
    return f"the group {groups[0]}" if len(groups) == 1 else f"the groups {', '.join(groups)}"
