"""The logs that the page reads: copies of the journal in ``/var/log/NAME/current``, as runit has them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import smtplib
from pathlib import Path

from tests.units.kit import journal, pid_of, require, run, show, wait_until, wanted

_UNIT = "esmith-logs"
_LOGS = Path("/var/log")
#: As tai64nlocal shows a line.
_SHOWN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} .")


def logs_are_read() -> None:
    """The page's commands read the logs of all services that are up, also those of imap, with their times."""
    for name in wanted():
        require((_LOGS / name / "current").is_file(), f"there is no log of {name}")
    for name in ("imap", "spamd", "qpsmtpd", "clamd", "postfix"):
        text = run("bash", "-c", f"tail -50 /var/log/{name}/current | tai64nlocal")
        lines = text.splitlines()
        require(lines and all(_SHOWN.match(line) for line in lines), f"the log of {name}: {text[-500:]!r}")
    owner = (_LOGS / "qpsmtpd").stat()
    mode = (_LOGS / "qpsmtpd/current").stat().st_mode & 0o7777
    require((_LOGS / "qpsmtpd").owner() == "smelog", "the logs are not those of smelog")
    require((owner.st_mode & 0o7777, mode) == (0o2750, 0o644), f"modes: {owner.st_mode:o} {mode:o}")
    user = os.stat(f"/proc/{pid_of(_UNIT)}").st_uid
    require(user != 0 and user == owner.st_uid, f"the logs are copied by user {user}")


def logs_have_each_line_once() -> None:
    """What a service prints is in the log once, in its order, also when the copying is killed meanwhile."""
    log = _LOGS / "qpsmtpd/current"
    for number in range(60):
        with smtplib.SMTP("127.0.0.1", 25, timeout=60) as client:
            client.ehlo(f"log{number}.units.test")
        if number % 12 == 6:
            run("systemctl", "kill", "--kill-who=all", "--signal=KILL", _UNIT)
        if number % 20 == 19:
            run("systemctl", "restart", _UNIT)
    wait_until(lambda: "log59.units.test" in log.read_text(), "the last line is not copied")
    run("systemctl", "restart", _UNIT)
    copied = re.findall(r"log(\d+)\.units\.test", log.read_text())
    printed = re.findall(r"log(\d+)\.units\.test", run("journalctl", "--quiet", "--output=cat", "--unit=qpsmtpd"))
    require(len({*copied}) == 60, f"lines are missing: {sorted({*map(str, range(60))} - {*copied})}")
    require(copied == printed, f"the journal has {len(printed)} lines of the clients, the log {len(copied)}")


def logs_come_back() -> None:
    """A directory that somebody removed is made again, and journald restarted is followed on."""
    shutil.rmtree(_LOGS / "spamd")
    run("systemctl", "restart", _UNIT)
    wait_until((_LOGS / "spamd/current").exists, "the log of spamd is not made again")
    run("systemctl", "restart", "systemd-journald")
    run("journalctl", "--rotate")
    run("systemctl", "restart", "spamd")
    wait_until(lambda: "spamd" in (_LOGS / "spamd/current").read_text(), "spamd's log is not followed after journald")
    require(show(_UNIT, "ActiveState") == "active", f"{_UNIT} is not active: {journal(_UNIT, 0)[-2000:]}")


def full_disk_loses_no_line() -> None:
    """While the disk of the logs is full lines wait in the journal; afterwards each is in the log once."""
    place = _LOGS / "dovecot"
    run("systemctl", "stop", _UNIT)
    run("mount", "-t", "tmpfs", "-o", "size=64k,mode=2750", "tmpfs", str(place))
    try:
        run("systemctl", "start", _UNIT)
        with (place / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(b"x" * 1024):
                pass
        run("systemctl", "restart", "dovecot")
        wait_until(lambda: int(show(_UNIT, "NRestarts")) > 0, "the full disk is not noticed")
        wait_until(
            lambda: "logs: not copied" in run("esmith", "status", "-v", code=None), "esmith status does not say it"
        )
        (place / "filler").unlink()
        wait_until(lambda: "starting up" in (place / "current").read_text(), "the lines are not copied afterwards")
    finally:
        run("systemctl", "stop", _UNIT)
        run("umount", str(place))
        run("systemctl", "start", _UNIT)
