"""Following the journal with journalctl(1), until TERM ends it or something cannot be done."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time

from esmith.errors import ServiceError
from esmith.layout import Layout
from esmith.logs.copying import Copying, State
from esmith.logs.places import HOME, give_up_rights, kept_files, open_directory, owner
from esmith.services.definition import Services
from esmith.signals import readable_signals

#: What the services print, and nothing of what others write about them: as a pipe to svlogd has it.
_ARGV = ("journalctl", "--quiet", "--no-pager", "--all", "--output=json", "--follow", "--no-tail")
_FIELDS = "--output-fields=MESSAGE,_SYSTEMD_UNIT"
_PRINTED = "_TRANSPORT=stdout"
#: Where it begins the first time.
_FIRST = "--since=-1day"
#: How often it is written down how far this has come, in seconds.
_SAVE_SECONDS = 5.0
_READ_BYTES = 1 << 16
_NAME = "esmith-logs"


def follow(layout: Layout, services: list[str]) -> None:
    """Copy what services write from the journal to their logs, until TERM.

    Root opens the directories, and becomes the account that owns them before a line is read.

    :param services: the names of the services.
    :raises ServiceError: when the journal cannot be read, or a log cannot be written. systemd starts it again; it goes
        on where it was.
    """
    stop = readable_signals(signal.SIGTERM, signal.SIGINT)
    account = owner()
    defined, kept = Services(layout), kept_files(layout, services)
    logs = {
        f"{defined.of(name).unit}.service": (open_directory(layout, name, account), kept[name]) for name in services
    }
    home = open_directory(layout, HOME, account)
    if account is not None:
        give_up_rights(account)
    os.umask(0o022)
    try:
        state = State(home)
        copying = Copying(logs, state)
        _report_ready()
        process = _journalctl(sorted(logs), state.cursor)
        try:
            _copy(process, copying, stop)
        finally:
            process.terminate()
            process.wait()
        copying.close()
    except OSError as error:
        raise ServiceError(
            f"the logs cannot be written: {error.strerror}", place=_NAME, hint="see: df /var/log"
        ) from error


def arguments(units: list[str], cursor: str) -> list[str]:
    """Return how journalctl is called.

    :param cursor: the entry after which it begins; "" for none.
    """
    begin = f"--after-cursor={cursor}" if cursor else _FIRST
    # Matches of one field are alternatives, those of another one are further conditions.
    return [*_ARGV, _FIELDS, begin, _PRINTED, *(f"_SYSTEMD_UNIT={unit}" for unit in units)]


def _copy(process: subprocess.Popen[bytes], copying: Copying, stop: int) -> None:
    """Copy until the signal comes.

    :raises ServiceError: when journalctl ends.
    """
    assert process.stdout is not None
    source = process.stdout.fileno()
    due = time.monotonic() + _SAVE_SECONDS
    while True:
        wait = None if copying.is_saved else max(0.0, due - time.monotonic())
        ready = select.select([source, stop], [], [], wait)[0]
        if source in ready:
            data = os.read(source, _READ_BYTES)
            if not data:
                copying.save()
                raise ServiceError(f"journalctl has ended with {process.wait()}", place=_NAME)
            copying.take(data)
        if time.monotonic() >= due:
            if not copying.is_saved:
                copying.save()
            due = time.monotonic() + _SAVE_SECONDS
        if stop in ready:
            return


def _journalctl(units: list[str], cursor: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(arguments(units, cursor), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    except OSError as error:
        raise ServiceError(
            f"cannot run journalctl: {error.strerror}", place=_NAME, hint="apt-get install systemd"
        ) from error


def _report_ready() -> None:
    """Say that the logs are there: services that begin after this find them (sd_notify(3))."""
    place = os.environ.pop("NOTIFY_SOCKET", "")
    if place:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.connect(f"\0{place[1:]}" if place.startswith("@") else place)
            client.send(b"READY=1")
