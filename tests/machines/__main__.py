"""Plays machines of Debian 12 and 13; ``.ci/machine`` starts it.

.ci/machine                            as .ci/run: the steps on Debian 12, some of them on Debian 13
.ci/machine [--keep] [--init INIT] SUITE [STEP...]
                                       the steps of bookworm or trixie, all of them without a name
.ci/machine fill [SUITE...]            download what they need, as far as it is missing

Needs root. Prints a line for each step, and "N passed, N failed" at the end; exits with 1 when one failed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.machines import roots, steps
from tests.machines.booted import BootedMachine
from tests.machines.fleet import fleet
from tests.machines.killed import killed
from tests.machines.machine import Machine, fresh_machine
from tests.machines.panel import panel
from tests.machines.steps import Play, StepError
from tests.machines.unchanged import unchanged

#: In their order. The removal comes before what users leave behind, and the page is typed after an upgrade.
STEPS: dict[str, Callable[[Play], str]] = {
    "install": steps.install,
    "mail": steps.mail,
    "faults": steps.faults,
    "panel": panel,
    "unchanged": unchanged,
    "reboot": steps.reboot,
    "again": steps.install_again,
    "remove": steps.remove,
    "upgrade": steps.upgrade,
    "page": steps.page,
    "move": steps.move,
    "package": steps.package,
    "demo": steps.demo,
    "killed": killed,
}
#: With systemd as the init; what is left out has nothing to do with it, or is for runit.
STEPS_OF_SYSTEMD = {name: STEPS[name] for name in ("install", "mail")} | {
    "units": steps.units,
    "panel": panel,
    "fleet": fleet,
    **{name: STEPS[name] for name in ("unchanged", "reboot", "again", "remove")},
    # It leaves files of an administrator's own, which a removal leaves as well.
    "page": steps.page_of_units,
}
#: The kinds of machines, by what the first process of one is: none of its own, or the systemd of its Debian.
INITS: dict[str, tuple[type[Machine], dict[str, Callable[[Play], str]]]] = {
    "none": (Machine, STEPS),
    "systemd": (BootedMachine, STEPS_OF_SYSTEMD),
}
#: What ``.ci/run`` plays: machines one after another, two such rows at the same time, since a machine waits much. The
#: move needs one without users that others leave behind, as it is after the mail cases: these take back what they made.
#: At / of Debian 12 the move is played by tests/moved.
OF_CI: tuple[tuple[tuple[str, str, list[str]], ...], ...] = (
    (("bookworm", "none", [name for name in STEPS if name not in ("move", "package", "killed")]),),
    (
        ("bookworm", "systemd", ["install", "panel", "fleet", "units", "unchanged", "reboot", "remove"]),
        ("trixie", "none", ["install", "mail", "move", "demo"]),
        # It makes a bare machine of its own; here, since this row takes less.
        ("bookworm", "none", ["package"]),
    ),
)


def main(words: list[str]) -> int:
    """Do what the words say, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog=".ci/machine", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="leave the root, and say where it is")
    parser.add_argument("--init", choices=list(INITS), default="none", help="the first process of the machine")
    parser.add_argument("suite", nargs="?", choices=[*roots.SUITES, "fill", "base"])
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(STEPS))
    given = parser.parse_args(words)
    if os.geteuid() != 0:
        parser.error("a machine needs root")
    signal.signal(signal.SIGTERM, _end)
    if given.suite is None:
        return play_all(keep=given.keep)
    if given.suite == "fill":
        for suite in given.steps or roots.SUITES:
            roots.fill(suite, Path("/dev/stderr"))
        return 0
    if given.suite == "base":
        return make_base(parser, given.steps)
    known = list(INITS[given.init][1])
    wrong = [name for name in given.steps if name not in known]
    if wrong:
        parser.error(f"there is no step {wrong[0]} with --init {given.init}")
    # Others leave users behind, whom the old server of the move does not have.
    own = ["install", "move"]
    both = [[name for name in known if name != "move"], own] if "move" in known else [known]
    return max(
        [play(given.suite, given.init, names, keep=given.keep) for names in ([given.steps] if given.steps else both)]
    )


def _end(*_: object) -> None:
    """Remove what was made, and end; whoever ends a group and each process of it may say so twice."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def make_base(parser: argparse.ArgumentParser, words: list[str]) -> int:
    """Make the bare root that the words name, a suite and a folder, and return the exit code."""
    if len(words) != 2 or words[0] not in roots.SUITES:
        parser.error(f"base needs a suite, {' or '.join(roots.SUITES)}, and a folder")
    folder = Path(words[1])
    folder.mkdir(parents=True)
    roots.make_base(words[0], folder, Path("/dev/stderr"))
    return 0


def play_all(*, keep: bool) -> int:
    """Play what ``.ci/run`` plays, and return the exit code.

    :param keep: whether the roots and the logs stay.
    """
    rows = [multiprocessing.get_context("fork").Process(target=_play_row, args=(row, keep)) for row in OF_CI]
    for row in rows:
        row.start()
    try:
        for row in rows:
            row.join()
    finally:
        for row in rows:
            row.terminate()
            row.join()
    return 1 if any(row.exitcode for row in rows) else 0


def _play_row(row: tuple[tuple[str, str, list[str]], ...], keep: bool) -> None:
    codes = []
    for suite, init, names in row:
        roots.fill(suite, Path("/dev/stderr"))
        codes.append(play(suite, init, names, keep=keep))
    sys.exit(max(codes))


def play(suite: str, init: str, names: list[str], *, keep: bool) -> int:
    """Make a root, switch it on as a machine and play steps in it.

    :param init: one of :data:`INITS`.
    :param keep: whether the root and the logs stay.
    """
    logs = Path(tempfile.mkdtemp(prefix=f"esmith-{suite}-logs-"))
    passed = failed = 0
    kind, known = INITS[init]
    title = roots.SUITES[suite] + (f" with {init}" if kind is not Machine else "")
    with fresh_machine(suite, logs, keep=keep, kind=kind) as machine:
        now = Play(machine, logs)
        for name in names:
            began = time.monotonic()
            try:
                line, good = known[name](now), True
            except StepError as failure:
                line, good = str(failure), False
            took = time.monotonic() - began
            print(f"{title}: {name}: {'passed' if good else 'FAILED'} ({took:.0f} s) {line}", flush=True)
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(now.daemon_logs(), flush=True)
                # Whatever comes afterwards may still be played, but not where nothing is installed.
                if known[name] is steps.install:
                    break
    if not keep:
        roots.remove(logs)
    print(f"{title}: {passed} passed, {failed} failed, {len(names) - passed - failed} not played")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
