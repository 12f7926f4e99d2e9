"""Plays the server-manager on this machine: ``python3 -m tests.manager.machine [CASE...]``.

It runs as root at ``/`` of a machine where the mail server is installed and runs, with the standard library of Python
alone. It sets the password of admin, changes settings, and makes and deletes a user. It prints a line for each case and
the count; exit code 1 when one failed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from tests.manager.machine import cases
from tests.units.kit import FaultError

_CASES: tuple[Callable[[], None], ...] = (
    cases.logins,
    cases.setting_reaches_the_daemon,
    cases.user_comes_and_goes,
    cases.killed_in_a_job,
    # Of the files that are kept from the web process, those of jobs are there now.
    cases.processes_have_no_rights,
    cases.helper_restarted_in_a_job,
    cases.cut_off_and_back,
    cases.disabled_and_enabled,
    cases.nothing_is_wrong,
)


def main(words: list[str]) -> int:
    """Play, and return the exit code."""
    if os.geteuid() != 0 or not os.path.exists("/sbin/e-smith/esmith-manager"):
        print("run it as root, on a machine where the server-manager is installed", file=sys.stderr)
        return 2
    chosen = [case for case in _CASES if not words or case.__name__ in words]
    failed = 0
    for case in chosen:
        began = time.monotonic()
        fault = ""
        try:
            case()
        except (FaultError, OSError, EOFError) as error:
            fault = f": {type(error).__name__}: {error}"
        failed += bool(fault)
        seconds = time.monotonic() - began
        print(f"{'FAIL' if fault else 'ok  '} {case.__name__} ({seconds:.1f} s){fault}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
