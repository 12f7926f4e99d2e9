"""What a command takes: processor seconds and memory, of runs by turns.

A machine does other work, too, so seconds of a clock say little. What is measured is the processor time (user and
system) of a command and of all processes it waited for, and commands that are compared are run by turns, A B A B. The
figure of each is the median of its runs, and a ratio is the median of those of the rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

RUNNER = Path(__file__).parent / "runner.py"
_BYTES_IN_KIBIBYTE, _BYTES_IN_MEGABYTE = 1024, 1_000_000


class Cost(NamedTuple):
    """What one command took.

    :param cpu: seconds, user and system, of the command and all processes it waited for.
    :param peak: the largest memory (resident set) of one of them, in MB (a million bytes).
    """

    cpu: float
    peak: float


#: Prepares and runs one command, and returns what the command took.
Task = Callable[[], Cost]


class CommandError(Exception):
    """A command that is measured did not do its work."""


class Runner:
    """Runs commands one after the other, through the small process of ``bench/runner.py``.

    :param folder: where messages of the commands go.
    """

    def __init__(self, folder: Path) -> None:
        self._errors = folder / "errors"
        self._process = subprocess.Popen(
            [sys.executable, "-IS", str(RUNNER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self,
        argv: list[str],
        *,
        variables: Mapping[str, str] | None = None,
        stdin: str = os.devnull,
        good: tuple[int, ...] = (0,),
    ) -> Cost:
        """Run a command and return what it took.

        :param variables: what its environment has besides that of this process.
        :param stdin: the path of a file that it reads.
        :param good: the exit codes that are no failure.
        :raises CommandError: when it ends with another exit code, with its message.
        """
        environment = {**os.environ, **(variables or {})}
        request = {"argv": argv, "env": environment, "stdin": stdin, "errors": str(self._errors)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code, cpu, kibibytes = json.loads(self._process.stdout.readline())
        if code not in good:
            raise CommandError(f"{' '.join(argv)} ended with {code}:\n{self._errors.read_text(errors='replace')}")
        return Cost(cpu, kibibytes * _BYTES_IN_KIBIBYTE / _BYTES_IN_MEGABYTE)

    def interpreter(self) -> Cost:
        """Return what a start of this Python takes that does nothing."""
        return self.run([sys.executable, "-c", "pass"])

    def close(self) -> None:
        """End the process that runs the commands."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def by_turns(tasks: Mapping[str, Task], rounds: int) -> dict[str, list[Cost]]:
    """Run tasks by turns, A B A B, and return the costs of each, in the order of the rounds.

    :param rounds: how often each is run. With more than one, each is run once before that, which does not count.
    """
    if rounds > 1:
        for task in tasks.values():
            task()
    costs: dict[str, list[Cost]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            costs[name].append(task())
    return costs


def ratio(costs: list[Cost], others: list[Cost]) -> float:
    """Return how many times as much processor time one task took as another: the median of the rounds.

    A machine may be slower for some of them; within a round it is not.
    """
    return statistics.median(cost.cpu / other.cpu for cost, other in zip(costs, others, strict=True))


def median(costs: list[Cost]) -> Cost:
    """Return the median of the seconds, and that of the memory."""
    return Cost(statistics.median(cost.cpu for cost in costs), statistics.median(cost.peak for cost in costs))
