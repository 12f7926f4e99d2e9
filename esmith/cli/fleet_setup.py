"""``esmith fleet certificates`` and ``init``: what etcd needs, and the first server of a fleet (docs/fleet.md)."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.program import root_option
from esmith.errors import UsageError


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
    raise UsageError("not there yet")


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
    raise UsageError("not there yet")
