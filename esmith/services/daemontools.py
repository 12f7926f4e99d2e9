"""Services under daemontools: ``svc`` controls supervise (svc(8), checked with daemontools 0.76)."""

from __future__ import annotations

from esmith.services.supervised import DirectorySupervisor

#: The options of svc for each service action; it carries out several in the order they are given. To a paused process
#: TERM is only delivered when it continues. ``x`` alone would wait until the service ends, ``x`` of runsv ends it.
OPTIONS = {
    "stop": "-d",
    "exit": "-dx",
    "restart": "-tcu",
    "kill": "-k",
    "once": "-o",
    "hup": "-h",
    "alarm": "-a",
    "interrupt": "-i",
    "pause": "-p",
    "cont": "-c",
    "start": "-u",
}


class DaemontoolsSupervisor(DirectorySupervisor):
    """supervise, through ``svc``.

    ``svc`` does not wait, and supervise heeds nothing in the second after it started a service. The svc of Debian has
    no options for USR1, USR2 and QUIT, which the original's had: those are sent to the process.
    """

    name = "daemontools"
    package = "daemontools"

    def command(self, action: str, directory: str) -> list[str] | None:
        """Return the call of ``svc``; None for signals it does not know."""
        options = OPTIONS.get(action)
        return None if options is None else ["svc", options, directory]

    def look_closer(self, directory: str) -> str:
        """Return the call of ``svstat``."""
        return f"svstat {directory}"

    def complaint(self, code: int, printed: str) -> str:
        """Return what ``svc`` wrote: it exits 0 even when it could not control the service, but says so."""
        return printed or super().complaint(code, printed)
