"""The installation is ended at every step and in every way, and run again: in the end the mail server is whole."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.machines.files import listing
from tests.machines.machine import Machine, fresh_machine
from tests.machines.steps import INSTALL, Play, StepError

#: How many seconds a step may have gone on when it is ended. The packages take the longest of all.
_PACKAGES, _OTHERS = (0.0, 1.0, 5.0, 15.0, 30.0), (0.0, 0.3, 1.5)
#: When a step does not come, in seconds.
_SECONDS = 900
#: What is not left when all is done, as patterns of paths.
_LEFT_OVER = re.compile(r".*/\.esmith-.*|/usr/sbin/policy-rc\.d.*|/var/lib/e-smith/trial-mail\.(?!lock).*")
#: All must succeed at the end, and print nothing where nothing is to be wrong.
_WHOLE = """
[ -z "$(dpkg --audit)" ]
esmith status || [ $? = 13 ]
esmith services
! grep -i trial /etc/passwd
esmith trial-mail
"""


def killed(play: Play) -> str:
    """Install on a bare machine, ended again and again, and in the end not."""
    chance, ended = random.Random(play.machine.suite), 0
    with fresh_machine(play.machine.suite, play.logs) as machine:
        bare = Play(machine, play.logs)
        number = 1
        while True:
            delays = _PACKAGES if number == 1 else _OTHERS
            for delay in delays:
                how = (_kill, _terminate, _power_off)[ended % 3]
                log = play.logs / f"killed-{ended:02}-{how.__name__.strip('_')}"
                if not _end_at(machine, log, number, delay * chance.uniform(0.5, 1.5), how):
                    # It came to its end before that.
                    break
                ended += 1
            if f"[{number}/{number}]" in log.read_text(encoding="utf-8", errors="replace"):
                break
            number += 1
        text = bare.run(*INSTALL, seconds=_SECONDS)
        bare.run("bash", "-euxc", _WHOLE)
        if left := [path for path in listing(machine.root) if _LEFT_OVER.fullmatch(path)]:
            raise StepError("left over:\n" + "\n".join(left) + f"\n{text}")
    return f"ended {ended} times, and completed by the same command"


def _end_at(machine: Machine, log: Path, number: int, delay: float, how: Callable[..., None]) -> bool:
    """Install, and end that some seconds after a step began; return whether it still ran then."""
    process = machine.start(INSTALL, log)
    deadline = time.monotonic() + _SECONDS
    while f"[{number}/" not in log.read_text(encoding="utf-8", errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            text = log.read_text(encoding="utf-8", errors="replace")
            raise StepError(f"step {number} did not come; exit code {process.poll()}\n{text[-4000:]}")
        time.sleep(0.02)
    time.sleep(delay)
    if (code := process.poll()) is not None:
        if code != 0:
            text = log.read_text(encoding="utf-8", errors="replace")
            raise StepError(f"step {number} failed; exit code {code}\n{text[-4000:]}")
        return False
    how(machine, process)
    process.wait()
    return True


def _kill(_machine: Machine, process: subprocess.Popen[bytes]) -> None:
    """End the command at once; what it started goes on, as apt-get does then."""
    os.killpg(process.pid, signal.SIGKILL)


def _terminate(_machine: Machine, process: subprocess.Popen[bytes]) -> None:
    """Ask the command to end, as a closed terminal and a shutdown do."""
    os.killpg(process.pid, signal.SIGTERM)


def _power_off(machine: Machine, _process: subprocess.Popen[bytes]) -> None:
    """End all that runs, and switch the machine on again."""
    machine.switch_off()
    machine.switch_on()
