"""``esmith status``: the databases, the generated files and the services at a glance."""

from __future__ import annotations

import os
from typing import Any

import click

from esmith.apply.drift import count_installed, find_drift
from esmith.apply.generations import Generation
from esmith.apply.left import Left, list_left
from esmith.apply.restore import why_given_up
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, shown_time
from esmith.cli.program import root_option
from esmith.cli.services import cure_lines, services_data, services_lines
from esmith.errors import ExitCode
from esmith.events.confirm import find_unconfirmed
from esmith.events.damage import Damaged, find_damaged
from esmith.events.derived import Stale, list_stale
from esmith.events.recover import find_interrupted
from esmith.events.trusted import all_faults, services_of
from esmith.layout import LAYERS, Layout
from esmith.names import counted
from esmith.schema.foreign import foreign_settings
from esmith.services.certificate import find_ending
from esmith.services.units import trouble_of_logs
from esmith.store import open_store, store_files
from esmith.store.memory import Remembered
from esmith.store.protocol import Snapshot, Store

#: Of a directory that was copied with its foreign owners every file is one.
_SHOWN_FAULTS = 50


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def status_command(root: str | None, as_json: bool) -> int:
    """Verify the data file; show the databases, files that were edited by hand, services, and what was interrupted.

    Shows also what belongs to others or may be written by them, so that no command reads or runs it; the exit code is
    12 then.
    """
    layout = Layout.chosen(root)
    data: dict[str, Any] = {"root": layout.root}
    faults = list(all_faults(layout))
    if not any(True for path in store_files(layout) for _ in layout.trust.faults(path)):
        store = open_store(layout, verify=True)
        with store.snapshot() as snapshot:
            faults = list(all_faults(layout, services_of(layout, snapshot)))
        data |= _data(layout, store)
    data["untrusted"] = [{"path": fault.place, "reason": fault.message, "cure": fault.hint} for fault in faults]
    if as_json:
        print_lines([json_text(data)])
    else:
        print_report(_lines(data), cures=True)
    return ExitCode.UNTRUSTED if faults else ExitCode.OK


def _data(layout: Layout, store: Store) -> dict[str, Any]:
    running, interrupted = find_interrupted(layout, store)
    with store.snapshot() as snapshot:
        # Under a folder the settings may well be those of a machine that is yet to be.
        foreign = foreign_settings(Remembered(snapshot)) if layout.is_machine else []
        return {
            "foreign": [{"place": one.place, "message": one.message, "cure": one.cure} for one in foreign],
            "revision": snapshot.revision(),
            "databases": {name: _database(snapshot, name) for name in snapshot.databases()},
            "files": {
                "generated": count_installed(snapshot),
                "differing": {path: str(drift) for path, drift in find_drift(layout, snapshot).items()},
                "left": {path: one.reason for path, one in list_left(snapshot).items() if _has_template(layout, one)},
            },
            "services": services_data(layout, snapshot),
            "certificate": _certificate(layout),
            "logs": _logs(layout),
            "stale": {action: _stale(stale) for action, stale in list_stale(snapshot).items()},
            "pending": _unconfirmed(snapshot),
            "running": running,
            "interrupted": [_install(generation, layout) for generation in interrupted],
            "damaged": [_damaged(row) for row in find_damaged(snapshot)],
        }


def _has_template(layout: Layout, left: Left) -> bool:
    """Return whether a file that was left is still to be made."""
    return any(os.path.exists(layout.layer(name) + left.template) for name in LAYERS)


def _database(snapshot: Snapshot, name: str) -> dict[str, int]:
    return {"records": len(snapshot.keys(name)), "revision": snapshot.revision(name)}


def _unconfirmed(snapshot: Snapshot) -> dict[str, str] | None:
    change = find_unconfirmed(snapshot)
    if change is None:
        return None
    return {"command": change.what, "deadline": shown_time(change.deadline)}


def _certificate(layout: Layout) -> dict[str, Any] | None:
    found = find_ending(layout)
    return None if found is None else {"path": found.path, "trouble": found.trouble, "commands": list(found.cure)}


def _logs(layout: Layout) -> dict[str, Any] | None:
    trouble, command = trouble_of_logs(layout)
    return {"trouble": trouble, "commands": [command]} if trouble else None


def _logs_lines(found: dict[str, Any]) -> list[str]:
    return [f"logs: {found['trouble']}", *cure_lines("see why", found["commands"])]


def _certificate_lines(found: dict[str, Any]) -> list[str]:
    lines = [f"certificate {found['path']}: {found['trouble']}"]
    if not found["commands"]:
        return [*lines, "  renew it as you got it; then: signal-event ssl-update"]
    return [*lines, *cure_lines("make a new one", found["commands"])]


def _stale(stale: Stale) -> dict[str, Any]:
    return {"makes": stale.makes, "command": stale.why, "since": shown_time(stale.since), "reason": stale.reason}


def _install(generation: Generation, layout: Layout) -> dict[str, Any]:
    return {
        "command": generation.what,
        "time": shown_time(generation.time),
        "files": [before.path for before in generation.before],
        "given_up": why_given_up(generation, layout, layout.disk()),
    }


def _damaged(row: Damaged) -> dict[str, str]:
    return {"table": row.table, "row": row.name, "meaning": row.meaning}


def _lines(data: dict[str, Any]) -> list[str]:
    if "revision" in data:
        lines = _state_lines(data)
    else:
        lines = [f"root {data['root']}", "the databases are not opened, for the reasons below"]
    if data["untrusted"]:
        lines.append("not used until it is corrected (look at the content first):")
    for fault in data["untrusted"][:_SHOWN_FAULTS]:
        lines += [f"  {fault['path']}: {fault['reason']}", f"    {fault['cure']}"]
    more = len(data["untrusted"]) - _SHOWN_FAULTS
    return [*lines, f"  ... and {more} more (--json shows all)"] if more > 0 else lines


def _state_lines(data: dict[str, Any]) -> list[str]:
    lines = [f"root {data['root']}, revision {data['revision']}"]
    for name, database in data["databases"].items():
        changed = f"last changed in revision {database['revision']}" if database["revision"] else "never changed"
        lines.append(f"database {name}: {counted(database['records'], 'record')}, {changed}")
    lines.append(f"files: {data['files']['generated']} generated")
    lines += [f"  {path}: {what}" for path, what in data["files"]["differing"].items()]
    lines += [f"  {path}: {reason}" for path, reason in data["files"]["left"].items()]
    for action, stale in data["stale"].items():
        reason = f", because {action} {stale['reason']}" if stale["reason"] else ""
        lines.append(
            f"stale since {stale['command']}: {', '.join(stale['makes'])}{reason}; make it with: esmith recover"
        )
    for one in data["foreign"]:
        lines.append(f"not right for this machine: {one['place']}: {one['message']}: {one['cure']}")
    if not data["services"]:
        lines.append("services: none is supervised under this root")
    lines += services_lines(data["services"])
    lines += _certificate_lines(data["certificate"]) if data["certificate"] else []
    lines += _logs_lines(data["logs"]) if data["logs"] else []
    if data["running"]:
        lines.append(f"running now: {data['running']}")
    for install in data["interrupted"]:
        files = counted(len(install["files"]), "file")
        if install["given_up"]:
            lines.append(f"{install['command']} is recorded as interrupted, but {install['given_up']}: esmith recover")
        else:
            lines.append(f"{install['command']} was interrupted; to restore the old content of {files}: esmith recover")
    for row in data["damaged"]:
        lines.append(f"a row of the table {row['table']} is damaged ({row['row']}): {row['meaning']}")
    if data["damaged"]:
        lines.append("the next event, or 'esmith recover', sets the damaged rows aside")
    if data["pending"]:
        pending = data["pending"]
        lines.append(f"{pending['command']} is rolled back at {pending['deadline']} unless you run: esmith confirm")
    return lines
