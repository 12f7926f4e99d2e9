"""Plays machines of Debian 12 and 13; ``.ci/machine`` starts it.

.ci/machine                            as .ci/run: the steps on Debian 12, the installation and mail on Debian 13
.ci/machine [--keep] SUITE [STEP...]   the steps of bookworm or trixie, all of them without a name
.ci/machine fill [SUITE...]            download what they need, as far as it is missing

Needs root. Prints a line for each step, and "N passed, N failed" at the end; exits with 1 when one failed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.machines import roots, steps
from tests.machines.machine import fresh_machine
from tests.machines.steps import Play, StepError

#: In their order. The removal comes before what users leave behind, and the page is typed after an upgrade.
STEPS: dict[str, Callable[[Play], str]] = {
    "install": steps.install,
    "mail": steps.mail,
    "faults": steps.faults,
    "reboot": steps.reboot,
    "again": steps.install_again,
    "remove": steps.remove,
    "upgrade": steps.upgrade,
    "page": steps.page,
    "move": steps.move,
    "package": steps.package,
}
#: What ``.ci/run`` plays, a machine each. The page is left out: docs/testing.md has what is open in it. The move has a
#: machine without the users that others leave behind.
OF_CI = (
    ("bookworm", ["install", "mail", "faults", "reboot", "again", "remove", "upgrade", "package"]),
    ("bookworm", ["install", "move"]),
    ("trixie", ["install", "mail"]),
)


def main(words: list[str]) -> int:
    """Do what the words say, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog=".ci/machine", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="leave the root, and say where it is")
    parser.add_argument("suite", nargs="?", choices=[*roots.SUITES, "fill"])
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(STEPS))
    given = parser.parse_args(words)
    if os.geteuid() != 0:
        parser.error("a machine needs root")
    # What was made is removed then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if given.suite is None:
        return max([play(suite, names, keep=given.keep) for suite, names in OF_CI])
    if given.suite == "fill":
        for suite in given.steps or roots.SUITES:
            roots.fill(suite, Path("/dev/stderr"))
        return 0
    wrong = [name for name in given.steps if name not in STEPS]
    if wrong:
        parser.error(f"there is no step {wrong[0]}")
    return play(given.suite, given.steps or list(STEPS), keep=given.keep)


def play(suite: str, names: list[str], *, keep: bool) -> int:
    """Make a root, switch it on as a machine and play steps in it.

    :param keep: whether the root and the logs stay.
    """
    logs = Path(tempfile.mkdtemp(prefix=f"esmith-{suite}-logs-"))
    passed = failed = 0
    with fresh_machine(suite, logs, keep=keep) as machine:
        now = Play(machine, logs)
        for name in names:
            began = time.monotonic()
            try:
                line, good = STEPS[name](now), True
            except StepError as failure:
                line, good = str(failure), False
            took = time.monotonic() - began
            print(f"{roots.SUITES[suite]}: {name}: {'passed' if good else 'FAILED'} ({took:.0f} s) {line}", flush=True)
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(now.daemon_logs(), flush=True)
                # Whatever comes afterwards may still be played, but not where nothing is installed.
                if STEPS[name] is steps.install:
                    break
    if not keep:
        roots.remove(logs)
    print(f"{roots.SUITES[suite]}: {passed} passed, {failed} failed, {len(names) - passed - failed} not played")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
