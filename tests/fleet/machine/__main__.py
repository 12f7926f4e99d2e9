"""Types docs/fleet.md on this machine: ``python3 -m tests.fleet.machine``.

It runs as root at ``/`` of a machine with systemd where the mail server is installed, in the folder of the repository,
with the standard library of Python alone. This machine is the document's ``mail1``, with its etcd and its agent as
units. The document's other two are here as well: their etcd are units with settings, data and certificates of their
own, and ``mail2`` is a member whose root is a folder. It takes all of it away again. It prints a line for each case and
the count; exit code 1 when one failed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from tests.fleet.machine import cases, troubles
from tests.units.kit import FaultError

#: Each needs those before it, so the first that fails ends it.
_CASES: tuple[Callable[[], None], ...] = (
    cases.programs_and_certificates,
    cases.three_etcd_are_healthy,
    cases.first_host,
    cases.second_host_joins,
    cases.setting_arrives,
    cases.agent_is_restarted,
    cases.disabled_and_enabled,
    troubles.etcd_is_saved_and_full,
    troubles.member_of_etcd_is_lost,
    troubles.certificates_are_renewed,
    troubles.etcd_is_restored,
    troubles.row_does_not_fit,
    troubles.host_is_restored,
    cases.leaves_and_is_removed,
)


def main() -> int:
    """Play, and return the exit code."""
    if os.geteuid() != 0 or not os.path.isdir("/run/systemd/system"):
        print("run it as root, on a machine that systemd has booted", file=sys.stderr)
        return 2
    passed = 0
    try:
        for case in _CASES:
            began = time.monotonic()
            try:
                case()
            except (FaultError, OSError) as error:
                print(f"FAIL {case.__name__}: {type(error).__name__}: {error}", flush=True)
                break
            passed += 1
            print(f"ok   {case.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    finally:
        cases.clean_up()
    print(f"{passed} passed, {len(_CASES) - passed} failed")
    return int(passed < len(_CASES))


if __name__ == "__main__":
    sys.exit(main())
