"""What a stamp holds about the services of an event: where they are, and the states in which there is nothing to do."""

from __future__ import annotations

import os

from esmith.events.stamp import DIRECTORY, FILE, LINK, OWNER, UNIT, state_of
from esmith.services.adjust import plan
from esmith.services.definition import Services
from esmith.services.directory import ServiceDirectory
from esmith.services.find import DECIDING, FOLDERS
from esmith.services.model import Status, SupervisorError
from esmith.services.systemd import states_of_units
from esmith.services.units import SYSTEMD_RUNS, UNITS, systemd_runs
from esmith.services.waiting import is_waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.services.model import ServiceStatus
    from esmith.store.protocol import Snapshot


def add_services(
    session: Session, snapshot: Snapshot, services: Iterable[str], add: Callable[[str, str], object]
) -> list[str]:
    """Add to a stamp what decides on services, and return its lines about units.

    :param services: those of the event.
    :param add: adds what a path of this disk looks like, given the kind of the line.
    :raises ServiceError: when one is not as its status asks, or that cannot be found out.
    """
    layout = session.layout
    definitions = Services(layout)
    units = []
    add(OWNER, SYSTEMD_RUNS)
    for name in sorted(services):
        definition = definitions.of(name)
        record = snapshot.record("configuration", definition.record)
        if record is None:
            continue
        enabled = record.props.get("status") == "enabled"
        supervisor = session.find_supervisor(name)
        if supervisor is not None:
            _require_nothing_to_do(supervisor.status(name), name, enabled=enabled)
        for folder in FOLDERS:
            for kind, path in _of_directory(os.path.join(layout.under(folder), name)):
                add(kind, path)
        if systemd_runs(layout) and (supervisor is None or supervisor.name in ("systemd", "none")):
            units.append(definition.unit)
            for kind, path in _of_links(layout, f"{definition.unit}.service"):
                add(kind, path)
    states = states_of_units(units) if units else {}
    return [f"{UNIT} {state_of(status)} {unit}" for unit, status in states.items()]


def _require_nothing_to_do(status: ServiceStatus, name: str, *, enabled: bool) -> None:
    if status.state is Status.UNSUPERVISED:
        return
    if plan([], status.state, enabled) or is_waiting(status):
        raise SupervisorError("is not as its status asks", place=f"service {name}")


def _of_directory(directory: str) -> Iterator[tuple[str, str]]:
    """Yield what decides on a service directory, each with the kind of its line."""
    yield OWNER, directory
    if os.path.islink(directory):
        yield LINK, directory
    if not os.path.isdir(directory):
        return
    for name in DECIDING:
        # The state is written there at each change; that is asked for in a line of its own.
        if name != "supervise/status":
            yield FILE, f"{directory}/{name}"
    control = f"{directory}/control"
    yield FILE, control
    for name in sorted(os.listdir(control)) if os.path.isdir(control) else ():
        yield FILE, f"{control}/{name}"
    yield OWNER, f"{directory}/supervise"
    if ServiceDirectory(directory).exists:
        yield DIRECTORY, directory


def _of_links(layout: Layout, unit: str) -> Iterator[tuple[str, str]]:
    """Yield what decides whether a unit starts at boot: the links to it (systemctl(1), enable)."""
    units = layout.under(UNITS)
    yield FILE, units
    for name in sorted(os.listdir(units)) if os.path.isdir(units) else ():
        if name.endswith(".wants"):
            yield LINK, f"{units}/{name}/{unit}"
