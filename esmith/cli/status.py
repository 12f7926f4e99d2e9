"""``esmith status``: the databases, the generated files and the services at a glance."""

from __future__ import annotations

from typing import Any

import click

from esmith.apply.drift import count_installed, find_drift
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, shown_time
from esmith.cli.program import root_option
from esmith.cli.services import services_data, services_lines
from esmith.events.confirm import find_pending
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.protocol import Snapshot


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def status_command(root: str | None, as_json: bool) -> int:
    """Verify the data file; show the databases, generated files that were edited by hand, and the services."""
    layout = Layout.chosen(root)
    with open_store(layout, verify=True).snapshot() as snapshot:
        data = {
            "root": layout.root,
            "revision": snapshot.revision(),
            "databases": {name: _database(snapshot, name) for name in snapshot.databases()},
            "files": {"generated": count_installed(snapshot), "differing": find_drift(layout, snapshot)},
            "services": services_data(layout, snapshot),
            "pending": _pending(snapshot),
        }
    if as_json:
        print_lines([json_text(data)])
    else:
        print_report(_lines(data))
    return 0


def _database(snapshot: Snapshot, name: str) -> dict[str, int]:
    return {"records": len(snapshot.keys(name)), "revision": snapshot.revision(name)}


def _pending(snapshot: Snapshot) -> dict[str, str] | None:
    pending = find_pending(snapshot)
    if pending is None:
        return None
    return {"command": pending.what, "deadline": shown_time(pending.deadline)}


def _lines(data: dict[str, Any]) -> list[str]:
    lines = [f"root {data['root']}, revision {data['revision']}"]
    for name, database in data["databases"].items():
        lines.append(f"database {name}: {database['records']} records, last changed in revision {database['revision']}")
    lines.append(f"files: {data['files']['generated']} generated")
    lines += [f"  {path}: {what}" for path, what in data["files"]["differing"].items()]
    if not data["services"]:
        lines.append("services: none is supervised under this root")
    lines += services_lines(data["services"])
    if data["pending"]:
        pending = data["pending"]
        lines.append(f"{pending['command']} goes back at {pending['deadline']} unless it is confirmed: esmith confirm")
    return lines
