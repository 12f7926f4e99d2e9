"""What a boot does with the units of e-smith where systemd is not the first process: ``python3 -m tests.system.boot``.

Reads the units that ``multi-user.target.wants`` names and ``esmith init`` wrote, orders them by ``After=`` and
``Before=``, looks at their ``ConditionPathExists=``, and starts each: one of ``Type=oneshot`` is waited for, another
goes on in the background. It restarts none, and confines none: that is systemd's.

With ``--list`` it only prints the names in their order.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

UNITS = Path("/etc/systemd/system")
_WRITTEN = Path("/var/lib/e-smith/units")


@dataclass(frozen=True)
class Unit:
    """A unit of systemd.

    :param name: its name, as ``clamd.service``.
    :param keys: each key with its values, in their order, whatever the section.
    """

    name: str
    keys: dict[str, list[str]]

    def all(self, key: str) -> list[str]:
        """Return the words of all lines of a key."""
        return [word for value in self.keys.get(key, []) for word in value.split()]

    def one(self, key: str) -> str:
        """Return the last value of a key, "" when there is none."""
        return (self.keys.get(key) or [""])[-1]

    def unmet(self) -> str:
        """Return the first condition that does not hold, "" when all do."""
        for path in self.keys.get("ConditionPathExists", []):
            if os.path.exists(path.lstrip("!")) == path.startswith("!"):
                return path
        return ""


def read_unit(path: Path) -> Unit:
    """Return what a unit holds."""
    keys: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith(("#", ";", "[")):
            keys.setdefault(key.strip(), []).append(value.strip())
    return Unit(path.name, keys)


def in_order(units: Iterable[Unit]) -> list[Unit]:
    """Return units so that each comes after those it has to come after.

    :raises ValueError: when they go round in a circle.
    """
    waiting = {unit.name: unit for unit in sorted(units, key=lambda unit: unit.name)}
    before = {name: set(unit.all("After")) & waiting.keys() for name, unit in waiting.items()}
    for name, unit in waiting.items():
        for later in set(unit.all("Before")) & waiting.keys():
            before[later].add(name)
    found: list[Unit] = []
    while waiting:
        ready = [name for name in waiting if not before[name] & waiting.keys()]
        if not ready:
            raise ValueError(f"a circle of {', '.join(waiting)}")
        found += [waiting.pop(name) for name in ready]
    return found


def boot_units(root: Path = Path("/")) -> list[Unit]:
    """Return the units that a boot starts of those that were written under a root, in their order."""
    units = root / UNITS.relative_to("/")
    written = {line.split()[-1] for line in (root / _WRITTEN.relative_to("/")).read_text().splitlines()}
    wanted = {path.name for path in (units / "multi-user.target.wants").iterdir()}
    return in_order(read_unit(units / name) for name in written & wanted)


def start(unit: Unit) -> int:
    """Start a unit, and return the exit code of one that is waited for; of another 0."""
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    environment |= dict(pair.strip('"').split("=", 1) for pair in unit.keys.get("Environment", []))
    process = subprocess.Popen(
        shlex.split(unit.one("ExecStart")),
        cwd=unit.one("WorkingDirectory") or "/",
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    if unit.one("Type") == "oneshot":
        return process.wait(float(unit.one("TimeoutStartSec") or 90))
    return 0


def main() -> int:
    """Start what boots, and return 1 when something failed."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.system.boot", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the names in their order, and start nothing")
    given = parser.parse_args()
    failed = 0
    for unit in boot_units():
        if given.list:
            print(unit.name)
        elif unmet := unit.unmet():
            print(f"{unit.name}: left out: {unmet}", flush=True)
        else:
            code = start(unit)
            print(f"{unit.name}: {'started' if code == 0 else f'exit code {code}'}", flush=True)
            failed += code != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
