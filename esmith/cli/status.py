"""``esmith status``: the databases, the generated files and the services at a glance."""

from __future__ import annotations

import json
from typing import Any

import click

from esmith.apply.drift import count_installed, find_drift
from esmith.cli.output import print_lines
from esmith.cli.program import root_option
from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.services.find import find_supervisor
from esmith.store import open_store
from esmith.store.protocol import Snapshot


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def status_command(root: str | None, as_json: bool) -> int:
    """Show the databases, generated files that were edited by hand, and the services."""
    layout = Layout.chosen(root)
    with open_store(layout).snapshot() as snapshot:
        data = {
            "root": layout.root,
            "revision": snapshot.revision(),
            "databases": {name: _database(snapshot, name) for name in snapshot.databases()},
            "files": {"generated": count_installed(snapshot), "differing": find_drift(layout, snapshot)},
            "services": _services(layout, snapshot),
        }
    print_lines([json.dumps(data, ensure_ascii=False)] if as_json else _lines(data))
    return 0


def _database(snapshot: Snapshot, name: str) -> dict[str, int]:
    return {"records": len(snapshot.keys(name)), "revision": snapshot.revision(name)}


def _services(layout: Layout, snapshot: Snapshot) -> dict[str, dict[str, str]]:
    found = {}
    for record in snapshot.records("configuration", "service"):
        try:
            supervisor = find_supervisor(layout, record.key)
            state = str(supervisor.status(record.key)) if supervisor else ""
        except EsmithError as error:
            state = error.message
        if state:
            wanted = "up" if record.props.get("status") == "enabled" else "down"
            found[record.key] = {"wanted": wanted, "state": state}
    return found


def _lines(data: dict[str, Any]) -> list[str]:
    lines = [f"root {data['root']}, revision {data['revision']}"]
    for name, database in data["databases"].items():
        lines.append(f"database {name}: {database['records']} records, last changed in revision {database['revision']}")
    lines.append(f"files: {data['files']['generated']} generated")
    lines += [f"  {path}: {what}" for path, what in data["files"]["differing"].items()]
    if not data["services"]:
        lines.append("services: none is supervised under this root")
    lines += [f"service {name}: wanted {now['wanted']}, is {now['state']}" for name, now in data["services"].items()]
    return lines
