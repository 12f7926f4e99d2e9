"""Stopping the services and what supervises them, before their files are removed."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from esmith.errors import EsmithError, ServiceError
from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.services.directory import ServiceDirectory
from esmith.services.find import FOLDERS, find_supervisor
from esmith.services.model import AT_REST, Status
from esmith.setup.machine.start import scanning

#: runsvdir looks every five seconds, and runsv waits for its service (runsvdir(8)).
_SECONDS = 60.0
_LOOK_EVERY = 0.2


def stop_services(layout: Layout) -> list[str]:
    """Stop every service of ours that a supervisor runs, and return their names.

    :raises ServiceError: when one does not stop.
    """
    stopped = []
    for name in Services(layout).names():
        supervisor = find_supervisor(layout, name)
        if supervisor is None:
            continue
        state = supervisor.status(name).state
        if state is not Status.UNSUPERVISED and state not in AT_REST:
            try:
                supervisor.control(name, "stop")
            except EsmithError as error:
                error.add("stop it by hand, and run it again")
                raise
            stopped.append(name)
    return stopped


def end_supervisors(layout: Layout, names: list[str]) -> None:
    """Wait until the supervisor of each service directory has ended, whose link was removed; end an idle runsvdir.

    :param names: the services.
    :raises ServiceError: when one does not end.
    """
    idle = {pid for folder in FOLDERS for pid in scanning(layout.under(folder)) if _has_nothing(layout.under(folder))}
    for pid in idle:
        # It ends its runsv processes and itself (runsvdir(8)).
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + _SECONDS
    while waiting := [name for name in names if ServiceDirectory(layout.under(f"/var/service/{name}")).is_supervised()]:
        if time.monotonic() >= deadline:
            raise ServiceError(
                f"what supervises {', '.join(waiting)} does not end",
                hint="end it by hand, and run it again; to see it: ps -ef",
            )
        time.sleep(_LOOK_EVERY)


def _has_nothing(folder: str) -> bool:
    return not os.path.isdir(folder) or not os.listdir(folder)
