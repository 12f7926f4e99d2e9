"""``esmith services``: what each service should be doing, what it does, and what it is owed."""

from __future__ import annotations

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
    for name, (key, trouble) in sorted(_names(layout, snapshot).items()):
        record = snapshot.record("configuration", key)
        if record is None:
            continue
        wanted = "up" if record.props.get("status") == "enabled" else "down"
        data: dict[str, Any] = {"wanted": wanted, "state": trouble or _state(layout, name)}
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


def _names(layout: Layout, snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    """Return the services, each with the key of its record, and why its definition cannot be read."""
    names = {record.key: (record.key, "") for record in snapshot.records("configuration", "service")}
    try:
        services = Services(layout)
    except EsmithError as error:
        return {name: (name, _trouble(error)) for name in names}
    for name in services.names():
        try:
            names[name] = (services.of(name).record, "")
        except EsmithError as error:
            names[name] = (name, _trouble(error))
    return names


def _trouble(error: EsmithError) -> str:
    return f"not looked at: {error.place} {error.message}"


def _state(layout: Layout, service: str) -> str:
    try:
        supervisor = find_supervisor(layout, service)
        return str(supervisor.status(service)) if supervisor else ""
    except UntrustedError as error:
        return _trouble(error)
    except EsmithError as error:
        return error.message
