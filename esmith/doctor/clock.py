"""The clock: whether something sets it right, and whether it is earlier than it was. Nobody is asked for the time."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator

from esmith.doctor.case import Case
from esmith.doctor.finding import FOLDER, Checking, Finding, failing, ok, skipped, warning
from esmith.environment import PATH, which
from esmith.services.units import systemd_runs

#: What adjtimex(2) returns for a clock that nothing sets right, and the bit of ``status`` that says so.
_TIME_ERROR, _STA_UNSYNC = 5, 0x40
#: Enough for ``struct timex`` on every architecture; ``status`` is its sixth field, after an int and four longs.
_TIMEX_BYTES = 512
_LONG = ctypes.sizeof(ctypes.c_long)
_STATUS_AT = 5 * _LONG
#: systemd-detect-virt(1): in a container the clock is that of the machine around it.
_CONTAINER = "/run/systemd/container"
_SLACK = 300.0


def check_synchronised(case: Case) -> Iterator[Finding]:
    """Look whether something sets the clock of the machine."""
    if not case.layout.is_machine:
        yield skipped("whether the clock is set right", FOLDER)
        return
    if os.path.exists(_CONTAINER):
        yield skipped("whether the clock is set right", "it is that of the machine around this container")
        return
    state = kernel_state()
    if state is None:
        yield skipped("whether the clock is set right", "the kernel may not be asked here")
    elif state:
        yield ok("the clock is set right by the network or a receiver")
    else:
        yield warning(
            "nothing sets the clock",
            "signatures, certificates, greylisting and the times of mails depend on it",
            *_cure(case),
        )


def _cure(case: Case) -> tuple[str, ...]:
    """Return the commands that have the clock set: by what is installed for that, else by what each Debian has."""
    if which("chronyc", PATH):
        return ("chronyc tracking", "service chrony restart")
    if systemd_runs(case.layout):
        return ("apt-get install systemd-timesyncd", "timedatectl set-ntp true")
    return ("apt-get install chrony", "service chrony start")


def kernel_state() -> bool | None:
    """Return whether the kernel's clock is synchronised (adjtimex(2)); None where it cannot be asked."""
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (AttributeError, OSError):
        return None
    if state < 0:
        return None
    status = ctypes.c_int.from_buffer(buffer, _STATUS_AT).value
    return state != _TIME_ERROR and not status & _STA_UNSYNC


def check_direction(case: Case) -> Iterator[Finding]:
    """Look whether the clock is before the last change of a setting."""
    if case.revision_time > case.now + _SLACK:
        date = time.strftime("%Y-%m-%d %H:%M", time.localtime(case.revision_time))
        yield failing(
            f"the clock is before {date}, when a setting was last changed",
            "it was wrong then, or is wrong now",
            *_cure(case),
            about="the clock is early",
        )


CHECKS: dict[str, Checking] = {
    "whether the clock is set right": check_synchronised,
    "direction of the clock": check_direction,
}
