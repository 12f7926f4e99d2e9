"""What events do to units, and how processes are named that no unit starts."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from tests.units.kit import journal, pid_of, require, run, services, show, wait_until

#: Holds a port as a daemon that somebody has started by hand; its name is what ps shows.
_HOLD = (
    "import socket, sys, time\n"
    "sock = socket.socket()\n"
    "sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
    "sock.bind(('0.0.0.0', int(sys.argv[1])))\n"
    "sock.listen()\n"
    "time.sleep(600)\n"
)


def settings_reach_daemons() -> None:
    """A changed setting has what reads it read it again, and nothing else: spamd, and Postfix without a new process."""
    before = {name: pid_of(name) for name in ("spamd", "postfix", "dovecot", "clamd")}
    old = run("config", "getprop", "spamassassin", "TagLevel", code=None).strip()
    began = time.time()
    try:
        run("config", "setprop", "spamassassin", "TagLevel", "7.5", "Sensitivity", "custom")
        run("config", "setprop", "qmail", "ConcurrencyLocal", "7")
        run("signal-event", "email-update")
        require(before["postfix"] == pid_of("postfix"), "Postfix has another process")
        require(before["clamd"] == pid_of("clamd"), "clamd has another process, and nothing of its has changed")
        require("required_score 7.49" in Path("/etc/mail/spamassassin/local.cf").read_text(), "the file is not changed")
        has_read = "Reload" in journal("spamd", began) or pid_of("spamd") != before["spamd"]
        require(has_read, "spamd has not read its changed file")
    finally:
        run("config", "setprop", "spamassassin", "TagLevel", old or "4", "Sensitivity", "medium")
        run("config", "delprop", "qmail", "ConcurrencyLocal")
        run("signal-event", "email-update")


def failure_shows_the_log() -> None:
    """A daemon that cannot start is named by the event, with the last lines of its log from the journal."""
    run("systemctl", "stop", "dovecot")
    with _Holding(143):
        printed = run("signal-event", "--restart", "email-update", code=None)
        require("service dovecot" in printed, f"dovecot is not named: {printed}")
        require("Address already in use" in printed, f"the log is not shown: {printed}")
    run("signal-event", "email-update")
    wait_until(lambda: _answers(143), "dovecot does not come back")


def holders_are_named() -> None:
    """A process without a unit that holds a port is named with its number and its program, and how to end it."""
    run("systemctl", "stop", "dovecot")
    with _Holding(143) as process:
        found = services()["dovecot"].get("holders", [])
        line = f"port 143 of dovecot is taken by python3 (process {process.pid})"
        require([one["found"] for one in found] == [line], f"esmith services says {found}")
        require(found[0]["commands"] == [f"kill {process.pid}"], f"the cure is {found[0]['commands']}")
        printed = run("esmith", "init", "--services", "systemd", "--take-over")
        require(f"{line}\n" in printed and f"to end it: kill {process.pid}" in printed, f"init says {printed}")
        printed = run("esmith", "setup", code=None)
        require(line in printed and f"kill {process.pid}" in printed, f"setup says {printed[-2000:]}")
    run("systemctl", "start", "dovecot")
    wait_until(lambda: _answers(143), "dovecot does not come back")
    require(not services()["dovecot"].get("holders"), "our own process is called a stranger")


def waiting_script_looks_again() -> None:
    """A service that waits for its file is restarted by the event that makes the file, not hit by its reload."""
    file = Path("/etc/dovecot/dovecot.conf")
    kept = file.with_suffix(".units")
    file.rename(kept)
    run("systemctl", "restart", "dovecot")
    wait_until(lambda: Path(f"/proc/{pid_of('dovecot')}/comm").read_text() == "sleep\n", "the script does not wait")
    kept.unlink()
    run("signal-event", "email-update")
    require(_answers(143), "dovecot does not answer after the event")


def disabled_stays_down() -> None:
    """A service that is disabled is stopped by the event and started by no boot; enabled, the opposite."""
    run("config", "setprop", "spamd", "status", "disabled")
    run("signal-event", "email-update")
    require(show("spamd", "ActiveState") == "inactive", "the event does not stop spamd")
    require(show("spamd", "UnitFileState") == "disabled", "spamd is still started at boot")


def enabled_again() -> None:
    """After the boot that service is down, and comes back with its status."""
    require(show("spamd", "ActiveState") == "inactive", "the boot has started a disabled service")
    require(not show("spamd", "ActiveEnterTimestamp"), "the boot has started a disabled service for a moment")
    run("config", "setprop", "spamd", "status", "enabled")
    run("signal-event", "email-update")
    require(show("spamd", "ActiveState") == "active", "the event does not start spamd")
    require(show("spamd", "UnitFileState") == "enabled", "spamd is not started at boot")


class _Holding:
    """A process of somebody else that holds a port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __enter__(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(["python3", "-c", _HOLD, str(self._port)])
        wait_until(lambda: _answers(self._port), f"nobody holds port {self._port}")
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(5)
        return sock.connect_ex(("127.0.0.1", port)) == 0
