"""Services under runit: ``sv`` controls runsv (sv(8), checked with runit 2.1.2)."""

from __future__ import annotations

from esmith.services.supervised import DirectorySupervisor

#: The command of sv for each service action.
COMMANDS = {
    "stop": "stop",
    "exit": "exit",
    "restart": "restart",
    "kill": "kill",
    "once": "once",
    "hup": "hup",
    "usr1": "1",
    "usr2": "2",
    "alarm": "alarm",
    "interrupt": "interrupt",
    "quit": "quit",
    "pause": "pause",
    "cont": "cont",
    "start": "start",
}
#: The commands sv waits for, running the service's ``check`` script if there is one.
_WAITED_FOR = ("stop", "start", "restart")


class RunitSupervisor(DirectorySupervisor):
    """runsv, through ``sv``.

    ``sv restart`` of a service in its first second reports success at once, with the pid of the old process; therefore
    the new pid is waited for besides. ``sv`` exits 1 for a service that failed or took too long, 100 on wrong usage.
    """

    name = "runit"
    package = "runit"

    def command(self, action: str, directory: str) -> list[str] | None:
        """Return the call of ``sv``; None for signals it does not know."""
        command = COMMANDS.get(action)
        if command is None:
            return None
        wait = ["-w", str(max(1, int(self.timeout)))] if command in _WAITED_FOR else []
        return ["sv", *wait, command, directory]

    def look_closer(self, directory: str) -> str:
        """Return the call of ``sv status``."""
        return f"sv status {directory}"
