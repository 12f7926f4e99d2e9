"""``esmith fleet certificates`` and ``init``: what etcd needs, and the first server of a fleet (docs/fleet.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from esmith.cli.fleet.output import may_go_on, next_steps
from esmith.cli.output import print_report
from esmith.cli.program import root_option
from esmith.errors import ExitCode, UsageError
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import shell_word
from esmith.store import open_store
from esmith.store.model import Author

if TYPE_CHECKING:
    from esmith.fleet.admin.authority import Written
    from esmith.fleet.admin.etcd_servers import EtcdServer
    from esmith.fleet.admin.first import Plan, Sharing

#: The file of a server's folder that goes elsewhere.
SETTINGS = "etcd"


@click.command("certificates")
@click.argument("servers", nargs=-1, metavar="NAME=ADDRESS...")
@click.option("--out", "folder", metavar="DIR", required=True, help="The folder that gets one for each server.")
@click.option("--place", metavar="DIR", default="/etc/etcd", show_default=True, help="Where they will be copied to.")
@click.option(
    "--data", metavar="DIR", default="/var/lib/etcd/default", show_default=True, help="Where etcd keeps its data."
)
@click.option("--client", "clients", multiple=True, metavar="HOST", help="Renew what a member shows etcd; repeatable.")
@root_option
@click.pass_obj
def certificates_command(root: str | None, /, **given: Any) -> int:
    """Make certificates and settings for the etcd servers of a fleet: a folder for each, to be copied there.

    ADDRESS is an IP address or a name, and may have ports: ADDRESS:CLIENTS:PEERS. The authority's key stays in
    /home/e-smith/fleet on this server, which is to be the fleet's first. Run again, it makes new certificates of the
    same authority.

    \b
    Examples:
      esmith fleet certificates --out /root/etcd mail1=10.0.0.1 mail2=10.0.0.2 mail3=10.0.0.3
      esmith fleet certificates --out /root/renewed --client mail2
    """
    from esmith.fleet.admin.authority import write_members, write_servers
    from esmith.fleet.admin.etcd_servers import servers_of

    layout = Layout.chosen(root)
    words, clients, folder = given["servers"], given["clients"], given["folder"]
    if bool(words) == bool(clients):
        raise UsageError("name the servers of etcd, or members with --client", hint="as here: mail1=10.0.0.1")
    if clients:
        written = write_members(layout, clients, folder)
        print_report(f"{one.folder}: to /home/e-smith/fleet of {one.name}, mode 0600" for one in written)
        print_report(["then restart there what uses it: esmith control esmith-fleet restart"], cures=True)
        return 0
    servers = servers_of(words)
    written = write_servers(layout, servers, folder, installed=given["place"], data=given["data"])
    print_report(_copying(written, given["place"]))
    print_report(_next_for_etcd(layout, servers, given["place"], given["data"]), cures=True)
    return 0


@click.command("init")
@click.option("--name", metavar="NAME", required=True, help="The name of the fleet.")
@click.option("--host", metavar="HOST", help="The name of this server in it; default: the setting SystemName.")
@click.option("--endpoints", metavar="URL,...", required=True, help="The addresses of etcd: https://10.0.0.1:2379,...")
@click.option("--groups", metavar="GROUP,...", default="", help="The groups of this server, the nearest first.")
@click.option("--dry-run", is_flag=True, help="Show what would be shared and what stays, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@click.pass_obj
def init_command(root: str | None, /, **given: Any) -> int:
    """Make this server the first one of a fleet: its settings become the fleet's.

    Accounts and rights are made in etcd, and its password checks are switched on. Settings of one machine and secrets
    stay here. Interrupted, it can be run again.

    \b
    Examples:
      esmith fleet init --name office --host mail1 --endpoints https://10.0.0.1:2379,https://10.0.0.2:2379 --dry-run
      esmith fleet init --name office --host mail1 --endpoints https://10.0.0.1:2379,https://10.0.0.2:2379
    """
    from esmith.fleet.admin.first import Plan, init_fleet, sharing_of
    from esmith.fleet.admin.membership import require_no_member
    from esmith.fleet.admin.waking import wake
    from esmith.fleet.names import groups_of

    layout = Layout.chosen(root)
    with closing(open_store(layout, write=not given["dry_run"])) as store:
        with store.snapshot() as snapshot:
            require_no_member(snapshot)
            host = given["host"] or (snapshot.type_of("configuration", "SystemName") or "").lower()
            sharing = sharing_of(layout, snapshot)
        endpoints = [word.strip() for word in given["endpoints"].split(",") if word.strip()]
        plan = Plan(given["name"], host, endpoints, groups_of(given["groups"]))
        plan.require()
        print_report(_sharing_lines(plan, sharing, in_full=given["dry_run"]))
        if given["dry_run"]:
            return 0
        if not may_go_on("Make the fleet?", yes=given["yes"]):
            return ExitCode.FAILED
        init_fleet(layout, store, plan, Author.current(["esmith", "fleet", "init", "--name", plan.fleet]))
    wake(layout)
    print_report([f"{plan.host} is the first server of the fleet {plan.fleet}"])
    print_report(next_steps(layout), cures=True)
    print_report(["to invite another server: esmith fleet invite NAME"], cures=True)
    return 0


def _copying(written: list[Written], place: str) -> Iterator[str]:
    """Yield what to copy where."""
    for one in written:
        if not place:
            yield f"{one.folder}: {', '.join(one.files)}"
            continue
        keys = " ".join(name for name in one.files if name != SETTINGS)
        yield f"{one.folder}, on {one.name}:"
        yield f"    {keys} to {shell_word(place)}: owner etcd, mode 0600"
        yield f"    {SETTINGS} to /etc/default/etcd"


def _next_for_etcd(layout: Layout, servers: list[EtcdServer], place: str, data: str) -> Iterator[str]:
    """Yield what to do when all is copied: a fleet that is there goes on, and a new one wants a new etcd."""
    from esmith.fleet.admin.etcd_servers import NAME
    from esmith.fleet.place import FIRST_ROW, FleetFiles

    if FleetFiles(layout).has(FIRST_ROW):
        yield "then on one server after the other, each when the one before it is healthy again:"
        yield "    systemctl restart etcd"
        return
    names = ", ".join(server.name for server in servers)
    if place:
        yield f"then start etcd on {names}, where {data.replace(NAME, 'NAME')} has to be empty or missing:"
        yield "    systemctl enable etcd"
        yield "    systemctl start --no-block etcd"
    else:
        yield f"then start etcd on {names}, each with the settings in its folder"
    yield "when most of them run, here:" if len(servers) > 1 else "when it runs, here:"
    endpoints = ",".join(server.client_url for server in servers)
    yield f"    esmith fleet init --name NAME --endpoints {shell_word(endpoints)}"


def _sharing_lines(plan: Plan, sharing: Sharing, *, in_full: bool) -> Iterator[str]:
    """Yield what is shared and what stays; values are not shown, since whoever wants them has them."""
    yield f"{plan.host} becomes the first server of the fleet {plan.fleet}, in " + (
        f"the groups {', '.join(plan.groups)}" if plan.groups else "no group"
    )
    for title, cells in (
        ("shared by all servers from now on", [change[1:4] for change in sharing.shared]),
        ("only of this server, as before", sharing.own),
    ):
        records: dict[str, dict[str, list[str]]] = {}
        for database, key, prop in cells:
            records.setdefault(database, {}).setdefault(key, []).append(prop)
        yield f"{title}: {counted(len(cells), 'setting')}"
        for database, keys in records.items():
            yield f"  {database}: {counted(len(keys), 'record')}"
            if in_full:
                for key, props in keys.items():
                    named = [prop for prop in props if prop]
                    yield f"    {key}: {', '.join(named)}" if named else f"    {key}"
