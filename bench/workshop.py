"""Where the measurements are made: a folder with roots, the process that runs commands, and the original."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import roots
from bench.measuring import Cost, Runner, Task, by_turns, median, ratio
from bench.original import Original
from bench.rows import LEAST, Figures

LEAST_PROGRAM = Path(__file__).parent / "least.py"
#: What a part of the table yields: the name of a row, and its figures.
Measured = Iterator[tuple[str, Figures]]


class Workshop:
    """Makes roots and measures commands in them.

    :param folder: an empty directory for all of it.
    :param rounds: how often a command is run whose runs differ little; the median counts.
    :param original: what to compare with; None when there is no perl.
    """

    def __init__(self, folder: Path, runner: Runner, rounds: int, original: Original | None = None) -> None:
        self.folder = folder
        self.runner = runner
        self.rounds = rounds
        self.original = original
        self._roots: dict[str, Path] = {}

    def root(self, name: str, fill: Callable[[Path], object] = lambda _root: None) -> Path:
        """Return the root of a name; when it is not there yet, a new one is made and filled.

        :param fill: what is done with a new root.
        """
        if name not in self._roots:
            root = roots.make_root(self.folder / name)
            fill(root)
            self._roots[name] = root
        return self._roots[name]

    def command(
        self, root: Path, name: str, *words: str, stdin: Path | None = None, good: tuple[int, ...] = (0,)
    ) -> Task:
        """Return a task that runs a command of a root.

        :param stdin: the file that it reads.
        :param good: the exit codes that are no failure.
        """
        argv = roots.words_of(root, name, *words)
        source = os.devnull if stdin is None else str(stdin)
        return lambda: self.runner.run(argv, variables=roots.variables_of(root), stdin=source, good=good)

    def prepared(self, prepare: Callable[[], object], task: Task) -> Task:
        """Return a task that does something before it that is not measured."""

        def run() -> Cost:
            prepare()
            return task()

        return run

    def least(self, word: str, *arguments: str) -> Task:
        """Return a task that does no more than what a command cannot do without.

        :param word: a function of ``bench/least.py``.
        """
        argv = [sys.executable, "-IS", str(LEAST_PROGRAM), sysconfig.get_path("platlib"), word, *arguments]
        return lambda: self.runner.run(argv)

    def least_look(self, root: Path) -> Task:
        """Return a task that looks once at each file that :data:`bench.roots.EVENT` generates in a settled root."""
        listing = self.folder / f"{root.name}-files"
        listing.write_bytes(b"".join(b"%b\0" % os.fsencode(path) for path in roots.generated_files(root)))
        return self.least("look", str(listing))

    def compare(self, ours: Task, original: Task | None = None, rounds: int = 0, least: Task | None = None) -> Figures:
        """Measure a command beside the start of the interpreter, what the original does, and the least work for it.

        :param rounds: how often; as often as usual without it.
        :return: its figures ``cpu``, ``interpreter``, ``peak``, and ``original`` where that was measured; those of the
            least work for it have the prefix :data:`bench.rows.LEAST`.
        """
        tasks: dict[str, Task] = {"interpreter": self.runner.interpreter, "ours": ours}
        if original is not None:
            tasks["original"] = original
        if least is not None:
            tasks["least"] = least
        costs = by_turns(tasks, rounds or self.rounds)
        figures = {"peak": median(costs["ours"]).peak}
        for prefix, name in (("", "ours"), (LEAST, "least")):
            if name in tasks:
                figures[f"{prefix}cpu"] = median(costs[name]).cpu
                figures[f"{prefix}interpreter"] = ratio(costs[name], costs["interpreter"])
                if original is not None:
                    figures[f"{prefix}original"] = ratio(costs[name], costs["original"])
        if original is not None:
            figures["original cpu"] = median(costs["original"]).cpu
        return figures

    def flat_file(self, root: Path, database: str) -> Path:
        """Write a database of a root as the original's flat file, and return its path."""
        program = ["config"] if database == "configuration" else ["db", database]
        path = self.folder / f"{root.name}-{database}"
        path.write_text(roots.do(root, *program, "print"))
        return path
