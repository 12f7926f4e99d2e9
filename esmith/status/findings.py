"""The findings: what is pending or wrong, a line each, with the command that cures it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from esmith.events.outstanding import EVERYTHING
from esmith.names import counted, shorten
from esmith.printable import shell_word
from esmith.status.fleet import fleet_findings

#: What most findings of one kind are named for; more would hide the other kinds.
_NAMED = 3
#: How many files that were edited, or could not be made, have lines of their own.
_LINES = 10

Finding = dict[str, str]
#: The kinds that are something wrong; the others only wait for somebody.
BAD = ("untrusted", "damaged", "interrupted", "broken", "refused", "service", "left", "stale", "fleet")


def findings_of(data: dict[str, Any]) -> list[Finding]:
    """Return what an administrator has to know, the most urgent first.

    :param data: what :func:`esmith.status.root.status_data` returned.
    :return: each with its ``kind``, a ``message``, and the ``command`` that cures it or shows more; "" for none.
    """
    found = list(_untrusted(data["untrusted"]))
    if "revision" in data:
        found += [
            *_of_events(data),
            *_of_services(data["services"]),
            *_of_files(data),
            *_of_unwritten((data["outstanding"] or {}).get("unwritten", [])),
            *_of_accounts((data["outstanding"] or {}).get("accounts", [])),
            *_of_settings(data["outstanding"]),
            *_of_others(data),
            *(_finding(*one) for one in fleet_findings(data.get("fleet"))),
        ]
    return found


def _finding(kind: str, message: str, command: str = "") -> Finding:
    return {"kind": kind, "message": message, "command": command}


def _untrusted(faults: list[dict[str, str]]) -> Iterator[Finding]:
    for fault in faults[:_LINES]:
        yield _finding("untrusted", f"{fault['path']} {fault['reason']}", fault["cure"])
    if len(faults) > _LINES:
        yield _finding("untrusted", counted(len(faults) - _LINES, "other file"), "esmith status -v")


def _of_events(data: dict[str, Any]) -> Iterator[Finding]:
    if data["damaged"]:
        rows = counted(len(data["damaged"]), "row")
        yield _finding("damaged", f"{rows} of the databases: {data['damaged'][0]['meaning']}", "esmith recover")
    for install in data["interrupted"]:
        files = counted(len(install["files"]), "file")
        what = install["given_up"] or f"to restore the old content of {files}"
        yield _finding("interrupted", f"{install['command']} at {install['time']}, {what}", "esmith recover")
    if data["pending"]:
        pending = data["pending"]
        message = f"{pending['command']} is rolled back at {pending['deadline']} unless you run"
        yield _finding("confirm", message, "esmith confirm")
    if data["running"]:
        yield _finding("running", f"{data['running']}; what would change is not looked at meanwhile")
    for action, stale in data["stale"].items():
        reason = f", because {action} {stale['reason']}" if stale["reason"] else ""
        yield _finding("stale", f"{', '.join(stale['makes'])} since {stale['command']}{reason}", "esmith recover")


def _of_services(services: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    waiting = [name for name, one in services.items() if "pending" in one]
    if waiting:
        actions = ", ".join(f"{name} {' '.join(services[name]['pending']['actions']) or 'stop'}" for name in waiting)
        yield _finding("pending", f"service actions: {shorten(actions, 200)}", "esmith recover")
    for name, one in services.items():
        trouble = _trouble(one)
        if trouble:
            yield _finding("service", f"{name} {trouble}", "esmith services")


def _trouble(one: dict[str, Any]) -> str:
    """Return what is wrong with a service; "" for nothing."""
    if one.get("rivals"):
        return str(one["rivals"][0])
    if one.get("holders"):
        return str(one["holders"][0]["found"])
    if "missing" in one:
        return f"needs {one['missing']['program']}, which is not installed: {one['missing']['without']}"
    if "not_started" in one:
        return f"is started by nothing: {one['not_started']['without']}"
    if one.get("useless"):
        return f"is of no use: {one['useless'][0]['means']}"
    state = str(one["state"])
    if one["wanted"] == "up" and state.startswith("down"):
        return f"should be up, and is {state}"
    if one["wanted"] == "down" and state.startswith("up"):
        return f"should be down, and is {state}"
    return state if state.startswith("not looked at") else ""


def _of_files(data: dict[str, Any]) -> Iterator[Finding]:
    outstanding = data["outstanding"] or {}
    for verdict in [*(data["refused"] or []), *outstanding.get("refused", [])]:
        yield _finding(
            "refused", f"{verdict['path']} by {verdict['by']}: {verdict['reason']}", "esmith status -v --check"
        )
    for one in outstanding.get("refused_before", []):
        yield _finding(
            "refused",
            f"{one['command']} at {one['time']}, because of {one['path']}: {one['reason']}",
            "esmith status -v --check",
        )
    broken = outstanding.get("broken", [])
    for fault in broken[:_LINES]:
        names = ": ".join(name for name in (fault["of"], fault["place"], fault["reason"]) if name)
        yield _finding("broken", f"{names}; an event with it ends there" if fault["stops"] else names)
    known = {fault["of"] for fault in broken}
    left = data["files"]["left"] | outstanding.get("left", {})
    yield from _limited(
        "left", {path: reason for path, reason in left.items() if path not in known}, "esmith status -v"
    )
    for path, what in list(data["files"]["differing"].items())[:_LINES]:
        yield _finding(
            "file",
            f"{path}: {what}; an event makes it again, as this shows",
            f"expand-template --dry-run --diff {shell_word(path)}",
        )
    more = len(data["files"]["differing"]) - _LINES
    if more > 0:
        yield _finding("file", f"{counted(more, 'other file')} edited or removed", "esmith status -v")


def _limited(kind: str, reasons: dict[str, str], command: str) -> Iterator[Finding]:
    for path, reason in list(reasons.items())[:_LINES]:
        yield _finding(kind, f"{path}: {reason}", command)
    if len(reasons) > _LINES:
        yield _finding(kind, counted(len(reasons) - _LINES, "other file"), command)


def _of_unwritten(cells: list[list[str]]) -> Iterator[Finding]:
    if not cells:
        return
    # What a record that is made gets with it is nothing apart.
    made = [cell[:2] for cell in cells if not cell[2]]
    names = _named([" ".join(filter(None, cell)) for cell in cells if not cell[2] or cell[:2] not in made])
    settings = counted(len(cells), "setting")
    yield _finding(
        "defaults",
        f"{settings} still to be written by defaults or migrations ({names})",
        f"signal-event {EVERYTHING}",
    )


def _of_accounts(accounts: list[dict[str, Any]]) -> Iterator[Finding]:
    for one in accounts:
        is_user, names = one["type"] == "user", one["names"]
        what = "unix account" if is_user else "unix group"
        if len(names) == 1:
            message = f"{one['type']} {names[0]} has no {what}" + (", so it gets no mail" if is_user else "")
        else:
            message = f"{counted(len(names), one['type'])} with no {what} ({_named(names)})"
            message += ", so they get no mail" if is_user else ""
        yield _finding("account", message, one["command"])


def _of_settings(outstanding: dict[str, Any] | None) -> Iterator[Finding]:
    for group in (outstanding or {}).get("waiting", []):
        command = group["command"]
        if group["files"]:
            names = _named([" ".join(part for part in cell if part) for cell in group["settings"]])
            files = counted(len(group["files"]), "file")
            yield _finding("settings", f"{names} would change {files} ({_named(group['files'])})", command)
        for kind, what in (("other_files", "would change"), ("new_files", "not made yet")):
            if group[kind]:
                because = ", because of fragments, programs, accounts or modes" if kind == "other_files" else ""
                files = counted(len(group[kind]), "file")
                yield _finding("files", f"{files} {what} ({_named(group[kind])}){because}", command)


def _named(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _of_others(data: dict[str, Any]) -> Iterator[Finding]:
    for one in data["overrides"][:_LINES]:
        yield _finding(
            "override",
            f"{one['path']} is outdated: {one['reason']}",
            f"esmith overrides diff {shell_word(one['path'])} --shipped-change",
        )
    more = len(data["overrides"]) - _LINES
    if more > 0:
        yield _finding("override", f"{counted(more, 'other file')} outdated", "esmith overrides --outdated")
    for one in data["foreign"]:
        yield _finding("machine", f"{one['place']}: {one['message']}", one["cure"])
    certificate, logs = data["certificate"], data["logs"]
    if certificate:
        yield _finding("certificate", f"{certificate['path']}: {certificate['trouble']}", "esmith status -v")
    if logs:
        yield _finding("logs", logs["trouble"], logs["commands"][0])
