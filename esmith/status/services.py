"""What each service should be doing, what it does, and its pending action."""

from __future__ import annotations

import time
from typing import Any

from esmith.errors import EsmithError, UntrustedError
from esmith.events.pending import PendingAction, list_pending
from esmith.layout import Layout
from esmith.printable import shown_time
from esmith.services.definition import Services
from esmith.services.find import find_supervisor
from esmith.services.holders import find_holders
from esmith.services.model import AT_REST, ServiceStatus, Status
from esmith.services.rivals import find_rivals
from esmith.services.service import SERVICE_DIRECTORIES, Ending, Program, Service
from esmith.services.useful import Asked, Useless, find_useless
from esmith.store.protocol import Snapshot

#: The event that expands what depends on whether a service can run.
EVENT = "signal-event email-update"


def services_data(layout: Layout, snapshot: Snapshot, *, with_all: bool = False) -> dict[str, dict[str, Any]]:
    """Return the services of the configuration database that a supervisor knows, or that have a pending action.

    :param with_all: also the others.
    """
    pending = list_pending(snapshot)
    found: dict[str, dict[str, Any]] = {}
    to_ask: list[Asked] = []
    enabled: list[tuple[Service, int | None]] = []
    definitions = _definitions(layout, snapshot)
    for name, (definition, trouble) in sorted(definitions.items()):
        record = snapshot.record("configuration", definition.record)
        if record is None:
            continue
        wanted = "up" if record.props.get("status") == "enabled" else "down"
        status, supervisor = (trouble, "") if trouble else _status(layout, name)
        data: dict[str, Any] = {"wanted": wanted, "state": str(status)}
        due = _pending(pending.get(name), status, definition.ending)
        if due is not None:
            data["pending"] = due
        others = [one for one, _ in definitions.values() if one.chosen_by and one.chosen_by == definition.chosen_by]
        is_needed = not others or _is_chosen(layout, snapshot, definition, others)
        if wanted == "up" and definition.program.without and is_needed:
            data |= _missing(layout, definition.program, is_started=bool(data["state"]))
        if wanted == "up" and not trouble:
            enabled.append((definition, status.pid if isinstance(status, ServiceStatus) else None))
            # Of several that are installed, where no setting names one, the one that is to run is not known here.
            is_sole = is_needed and not any(one.program.is_installed(layout) for one in others if one.name != name)
            is_named = is_needed and _named(snapshot, definition) == name
            to_ask += _to_ask(definition, status, supervisor) if is_sole or is_named else []
        if data["state"] or with_all or data.keys() & {"pending", "missing", "not_started"}:
            found[name] = data
    for rival in find_rivals(layout, [definition for definition, _ in enabled]):
        named = found.setdefault(rival.service, {"wanted": "up", "state": ""})
        named.setdefault("rivals", []).append(str(rival))
    for holder in find_holders(layout, enabled):
        named = found.setdefault(holder.service, {"wanted": "up", "state": ""})
        named.setdefault("holders", []).append({"found": str(holder), "commands": [holder.cure]})
    for name, useless in find_useless(layout, to_ask).items():
        found.setdefault(name, {"wanted": "up", "state": ""})["useless"] = [_useless(one) for one in useless]
    return dict(sorted(found.items()))


def _to_ask(definition: Service, status: ServiceStatus | str, supervisor: str) -> list[Asked]:
    """Return a service that can be asked whether it is of use: one that runs, or that something else starts."""
    if isinstance(status, ServiceStatus) and status.running:
        return [Asked(definition, status, supervisor)]
    if definition.start == "never":
        return [Asked(definition, ServiceStatus(Status.DOWN), "")]
    return []


def _useless(useless: Useless) -> dict[str, Any]:
    return {
        "question": useless.question,
        "means": useless.means,
        "found": useless.complaint,
        "commands": list(useless.cure),
        "log": list(useless.log),
    }


def _is_chosen(layout: Layout, snapshot: Snapshot, service: Service, same: list[Service]) -> bool:
    """Return whether a service is the one of several that is to run.

    The setting names it. Where it names none, one that is installed is enough; of none, one that Debian has is missed,
    but for a root that is only a folder.

    :param same: all of these services.
    """
    chosen = _named(snapshot, service)
    if chosen:
        return chosen == service.name
    installed = any(one.program.is_installed(layout) for one in same)
    return service.program.is_installed(layout) if installed else layout.is_machine and not service.program.cure


def _named(snapshot: Snapshot, service: Service) -> str:
    """Return which of several services the setting names, "" for none."""
    key, _, name = service.chosen_by.partition(" ")
    record = snapshot.record("configuration", key) if key else None
    return record.props.get(name, "") if record else ""


def _missing(layout: Layout, program: Program, *, is_started: bool) -> dict[str, Any]:
    """Return what keeps a service from running without which something else happens, with the commands that help.

    :param is_started: whether a supervisor knows the service.
    """
    if not program.is_installed(layout):
        package = program.python or program.package
        commands = [*program.install_commands(), EVENT]
        return {
            "missing": {"program": program.name, "package": package, "without": program.without, "commands": commands}
        }
    if not is_started:
        return {"not_started": {"without": program.without, "commands": [SERVICE_DIRECTORIES, EVENT]}}
    return {}


def _definitions(layout: Layout, snapshot: Snapshot) -> dict[str, tuple[Service, str]]:
    """Return the services, and why the definition of one cannot be read."""
    keys = [record.key for record in snapshot.records("configuration", "service")]
    found = {key: (Service(key, key), "") for key in keys}
    try:
        services = Services(layout)
    except EsmithError as error:
        return {key: (Service(key, key), _trouble(error)) for key in keys}
    for name in services.names():
        try:
            found[name] = (services.of(name), "")
        except EsmithError as error:
            found[name] = (Service(name, name), _trouble(error))
    return found


def _trouble(error: EsmithError) -> str:
    return f"not looked at: {error.place} {error.message}"


def _status(layout: Layout, service: str) -> tuple[ServiceStatus | str, str]:
    """Return the state of a service, or why it is not known, and the name of its supervisor; "" for none."""
    try:
        supervisor = find_supervisor(layout, service)
        return (supervisor.status(service), supervisor.name) if supervisor else ("", "")
    except UntrustedError as error:
        return _trouble(error), ""
    except EsmithError as error:
        return error.message, ""


def _pending(due: PendingAction | None, status: ServiceStatus | str, ending: Ending) -> dict[str, Any] | None:
    """Return what is pending, None for nothing: the process that was to end has, and another has read all files."""
    if due is None:
        return None
    data: dict[str, Any] = {"actions": due.actions, "since": shown_time(due.since), "command": due.why}
    if due.ending and isinstance(status, ServiceStatus):
        if due.is_ending(status):
            overdue = time.time() - due.asked > ending.within
            data["ending"] = {"since": shown_time(due.asked), "until": ending.until, "overdue": overdue}
        elif due.has_started(status) or status.state in AT_REST:
            return None
    return data
