"""``esmith services``: what each service should be doing, what it does, and what it is owed."""

from __future__ import annotations

import os
from typing import Any

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, shown_time
from esmith.cli.program import root_option
from esmith.errors import EsmithError, UntrustedError
from esmith.events.owed import list_owed
from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.services.find import find_supervisor
from esmith.store import open_store
from esmith.store.model import Record
from esmith.store.protocol import Snapshot


@click.command("services")
@click.option("--all", "with_all", is_flag=True, help="Also those that no supervisor knows.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def services_command(root: str | None, with_all: bool, as_json: bool) -> int:
    """Show what each service should be doing, what it does, and what it is still owed."""
    layout = Layout.chosen(root)
    with open_store(layout).snapshot() as snapshot:
        found = services_data(layout, snapshot, with_all=with_all)
    if as_json:
        print_lines([json_text(found)])
    else:
        print_report(services_lines(found) or ["none is supervised under this root"])
    return 0


def services_data(layout: Layout, snapshot: Snapshot, *, with_all: bool = False) -> dict[str, dict[str, Any]]:
    """Return the services of the configuration database that a supervisor knows or that are owed something.

    :param with_all: also the others.
    """
    owed = list_owed(snapshot)
    found: dict[str, dict[str, Any]] = {}
    for name, record in _records(layout, snapshot).items():
        wanted = "up" if record.props.get("status") == "enabled" else "down"
        data: dict[str, Any] = {"wanted": wanted, "state": _state(layout, name)}
        if name in owed:
            due = owed[name]
            data["owed"] = {"words": due.words, "since": shown_time(due.since), "command": due.why}
        if data["state"] or "owed" in data or with_all:
            found[name] = data
    return found


def services_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the lines that show services to people."""
    lines = []
    for name, data in found.items():
        lines.append(f"service {name}: wanted {data['wanted']}, is {data['state'] or 'not supervised'}")
        if "owed" in data:
            due = data["owed"]
            lines.append(f"  owed since {due['since']}: {' '.join(due['words'])} (by {due['command']})")
    return lines


def _records(layout: Layout, snapshot: Snapshot) -> dict[str, Record]:
    """Return the services that have a record, each with it, sorted."""
    found = {record.key: record for record in snapshot.records("configuration", "service")}
    services = Services(layout)
    for name in services.names():
        record = snapshot.record("configuration", services.of(name).record)
        if record is not None:
            found[name] = record
    return {name: found[name] for name in sorted(found, key=os.fsencode)}


def _state(layout: Layout, service: str) -> str:
    try:
        supervisor = find_supervisor(layout, service)
        return str(supervisor.status(service)) if supervisor else ""
    except UntrustedError as error:
        return f"not looked at: {error.place} {error.message}"
    except EsmithError as error:
        return error.message
