"""Instruction counts of the commands that scripts and administrators wait for: ``python -m bench.counts``.

Seconds depend on the machine and on what else it does; how many instructions a command executes, as
``valgrind --tool=callgrind`` counts them, almost only on the program. So counts are what a change is judged by. They
are kept in ``bench/counts.json``, by the version of Python and the architecture. A command that executes over a tenth
more than is kept fails; whoever means it keeps the new figures with ``--keep`` in the same commit.

What makes them steady: a new root for each comparison, at a place of the same depth; hashes that are not random; the
same environment; each command is run once before, so that what it remembers is there; and files that are old enough to
be believed. Counts of another build of Python are not comparable, so a start of Python that does nothing is counted,
too: where that differs from the kept one, nothing is judged.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench import roots

KEPT = Path(__file__).parent / "counts.json"
#: How much a count may grow; the same command twice differs by less than a hundredth.
LIMIT = 0.10
#: How much the start of two equal builds of Python may differ.
SAME_BUILD = 0.03
BUILD = "python -c pass"
_COLLECTED = re.compile(r"Collected : (\d+)")

Counts = dict[str, int]


class Verdict(NamedTuple):
    """What a comparison found.

    :param lines: what is to be printed.
    :param failed: whether a count grew too much.
    """

    lines: list[str]
    failed: bool


def version() -> str:
    """Return the name under which counts are kept: the version of Python and the architecture."""
    return f"{sys.version_info.major}.{sys.version_info.minor} {platform.machine()}"


def count(argv: list[str], environment: dict[str, str]) -> int:
    """Return how many instructions a command executes, all processes that it starts among them.

    :raises subprocess.CalledProcessError: when it fails.
    """
    with tempfile.NamedTemporaryFile("r") as log:
        valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-children=yes"]
        subprocess.run(
            [*valgrind, f"--log-file={log.name}.%p", *argv],
            env=environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        total = 0
        for path in Path(log.name).parent.glob(f"{Path(log.name).name}.*"):
            total += sum(map(int, _COLLECTED.findall(path.read_text())))
            path.unlink()
    return total


def measure(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and the count of each command.

    :param folder: where the root is made.
    """
    root = roots.make_root(folder / "root")
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        **roots.variables_of(root),
    }
    yield BUILD, count([sys.executable, "-c", "pass"], environment)
    commands = {
        "config getprop": (["config", "getprop", "qpsmtpd", "DNSBL"],) * 2,
        "config setprop": tuple(["config", "setprop", "qpsmtpd", "KarmaStrikes", value] for value in "45"),
        "signal-event email-update, nothing changed": (["signal-event", roots.EVENT],) * 2,
        "expand-template, nothing changed": (["expand-template", "/etc/clamd.conf"],) * 2,
    }
    for name, (first, second) in commands.items():
        _prepare(root, first)
        yield name, _counted(root, second, environment)
    changes = {
        "expand-template, one property changed": (
            ["expand-template", "/etc/clamd.conf"],
            "clamav LogTime",
            "yes",
            "no",
        ),
        "signal-event email-update, one property changed": (
            ["signal-event", roots.EVENT],
            "qpsmtpd LogLevel",
            "5",
            "7",
        ),
    }
    for name, (command, setting, *values) in changes.items():
        for value in values:
            # The first time what it reads for a file that changes is not kept yet.
            roots.do(root, "config", "setprop", *setting.split(), value)
            time.sleep(roots.SETTLING_SECONDS)
            if value != values[-1]:
                _prepare(root, command)
        yield name, _counted(root, command, environment)


def _counted(root: Path, command: list[str], environment: dict[str, str]) -> int:
    """Return how many instructions a command of a root executes."""
    program, *words = roots.words_of(root, *command)
    return count([*started_by(Path(program)), program, *words], environment)


def started_by(program: Path) -> list[str]:
    """Return the words of the first line of a command, but so that the variable for steady hashes counts.

    Of Python's options ``-I`` is ``-E``, ``-P`` and ``-s``, and ``-E`` has it look at no variables (python(1)).
    """
    with program.open("rb") as file:
        first = file.readline().decode()
    if not first.startswith("#!"):
        return []
    interpreter, *options = first[2:].split()
    return [interpreter, *(re.sub("^-(.*)I", r"-\1Ps", option) for option in options)]


def _prepare(root: Path, words: list[str]) -> None:
    """Run a command; one that makes files until what is remembered of these was remembered when they were old."""
    makes_files = words[0] in ("signal-event", "expand-template")
    for _ in range(3 if makes_files else 1):
        roots.do(root, *words)
        if makes_files:
            time.sleep(roots.SETTLING_SECONDS)


def compare(kept: Counts | None, found: Counts, name: str) -> Verdict:
    """Compare counts with the kept ones.

    :param kept: those of the same version of Python, None when there are none.
    :param found: those of now.
    :param name: the version of Python, for messages.
    """
    if kept is None:
        return Verdict([*_lines({}, found), f"no counts of Python {name} are kept, so nothing is judged"], False)
    lines = _lines(kept, found)
    if abs(_change(kept, found, BUILD)) > SAME_BUILD:
        return Verdict([*lines, f"this Python {name} is another build than the kept one: nothing is judged"], False)
    grown = [command for command in found if command != BUILD and _change(kept, found, command) > LIMIT]
    shrunk = [command for command in found if _change(kept, found, command) < -LIMIT]
    lines += [f"{command}: no count is kept" for command in found if command not in kept]
    lines += [f"{command}: it is kept and was not counted" for command in kept if command not in found]
    lines += [f"{command}: over {LIMIT:.0%} more than is kept" for command in grown]
    if grown:
        lines.append("make it cheaper, or keep the counts in the same commit: python -m bench.counts --keep")
    elif shrunk:
        lines.append("some are much lower: keep them, or a later growth hides: python -m bench.counts --keep")
    return Verdict(lines, bool(grown) or found.keys() != kept.keys())


def _change(kept: Counts, found: Counts, command: str) -> float:
    """Return by which part of the kept count a count is higher; 0 when one of them is not there."""
    return found[command] / kept[command] - 1 if command in kept and command in found else 0.0


def _lines(kept: Counts, found: Counts) -> list[str]:
    """Return a line for each count."""
    lines = []
    for command, value in found.items():
        change = f"{_change(kept, found, command):+9.2%}" if command in kept else ""
        lines.append(f"{command:<48} {value / 1e6:10.1f} M {change}".rstrip())
    return lines


def main(words: list[str]) -> int:
    """Count, compare and print, and keep the counts where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.counts", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the counts of this Python in bench/counts.json")
    options = parser.parse_args(words)
    if shutil.which("valgrind") is None:
        print("valgrind is not installed (Debian package valgrind)", file=sys.stderr)
        return 2
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="esmith-counts-", dir="/var/tmp") as folder:
        found = dict(measure(Path(folder)))
    kept: dict[str, Counts] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    verdict = compare(kept.get(version()), found, version())
    print("\n".join(verdict.lines))
    if options.keep:
        KEPT.write_text(json.dumps({**kept, version(): found}, indent=1, sort_keys=True) + "\n")
        print(f"kept for Python {version()}")
        return 0
    return int(verdict.failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
