"""What has to run at a machine while the page is typed: its services, and no reboot. Standard library only."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

SCAN = "/service"
_STARTING_SECONDS = 60
_STOPPING_SECONDS = 180
#: The hash and the size of a file that nobody has (clamav signature format HDB).
_SIGNATURE = f"{'0' * 31}1:68:Esmith.Test\n"
_REBOOT = '#!/bin/sh\necho "reboot" >>"$PAGE_LOG"\n'


def processes() -> dict[str, int]:
    """Return the services that run here, each with its process (runsv(8)).

    The name of one that another stands in for, as ``qmail`` where there is only Postfix, is left out.
    """
    found = {}
    for file in Path(SCAN).glob("*/supervise/pid"):
        directory = file.parents[1]
        with contextlib.suppress(OSError, ValueError):
            if directory.resolve().name == directory.name:
                found[directory.name] = int(file.read_text())
    return found


@contextlib.contextmanager
def supervisor() -> Iterator[None]:
    """Have runsvdir run, and end the one that was started here."""
    if any(_command(pid) == "runsvdir" for pid in os.listdir("/proc") if pid.isdigit()):
        yield
        return
    environment = {**os.environ, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    process = subprocess.Popen(
        ["runsvdir", "-P", SCAN], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGHUP)
        process.wait(_STOPPING_SECONDS)


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@contextlib.contextmanager
def no_reboot() -> Iterator[None]:
    """Put a stand-in in the place of /sbin/reboot, which is the one program of the page that ends everything."""
    place, kept = Path("/sbin/reboot"), Path("/sbin/reboot.page")
    if os.path.lexists(place):
        place.rename(kept)
    place.write_text(_REBOOT)
    place.chmod(0o755)
    try:
        yield
    finally:
        place.unlink()
        if os.path.lexists(kept):
            kept.rename(place)


def give_signature() -> None:
    """Give clamd a signature where it has none: its mirror is out of reach here, and it does not start without."""
    setting = re.search(r"(?m)^DatabaseDirectory (.+)$", Path("/etc/clamd.conf").read_text())
    folder = Path(setting[1] if setting else "/var/lib/clamav")
    folder.mkdir(parents=True, exist_ok=True)
    if not any(file.suffix in (".hdb", ".cvd", ".cld") for file in folder.iterdir()):
        (folder / "test.hdb").write_text(_SIGNATURE)


def wait_for_services() -> None:
    """Wait until the services that start have a process, or have had the time for it."""
    deadline = time.monotonic() + _STARTING_SECONDS
    while time.monotonic() < deadline:
        wanted = {path.name for path in Path(SCAN).iterdir() if not (path / "down").exists()}
        if wanted <= processes().keys():
            break
        time.sleep(0.5)
