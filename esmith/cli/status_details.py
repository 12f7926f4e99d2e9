"""What ``esmith status -v`` shows: everything that is known of a root."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from esmith.cli.services import cure_lines, services_lines
from esmith.names import counted

#: Of a directory that was copied with its foreign owners every file is one.
_SHOWN_FAULTS = 50
#: Of an import there may be thousands.
_SHOWN = 20


def detail_lines(data: dict[str, Any]) -> list[str]:
    """Return the lines that show everything to people.

    :param data: what ``--json`` prints.
    """
    if "revision" in data:
        lines = [*_state_lines(data), *_outstanding_lines(data["outstanding"]), *_refused_lines(data)]
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


def _logs_lines(found: dict[str, Any]) -> list[str]:
    return [f"logs: {found['trouble']}", *cure_lines("see why", found["commands"])]


def _certificate_lines(found: dict[str, Any]) -> list[str]:
    lines = [f"certificate {found['path']}: {found['trouble']}"]
    if not found["commands"]:
        return [*lines, "  renew it as you got it; then: signal-event ssl-update"]
    return [*lines, *cure_lines("make a new one", found["commands"])]


def _outstanding_lines(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return ["what events would change was not looked at"]
    lines = []
    for group in found["waiting"]:
        lines.append(f"{group['command']} would change:" if group["command"] else "no event has the templates of:")
        lines += _some(f"  {path}" for path in [*group["files"], *group["other_files"], *group["new_files"]])
        if group["settings"]:
            lines.append("  because of these settings:")
            lines += _some("    " + " ".join(part for part in cell if part) for cell in group["settings"])
    lines += [f"  {path}: {reason}" for path, reason in found["left"].items()]
    lines += [f"{fault['of']}: {fault['place']}: {fault['reason']}" for fault in found["broken"]]
    return lines


def _refused_lines(data: dict[str, Any]) -> list[str]:
    verdicts = [*(data["refused"] or []), *(data["outstanding"] or {}).get("refused", [])]
    return [
        line for one in verdicts for line in (f"{one['path']}: refused by {one['by']}: {one['reason']}", *one["lines"])
    ]


def _some(lines: Iterable[str]) -> list[str]:
    found = list(lines)
    more = len(found) - _SHOWN
    return [*found[:_SHOWN], f"  ... and {more} more (--json shows all)"] if more > 0 else found
