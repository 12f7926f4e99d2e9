"""What an administrator has to know of a root: the findings, the databases, the files and the services."""

from __future__ import annotations

import os
from contextlib import closing
from typing import Any

from esmith.apply.drift import count_installed, find_drift
from esmith.apply.generations import Generation
from esmith.apply.left import Left, list_left
from esmith.apply.restore import why_given_up
from esmith.checks.installed import check_installed
from esmith.errors import EsmithError
from esmith.events.confirm import find_unconfirmed
from esmith.events.damage import Damaged, find_damaged
from esmith.events.derived import Stale, list_stale
from esmith.events.outstanding import Outstanding, Waiting, find_outstanding
from esmith.events.recover import find_interrupted
from esmith.events.trusted import all_faults, services_of
from esmith.layout import LAYERS, Layout
from esmith.overrides import find
from esmith.overrides.model import OUTDATED
from esmith.plan.verdict import Outcome
from esmith.printable import shown_time
from esmith.schema.foreign import foreign_settings
from esmith.services.certificate import find_ending
from esmith.services.units import trouble_of_logs
from esmith.status.findings import findings_of
from esmith.status.fleet import fleet_data
from esmith.status.services import services_data
from esmith.status.verdicts import verdict_data
from esmith.store import open_store, store_files
from esmith.store.memory import Remembered
from esmith.store.protocol import Snapshot, Store


def status_data(layout: Layout, *, with_checks: bool = False) -> dict[str, Any]:
    """Return what ``esmith status --json`` prints; nothing is changed.

    When the files of the databases may be written by others, they are not opened, and there are only ``root``,
    ``untrusted`` and ``findings``.

    :param with_checks: whether all files are checked, those that would change as well; "refused" is None without.
    """
    data: dict[str, Any] = {"root": layout.root}
    faults = list(all_faults(layout))
    if not any(True for path in store_files(layout) for _ in layout.trust.faults(path)):
        with closing(open_store(layout, verify=True)) as store:
            with store.snapshot() as snapshot:
                faults = list(all_faults(layout, services_of(layout, snapshot)))
            data |= _data(layout, store)
            # What is in other hands is not run, and an event that runs now makes files just then.
            looks = not faults and data["running"] is None
            data["outstanding"] = _outstanding(layout, store, with_checks=with_checks) if looks else None
            data["refused"] = _refused(layout, store) if with_checks and not faults else None
    data["untrusted"] = [{"path": fault.place, "reason": fault.message, "cure": fault.hint} for fault in faults]
    data["findings"] = findings_of(data)
    return data


def _data(layout: Layout, store: Store) -> dict[str, Any]:
    running, interrupted = find_interrupted(layout, store)
    with store.snapshot() as snapshot:
        # Under a folder the settings may well be those of a machine that is yet to be.
        foreign = foreign_settings(Remembered(snapshot)) if layout.is_machine else []
        fleet = fleet_data(layout, snapshot)
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
            "overrides": _overrides(layout, snapshot),
        } | ({"fleet": fleet} if fleet is not None else {})


def _outstanding(layout: Layout, store: Store, *, with_checks: bool) -> dict[str, Any]:
    try:
        found = find_outstanding(layout, store, checks=with_checks)
    except EsmithError as error:
        # A broken schema file, say, of which nobody knows what is secret: a finding among the others.
        return _outstanding_data(Outstanding()) | {"broken": [_broken("", error, stops=True)]}
    return _outstanding_data(found)


def _outstanding_data(found: Outstanding) -> dict[str, Any]:
    return {
        "waiting": [_waiting(group) for group in found.waiting],
        "services": found.services,
        "left": found.left,
        "broken": [_broken(fault.subject, fault.error, stops=fault.stops) for fault in found.faults],
        "refused": [verdict_data(verdict) for verdict in found.refused],
        "refused_before": [
            {"path": path, "command": one.command, "time": shown_time(one.since), "by": one.by, "reason": one.reason}
            for path, one in found.earlier.items()
        ],
        "unwritten": [list(change.cell) for change in found.unwritten],
        "accounts": [{"type": one.type, "names": one.names, "command": one.command} for one in found.missing],
    }


def _broken(subject: str, error: EsmithError, *, stops: bool) -> dict[str, Any]:
    return {"of": subject, "place": error.place, "reason": error.message, "stops": stops}


def _waiting(group: Waiting) -> dict[str, Any]:
    return {
        "event": group.event,
        "settings": [list(cell) for cell in group.settings],
        "files": [file.path for file in group.by_settings],
        "other_files": [file.path for file in group.otherwise],
        "new_files": [file.path for file in group.never_made],
        "command": group.command,
    }


def _refused(layout: Layout, store: Store) -> list[dict[str, Any]]:
    """Return the verdicts about installed files that are refused."""
    try:
        with store.snapshot() as snapshot:
            verdicts = check_installed(layout, snapshot)
    except EsmithError:
        # Metadata that are broken: what would change says so.
        return []
    return [verdict_data(verdict) for verdict in verdicts if verdict.outcome is Outcome.REFUSED]


def _overrides(layout: Layout, snapshot: Snapshot) -> list[dict[str, str]]:
    """Return the overrides of which the shipped text changed since they were made."""
    try:
        found = find(layout, snapshot)
    except EsmithError:
        # What is wrong there is shown as what is not trusted, or as what is broken.
        return []
    return [{"path": one.path, "reason": one.reason} for one in found if one.state == OUTDATED]


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
