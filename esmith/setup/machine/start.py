"""Starting what supervises the services, and waiting until they are up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import suppress

from esmith.environment import PATH, clean_environment
from esmith.errors import EsmithError, InstallError, ServiceError
from esmith.layout import Layout
from esmith.services.definition import Services, piece
from esmith.services.find import SYSTEMD_RUNS, find_supervisor
from esmith.services.health import find_failing
from esmith.services.holders import find_holders
from esmith.services.model import ServiceStatus, Status, StillEndingError
from esmith.services.rivals import enabling, is_masked
from esmith.services.service import Service
from esmith.services.units import own_units
from esmith.services.waiting import is_waiting
from esmith.setup.logs import last_words
from esmith.setup.machine.programs import Programs

#: The folder that runit scans here.
FOLDER = "/service"
SYSTEMD, RUNIT = "systemd", "runit"
#: Units of Debian that ours need, and that the installation of packages has not started (see ``no_daemon_starts``).
DEBIAN_UNITS = ("cron.service",)
#: runsvdir looks for new service directories every five seconds (runsvdir(8)).
_SUPERVISED_SECONDS = 60.0
_LOOK_EVERY = 0.5
#: What a run script becomes, where that is a program of ours.
_OWN = re.compile(rb'^exec "\$root(/(?:sbin|usr/share)/e-smith/[^"]+)"', re.MULTILINE)


def default_supervisor() -> str:
    """Return the supervisor of this machine: runit where it runs the services, else systemd where it is the init."""
    return SYSTEMD if os.path.isdir(SYSTEMD_RUNS) and not scanning() else RUNIT


def scanning(folder: str = FOLDER) -> list[int]:
    """Return the processes of runsvdir that scan a folder.

    :param folder: the folder, as a path of this disk.
    """
    return [pid for pid, words in _commands() if _is_runsvdir(words) and _leads_to(words, folder)]


def start_supervisor(layout: Layout, programs: Programs, supervisor: str) -> None:
    """Start the supervisor, or have it look for what is new.

    :param supervisor: :data:`SYSTEMD` or :data:`RUNIT`.
    :raises InstallError: when that is not possible.
    """
    if supervisor == SYSTEMD:
        programs.run(["systemctl", "daemon-reload"])
        timers = sorted(unit for unit in own_units(layout) if unit.endswith(".timer"))
        enabled = [unit for unit in (*DEBIAN_UNITS, *timers) if enabling(layout, unit) and not is_masked(layout, unit)]
        if enabled:
            programs.run(["systemctl", "start", *enabled])
    elif not scanning(layout.under(FOLDER)):
        _start_runsvdir(layout)


def wait_for_services(layout: Layout, names: Collection[str], programs: Programs) -> None:
    """Start the services that are not up yet, and wait until all answer.

    :param names: those that are to be up.
    :raises ServiceError: when one does not come up, with the last lines of its log.
    """
    waiting = sorted(names)
    deadline = time.monotonic() + _SUPERVISED_SECONDS
    begin = time.monotonic()
    while waiting:
        states = {name: _state(layout, name) for name in waiting}
        waiting = [name for name, state in states.items() if state in (None, Status.UNSUPERVISED)]
        if waiting and time.monotonic() >= deadline:
            raise ServiceError(
                f"nothing supervises {', '.join(waiting)}", hint="to see what is so: esmith services --all"
            )
        programs.progress.goes_on(f"waiting for {', '.join(waiting)}", time.monotonic() - begin)
        if waiting:
            time.sleep(_LOOK_EVERY)
    services = Services(layout)
    _require_free_ports(layout, [services.of(name) for name in sorted(names)])
    for name in sorted(names):
        if note := _start(layout, name):
            programs.progress.note(note)
    watched = [(found, name) for name in sorted(names) if (found := find_supervisor(layout, name))]
    failing = find_failing(watched, {name: services.of(name).probe for name in names}, layout)
    for name, reason in failing.items():
        raise ServiceError(
            f"{name}: {reason}",
            hint="\n  ".join([*last_words(layout, name), "when that is corrected: esmith setup"]),
        )


def _require_free_ports(layout: Layout, services: Collection[Service]) -> None:
    """See to it that nobody else listens at the ports of services.

    :raises ServiceError: when somebody does.
    """
    processes = []
    for service in services:
        supervisor = find_supervisor(layout, service.name)
        processes.append((service, supervisor.status(service.name).pid if supervisor else None))
    if holders := find_holders(layout, processes):
        cures = [f"to end it: {holder.cure}" for holder in holders]
        raise ServiceError("; ".join(map(str, holders)), hint="\n  ".join([*cures, "then: esmith setup"]))


def _start(layout: Layout, name: str) -> str:
    """Start a service that is not up, and return a note for the administrator, "" where there is nothing to say."""
    supervisor = find_supervisor(layout, name)
    if supervisor is None:
        return ""
    status = supervisor.status(name)
    if status.state in (Status.DOWN, Status.ENDING):
        supervisor.control(name, "start")
    elif is_waiting(status):
        # What it missed may be there now, as the signatures of clamd.
        supervisor.control(name, "restart")
    elif status.running and is_of_before(layout, name, status, time.time()):
        try:
            supervisor.control(name, "restart")
        except StillEndingError as error:
            return f"{name}: {error.message}"
        return f"{name}: restarted, because its program is a new one"
    return ""


def is_of_before(layout: Layout, name: str, status: ServiceStatus, now: float) -> bool:
    """Return whether a service runs a program of ours that was installed after it was started.

    Whose program it is says the last line of its run script. Programs of Debian are restarted by their packages or not
    at all, and their administrators are used to that.

    :param now: seconds since 1970.
    """
    found = _OWN.search(piece(layout, f"{name}/run"))
    if found is None:
        return False
    program = os.fsdecode(found[1])
    # A command is a few lines that call the package, of which all files are installed at once.
    place = __file__ if program.startswith("/sbin/") else layout.under(program)
    try:
        # Not the time of the content, which packages bring along.
        return os.stat(place).st_ctime > now - status.seconds
    except OSError:
        return False


def _state(layout: Layout, name: str) -> Status | None:
    supervisor = find_supervisor(layout, name)
    if supervisor is None:
        return None
    with suppress(EsmithError):
        return supervisor.status(name).state
    return None


def _start_runsvdir(layout: Layout) -> None:
    """Start runsvdir as a process that outlives this command, as an init would."""
    program = shutil.which("runsvdir", path=PATH)
    if program is None:
        raise InstallError("there is no program runsvdir", hint="install it: apt-get install runit")
    environment = {**clean_environment(), "PATH": f"{layout.commands}:{PATH}"}
    try:
        # With nothing of this command's: it would keep its terminal, or a pipe, open.
        subprocess.Popen(
            [program, "-P", layout.under(FOLDER)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise InstallError(f"cannot run {program}: {error.strerror}") from error


def _commands() -> Iterator[tuple[int, list[str]]]:
    for name in filter(str.isdecimal, os.listdir("/proc")):
        # It may have ended meanwhile.
        with suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
            yield int(name), [os.fsdecode(word) for word in file.read().split(b"\0") if word]


def _is_runsvdir(words: list[str]) -> bool:
    return bool(words) and os.path.basename(words[0]) == "runsvdir"


def _leads_to(words: list[str], folder: str) -> bool:
    return any(word.startswith("/") and os.path.realpath(word) == os.path.realpath(folder) for word in words[1:])
