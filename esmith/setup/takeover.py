"""Stopping and masking Debian's own units that want what our services have, and giving them back.

What is done is written down first (:data:`RECORD`): the links that enabled each unit and whether it was up. A command
that is killed is run again; giving back restores what is written down.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from esmith.errors import InstallError, ServiceError
from esmith.layout import Layout
from esmith.plan.host import Host
from esmith.printable import shell_word
from esmith.services.definition import Services
from esmith.services.find import find_supervisor
from esmith.services.program import run_program
from esmith.services.rivals import MASK, enabling, is_installed, is_masked, script_of, startable
from esmith.services.service import Service
from esmith.services.units import UNITS, active_units, reload_units, start_unit, stop_unit, systemd_runs
from esmith.setup.product_files import content_of, is_generated, write_file, write_link

#: What was taken over, as JSON: each unit with its links (path and what it holds), whether it was up, and our service.
RECORD = "/var/lib/e-smith/taken-over"
_SECONDS = 60.0


def take_over(layout: Layout, host: Host, units: Mapping[str, Service], shadowed: frozenset[str]) -> list[str]:
    """Stop and mask units of Debian.

    :param units: the units, each with our service that replaces it.
    :param shadowed: those that get a file of ours under the same name: they are stopped, and not masked.
    :return: a line for each.
    :raises InstallError: when something cannot be written.
    :raises ServiceError: when one of them does not stop; it is enabled no more, and running this again goes on.
    """
    record = _read(layout)
    todo = _not_taken(layout, units)
    active = set(active_units(layout, list(todo)))
    lines = []
    for unit, service in todo.items():
        links = {link: os.readlink(layout.under(link)) for link in enabling(layout, unit)}
        up = unit in active or _script_runs(layout, unit, service)
        known = record.setdefault(unit, {"links": {}, "up": False, "service": service.name})
        known["links"] |= links
        known["up"] = known["up"] or up
        write_file(host, layout.under(RECORD), _text(record), 0o644)
        _disable(layout, host, unit, list(links), mask=unit not in shadowed)
        if up:
            _stop(layout, unit)
        lines.append(f"{unit} of Debian is {'stopped and ' if up else ''}not started any more: {service.name} is")
    if todo:
        reload_units(layout)
    return lines


def shadow(layout: Layout, host: Host, units: Mapping[str, Service]) -> list[str]:
    """Write down how units of Debian are enabled that get a file of ours under the same name, and leave them running.

    :param units: the units, each with our service that replaces it.
    :return: a note for each that runs.
    :raises InstallError: when something cannot be written.
    """
    record = _read(layout)
    todo = _not_taken(layout, units)
    active = active_units(layout, list(todo))
    for unit, service in todo.items():
        links = {link: os.readlink(layout.under(link)) for link in enabling(layout, unit)}
        if links or unit in active:
            record[unit] = {"links": links, "up": unit in active, "service": service.name}
            write_file(host, layout.under(RECORD), _text(record), 0o644)
            _disable(layout, host, unit, list(links), mask=False)
    return [
        f"{unit} runs as Debian's unit started it; to have it started on our files: "
        f"systemctl restart {shell_word(unit)}"
        for unit in active
    ]


def _not_taken(layout: Layout, units: Mapping[str, Service]) -> dict[str, Service]:
    """Return the units that are installed, and neither ours nor masked."""
    return {unit: units[unit] for unit in startable(layout, units)}


def give_back(layout: Layout, host: Host) -> list[str]:
    """Restore the units that were taken over: as enabled as they were, and up where they were.

    Our own services have to be stopped before.

    :return: a line for each.
    :raises InstallError: when something cannot be written.
    """
    record = _read(layout)
    lines = []
    for unit in list(record):
        known = record[unit]
        mask = layout.under(f"{UNITS}/{unit}")
        if is_masked(layout, unit):
            host.remove(mask)
            host.sync({os.path.dirname(mask)})
        for link, points_to in known["links"].items():
            place = layout.under(link)
            if not os.path.lexists(place):
                write_link(host, place, points_to)
    if record:
        reload_units(layout)
    for unit in list(record):
        known = record[unit]
        lines.append(f"{unit} of Debian is given back")
        if known["up"] and is_installed(layout, unit):
            try:
                _start(layout, unit)
                lines[-1] += ", and up"
            except ServiceError as error:
                # It starts at boot as before, and the others do not wait for it.
                lines[-1] += f", but does not start: {error.message}"
                # As Postfix, whose log systemd has in another place.
                if ours := _generated_files(layout, known["service"]):
                    lines[-1] += (
                        f"\n  it reads {', '.join(ours)}, which e-smith wrote; to take that away, too: esmith remove"
                    )
        del record[unit]
        write_file(host, layout.under(RECORD), _text(record), 0o644)
    return lines


def _generated_files(layout: Layout, name: str) -> list[str]:
    """Return the files that our service of a name reads, and Debian's of the same name, which are generated."""
    files = Services(layout).of(name).files
    return [path for path in files if is_generated(content_of(layout.under(path)) or b"")]


def _disable(layout: Layout, host: Host, unit: str, links: list[str], *, mask: bool) -> None:
    for link in links:
        host.remove(layout.under(link))
        host.sync({os.path.dirname(layout.under(link))})
    place = layout.under(f"{UNITS}/{unit}")
    # A file there is the administrator's own unit, which systemctl does not mask either; it is enabled no more.
    if mask and not os.path.lexists(place):
        write_link(host, place, MASK)


def _script_runs(layout: Layout, unit: str, service: Service) -> bool:
    """Return whether a script in ``/etc/init.d`` says that its daemon runs, which is not our own service."""
    script = script_of(layout, unit)
    if script is None or not layout.is_machine or systemd_runs(layout):
        return False
    supervisor = find_supervisor(layout, service.name)
    if supervisor is not None and supervisor.status(service.name).running:
        return False
    code, printed = run_program([script, "status"], package="", timeout=_SECONDS, place=unit)
    # One that its own settings switch off, as Debian's of qpsmtpd, exits with 0 at once and prints nothing.
    return code == 0 and bool(printed)


def _stop(layout: Layout, unit: str) -> None:
    if systemd_runs(layout):
        stop_unit(layout, unit)
    elif script := script_of(layout, unit):
        run_program([script, "stop"], package="", timeout=_SECONDS, place=unit)


def _start(layout: Layout, unit: str) -> None:
    if systemd_runs(layout):
        start_unit(layout, unit)
    elif layout.is_machine and (script := script_of(layout, unit)):
        run_program([script, "start"], package="", timeout=_SECONDS, place=unit)


def _read(layout: Layout) -> dict[str, dict[str, Any]]:
    path = layout.under(RECORD)
    content = content_of(path)
    try:
        found: dict[str, dict[str, Any]] = json.loads(content) if content else {}
    except ValueError as error:
        raise InstallError(f"is damaged: {error}", place=path, hint=f"remove it: rm {shell_word(path)}") from error
    return found


def _text(record: dict[str, dict[str, Any]]) -> bytes:
    return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
