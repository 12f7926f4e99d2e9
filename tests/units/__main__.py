"""Plays the cases: ``python3 -m tests.units [booted | CASE...]``, as root at ``/`` of a machine that systemd runs.

Without a word all that needs no boot; its last case disables a service. After a boot: ``booted``. It prints a line for
each case and the count; exit code 1 when one failed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from tests.units import events, logs, sandboxes, states
from tests.units.kit import FaultError

_RUNNING: tuple[Callable[[], None], ...] = (
    states.all_is_up,
    states.daily_jobs,
    states.control_commands,
    states.watch_works,
    logs.logs_are_read,
    logs.logs_have_each_line_once,
    logs.logs_come_back,
    logs.full_disk_loses_no_line,
    sandboxes.make_user,
    sandboxes.clamd_scans_files,
    sandboxes.freshclam_loads,
    sandboxes.php_runs_pages,
    sandboxes.apache_answers,
    sandboxes.spamd_learns,
    sandboxes.logins,
    sandboxes.karma_is_written,
    sandboxes.fetchmail_collects,
    sandboxes.proxy_hands_on,
    sandboxes.postfix_reloads,
    sandboxes.nothing_else_may_be_written,
    sandboxes.delete_user,
    events.settings_reach_daemons,
    events.waiting_script_looks_again,
    events.failure_shows_the_log,
    events.holders_are_named,
    states.killed_comes_back,
    events.disabled_stays_down,
)
_BOOTED: tuple[Callable[[], None], ...] = (states.boot_order, events.enabled_again, states.all_is_up)


def main(words: list[str]) -> int:
    """Play, and return the exit code."""
    if os.geteuid() != 0 or not os.path.isdir("/run/systemd/system"):
        print("run it as root, on a machine whose init is systemd", file=sys.stderr)
        return 2
    cases = _BOOTED if words == ["booted"] else [case for case in _RUNNING if not words or case.__name__ in words]
    failed = 0
    for case in cases:
        began = time.monotonic()
        fault = ""
        try:
            case()
        except (FaultError, OSError, EOFError) as error:
            fault = f": {type(error).__name__}: {error}"
        failed += bool(fault)
        seconds = time.monotonic() - began
        print(f"{'FAIL' if fault else 'ok  '} {case.__name__} ({seconds:.0f} s){fault}", flush=True)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
