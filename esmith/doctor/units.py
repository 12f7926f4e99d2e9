"""What starts services at boot: units of systemd or service directories, as ``esmith init`` wrote them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from esmith.digests import sha256
from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, by_hand, failing, ok, skipped, warning
from esmith.names import counted
from esmith.services.boot import WRITTEN
from esmith.services.find import FOLDERS
from esmith.services.service import Service
from esmith.services.units import MANIFEST, UNITS, own_units
from esmith.setup.product_files import Manifest, content_of
from esmith.setup.supervision import is_started

_DIRECTORIES = "/var/service"
_SYSTEMD = "esmith init --services systemd"
_BOOT = "at the next boot it is not as the settings say"


def check_written(case: Case) -> Iterator[Finding]:
    """Look at the scripts and units that were written: whether they are there, and as they were written."""
    layout = case.layout
    units = Manifest(layout.under(MANIFEST))
    scripts = Manifest(os.path.join(layout.state, WRITTEN))
    if not units.digests and not scripts.digests:
        yield skipped("units and service directories", "none were written here", "esmith init --services systemd")
        return
    cure = _cure(case)
    files = {f"{_DIRECTORIES}/{name}": digest for name, digest in scripts.digests.items()}
    files |= {f"{UNITS}/{name}": digest for name, digest in units.digests.items()}
    wrong = 0
    for path, digest in sorted(files.items()):
        content = content_of(layout.under(path))
        if content is None:
            wrong += 1
            yield failing(f"{path} is missing", "what it starts is not started any more", cure)
        elif sha256(content).hexdigest() != digest:
            wrong += 1
            yield warning(
                f"{path} was edited by hand",
                "the next setup or upgrade writes it again, and keeps a backup copy of yours",
                f"mkdir -p {case.pasted(layout.inside(layout.services_custom))}/{_service_of(case, path)}",
                by_hand("put your part there (docs/add-a-service.md), then"),
                cure,
            )
    if not wrong:
        yield ok(f"{counted(len(files), 'script')} and units are as they were written")


def _service_of(case: Case, path: str) -> str:
    name = path.split("/")[3] if path.startswith(_DIRECTORIES) else os.path.basename(path).partition(".")[0]
    return next((service.name for service in case.services if name in (service.unit, service.name)), name)


def _cure(case: Case) -> str:
    """Return the command that writes the scripts and units again, for the supervisor they were written for."""
    if any(f"{service.unit}.service" in own_units(case.layout) for service in case.services):
        return _SYSTEMD
    logs = [
        content_of(path) or b"" for path in map(case.layout.under, case.layout.matching(f"{_DIRECTORIES}/*/log/run"))
    ]
    if any(b"multilog" in text for text in logs):
        return f"esmith init --services daemontools {_folder(case)}"
    return f"esmith init --services runit {_folder(case)}"


def _folder(case: Case) -> str:
    return next((folder for folder in FOLDERS if os.path.isdir(case.layout.under(folder))), FOLDERS[0])


def check_boot(case: Case) -> Iterator[Finding]:
    """Compare what starts at boot with the status of each service's record."""
    layout = case.layout
    units = own_units(layout)
    scripts = Manifest(os.path.join(layout.state, WRITTEN)).digests
    if not units and not scripts:
        return
    wrong = count = 0
    for service in case.services:
        wanted = is_started(service, case.statuses)
        unit = f"{service.unit}.service"
        if unit in units:
            starts = bool(layout.matching(f"{UNITS}/*.wants/{unit}"))
            cures = (f"systemctl {'enable' if wanted else 'disable'} {unit}",)
        elif f"{service.name}/run" in scripts:
            starts = _is_linked(case, service) and not os.path.exists(_down_file(case, service))
            cures = (_cure(case),)
        else:
            if wanted:
                yield failing(f"nothing starts {service.name}, which is enabled", _BOOT, _cure(case))
                wrong += 1
            continue
        count += 1
        if starts != wanted:
            wrong += 1
            state = "enabled" if wanted else "disabled"
            does = "is started" if starts else "is not started"
            found = failing if wanted else warning
            yield found(f"{service.name} {does} at boot, and the status of {service.record} is {state}", _BOOT, *cures)
    if not wrong:
        yield ok(f"{counted(count, 'service')}: at boot as the settings say")


def _down_file(case: Case, service: Service) -> str:
    return case.layout.under(f"{_DIRECTORIES}/{service.name}/down")


def _is_linked(case: Case, service: Service) -> bool:
    """Return whether the service directory is in a folder that a supervisor scans."""
    target = os.path.realpath(case.layout.under(f"{_DIRECTORIES}/{service.name}"))
    places = [case.layout.under(f"{folder}/{service.name}") for folder in FOLDERS if folder != _DIRECTORIES]
    return any(os.path.realpath(place) == target for place in places if os.path.lexists(place)) or not any(
        os.path.isdir(case.layout.under(folder)) for folder in FOLDERS if folder != _DIRECTORIES
    )


def check_rivals(case: Case) -> Iterator[Finding]:
    """Look for units of Debian's packages that want what our services have."""
    for data in case.states().values():
        for rival in data.get("rivals", []):
            yield failing(str(rival), "whoever comes first gets the ports", "esmith init --take-over")


CHECKS: dict[str, Checking] = {
    "what was written": check_written,
    "what starts at boot": check_boot,
    "units of Debian's packages": check_rivals,
}
