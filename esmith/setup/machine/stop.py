"""Stopping the services and what supervises them, before their files are removed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
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
    _hang_up(layout, [folder for folder in FOLDERS if _has_nothing(layout.under(folder))])
    if waiting := _still_there(layout, names):
        raise _does_not_end(waiting)


def stop_all(layout: Layout) -> bool:
    """End every runsvdir of a root with the services it supervises; a service that does not end by itself is killed.

    :return: whether there was one.
    :raises ServiceError: when a service does not end.
    """
    was_there = _hang_up(layout, FOLDERS)
    waiting = _still_there(layout, Services(layout).names())
    for name in waiting:
        pid = ServiceDirectory(layout.under(f"/var/service/{name}")).status().pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    if waiting := _still_there(layout, waiting):
        raise _does_not_end(waiting)
    return was_there


def _hang_up(layout: Layout, folders: Iterable[str]) -> bool:
    """End each runsvdir that scans one of some folders, and return whether there was one.

    It ends its runsv processes and itself (runsvdir(8)).
    """
    pids = {pid for folder in folders for pid in scanning(layout.under(folder))}
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)
    return bool(pids)


def _still_there(layout: Layout, names: Iterable[str]) -> list[str]:
    """Return which services are still supervised after a while."""
    deadline = time.monotonic() + _SECONDS
    waiting = list(names)
    while True:
        waiting = [name for name in waiting if ServiceDirectory(layout.under(f"/var/service/{name}")).is_supervised()]
        if not waiting or time.monotonic() >= deadline:
            return waiting
        time.sleep(_LOOK_EVERY)


def _does_not_end(names: list[str]) -> ServiceError:
    return ServiceError(
        f"what supervises {', '.join(names)} does not end",
        hint="end it by hand, and run it again; to see it: ps -ef",
    )


def _has_nothing(folder: str) -> bool:
    return not os.path.isdir(folder) or not os.listdir(folder)
