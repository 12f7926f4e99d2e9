"""Units of systemd that ``esmith init`` wrote, and the running systemd, where there is one."""

from __future__ import annotations

import os

from esmith.contexts import suppress
from esmith.errors import ServiceError
from esmith.printable import shell_word
from esmith.shipped import digests_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.layout import Layout

#: Exists exactly when systemd is the running init (sd_booted(3)).
SYSTEMD_RUNS = "/run/systemd/system"
#: Where the administrator's units are, which go before those of packages (systemd.unit(5)).
UNITS = "/etc/systemd/system"
#: The list of the units that were written, with their digests.
MANIFEST = "/var/lib/e-smith/units"
#: What copies the logs of services to files, where they write them to the journal.
LOGS_UNIT = "esmith-logs.service"
_SECONDS = 120.0
#: Prints the configuration of journald, all its files in their order.
_JOURNALD = ("systemd-analyze", "cat-config", "systemd/journald.conf")
_ACTIVE = ("active", "activating", "reloading")


def own_units(layout: Layout) -> frozenset[str]:
    """Return the names of the units that ``esmith init`` wrote under a root, as ``qpsmtpd.service``."""
    try:
        with open(layout.under(MANIFEST), "rb") as file:
            return frozenset(digests_in(file.read()))
    except OSError:
        return frozenset()


def systemd_runs(layout: Layout) -> bool:
    """Return whether systemd is the init of a root: it is the machine itself, and booted so (sd_booted(3))."""
    return layout.is_machine and os.path.isdir(SYSTEMD_RUNS)


def reload_units(layout: Layout) -> None:
    """Have a running systemd read its units again.

    :raises ServiceError: when it does not.
    """
    if systemd_runs(layout):
        _systemctl(["daemon-reload"])


def stop_unit(layout: Layout, unit: str) -> None:
    """Have a running systemd stop a unit, and wait until it has ended; one that it does not know is no fault.

    :raises ServiceError: when it does not stop.
    """
    # One that is ending holds its ports and locks until it has ended, so that who takes its place would fail.
    if _states(layout, [unit]).get(unit) in (*_ACTIVE, "deactivating"):
        _systemctl(["stop", unit])


def start_unit(layout: Layout, unit: str) -> None:
    """Have a running systemd start a unit.

    :raises ServiceError: when it does not.
    """
    if systemd_runs(layout):
        _systemctl(["start", unit])


def restart_unit(layout: Layout, unit: str) -> None:
    """Have a running systemd start a unit, again where it runs.

    :raises ServiceError: when it does not.
    """
    if systemd_runs(layout):
        _systemctl(["restart", unit])


def active_units(layout: Layout, units: Sequence[str]) -> list[str]:
    """Return which units a running systemd has started."""
    return [unit for unit, state in _states(layout, units).items() if state in _ACTIVE]


def trouble_of_logs(layout: Layout) -> tuple[str, str]:
    """Return why the logs of services are not in their files, and the command that shows more of it.

    Both are "" where they are there, or nobody wants them there.
    """
    wanted = LOGS_UNIT in own_units(layout) and layout.matching(f"{UNITS}/*.wants/{LOGS_UNIT}")
    state = _states(layout, [LOGS_UNIT]).get(LOGS_UNIT) if wanted else None
    if state not in (None, "active"):
        return f"not copied from the journal to /var/log ({LOGS_UNIT} is {state})", f"systemctl status {LOGS_UNIT}"
    if state and _journal_is_off():
        return "not written, because journald keeps no journal (Storage=none)", " ".join(_JOURNALD)
    return "", ""


def _journal_is_off() -> bool:
    """Return whether what services print is thrown away (journald.conf(5), ``Storage=``)."""
    from esmith.services.program import run_for_text  # as below

    try:
        text = run_for_text([*_JOURNALD], package="systemd", timeout=_SECONDS, place="systemd")[1]
    except ServiceError:
        return False
    import re

    # The last one counts.
    return re.findall(r"(?m)^Storage *= *(\S*)", text)[-1:] == ["none"]


def _states(layout: Layout, units: Sequence[str]) -> dict[str, str]:
    """Return the state of each unit, as ``systemctl is-active`` prints it; nothing where no systemd runs."""
    if not units or not systemd_runs(layout):
        return {}
    argv = ["systemctl", "is-active", *units]
    states: list[str] = []
    with suppress(ServiceError):
        # One line a unit, in their order (systemctl(1)).
        from esmith.services.program import run_program  # not for who only asks which units are ours

        states = run_program(argv, package="systemd", timeout=_SECONDS, place="systemd")[1].split()
    return dict(zip(units, states, strict=False))


def _systemctl(arguments: list[str]) -> None:
    argv = ["systemctl", "--no-ask-password", "--no-pager", *arguments]
    from esmith.services.program import run_program  # not for who only asks which units are ours

    code, printed = run_program(argv, package="systemd", timeout=_SECONDS, place="systemd")
    if code != 0:
        command = " ".join(arguments)
        raise ServiceError(
            f"systemctl {command} failed: {printed or f'exit code {code}'}",
            place="systemd",
            hint=f"look closer with: systemctl status {shell_word(arguments[-1])}" if len(arguments) > 1 else "",
        )
