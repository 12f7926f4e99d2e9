"""A place where a command is attacked again and again, and what has to hold after each attack."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.crash.attack import NO_ATTACK, Attack, Run, Runner
from tests.crash.calls import Site
from tests.crash.scenarios import RECOVER, SAME, Command, Scenario
from tests.crash.services import Supervised
from tests.crash.trees import DERIVED, Copy, Rows, Tree, compared, known_names, leftovers, look, read_rows

#: The engine does not remember a file that is younger (esmith.looks).
_YOUNG_SECONDS = 2.1
#: Where calls do not count: the log, which nothing depends on, and the supervisor's own files.
_IGNORED = ("/var/log/", "/service")
#: A command says by these that nothing it is about has changed, neither files nor settings.
_UNCHANGED = re.compile(r"nothing was (changed|imported)")
_NO_FILE = re.compile(r"no file was changed")
_RESTORED = re.compile(r"the old content of \d+ files? was restored(?!, but)")
_LEFT_FOR_RECOVER = re.compile(r"esmith recover|run it again|import again")


Settings = dict[tuple[bytes, bytes], bytes]
_K = TypeVar("_K", str, tuple[bytes, bytes])


@dataclass(frozen=True)
class State:
    """What is compared: the files and the settings."""

    files: dict[str, object]
    settings: Settings


@dataclass
class Expected:
    """What a command that is run next leaves when nothing is attacked, from the state before and from that after.

    :param states: the two states.
    :param codes: the two exit codes.
    """

    states: tuple[State, State]
    codes: tuple[int, int]


@dataclass(frozen=True)
class Trial:
    """What is to be tried.

    :param attack: what is done to the command.
    :param next: what is run after it.
    :param second: what is done to that one, which is run once more then.
    """

    attack: Attack
    next: str
    second: Attack = NO_ATTACK

    def __str__(self) -> str:
        again = f" (attacked: {self.second}; then once more)" if self.second != NO_ATTACK else ""
        return f"{self.attack}; then {self.next}{again}"


@dataclass
class Outcome:
    """What came of a trial.

    :param trial: the trial.
    :param site: where the command was attacked; None where it had ended before.
    :param code: its exit code.
    :param wrong: what must not be so.
    :param cpu: the processor time of the last ``esmith recover``, in seconds.
    """

    trial: Trial
    site: Site | None = None
    code: int = 0
    wrong: list[str] = field(default_factory=list)
    cpu: float = 0.0


class Ring:
    """A root in which a command is attacked, and restored after each trial.

    :param scenario: the command.
    :param model: the root as it is before.
    :param folder: a folder of its own.
    :param scripts: the folder of the commands' scripts.
    :param learn: called before each command (tests/fork_server.py).
    """

    def __init__(self, scenario: Scenario, model: Path, folder: Path, scripts: Path, learn: Callable[[], None]) -> None:
        folder.mkdir(exist_ok=True)
        self._scenario = scenario
        self._root = folder / "root"
        self._supervised = Supervised(folder, self._root)
        path = f"{self._supervised.programs}:{os.environ['PATH']}"
        self._runner = Runner(self._root, _IGNORED, {**os.environ, "ESMITH_ROOT": str(self._root), "PATH": path})
        self._scripts = scripts
        self._learn = learn
        self._copy = Copy(model, self._root)
        self._talk: Callable[[str], None] = lambda _: None
        self._revision = 0
        # The last look, while nothing was run after it.
        self._seen: Tree | None = None
        if scenario.first:
            self._prepare(folder / "model")
        self._revision = read_rows(self._root).revision
        self._drawn: set[tuple[bytes, bytes]] = set()
        self._before = self._state()
        self._trees: list[Tree] = [self._copy.tree]
        self._expected: dict[str, Expected] = {}
        self._services: set[str] = set()
        #: The run without an attack.
        self.clean = Run()
        self._rehearse()
        self._names = known_names(self._trees)

    def close(self) -> None:
        """Leave the root."""
        self._supervised.release()

    def run(self, what: str, attack: Attack = NO_ATTACK, *, traced: bool = False) -> Run:
        """Run the command itself, or one of those that are run next."""
        return self._run(self._scenario.command_of(what), attack, traced=traced)

    def _run(self, command: Command, attack: Attack = NO_ATTACK, *, traced: bool = False) -> Run:
        self._learn()
        self._seen = None
        words = [word.format(root=self._root, revision=self._revision) for word in command.words]
        run = self._runner.run(str(self._scripts / command.script), words, attack, traced=traced)
        self._talk(f"$ {command.script} {' '.join(words)}\n{run.printed}exit {run.code}")
        return run

    def restore(self) -> None:
        """Make everything as it was before."""
        self._copy.restore(self._seen)
        self._seen = None
        self._supervised.hold()
        self._supervised.forget()

    def _prepare(self, model: Path) -> None:
        """Run what is run first in the root; what it leaves is what the root is restored to."""
        self._supervised.watch([])
        self._supervised.hold()
        time.sleep(_YOUNG_SECONDS)
        for command in self._scenario.first:
            run = self._run(command)
            assert run.code == 0, run.printed
        self._copy.adopt(model)

    def _rehearse(self) -> None:
        """Find out what all of it does without an attack."""
        # The first time programs look at the new files, and the answers are remembered for the other times.
        self._supervised.watch([])
        self.restore()
        self.run(SAME)
        first = self._settled()
        self.restore()
        self.clean = self.run(SAME, traced=True)
        assert self.clean.code == 0, self.clean.printed
        self._services = {service for _, service, _ in self._supervised.calls()}
        second = self._settled()
        # A password that is drawn when there is none is another one each time.
        self._drawn = {cell for cell, value in first.settings.items() if second.settings.get(cell, value) != value}
        self._after = self._settled()
        assert not (other := differences(State(first.files, {}), State(second.files, {}))), (
            f"not the same twice: {other}"
        )
        changed = differences(State(self._before.files, {}), State(second.files, {}))
        # No service keeps what is made of other files: a program reads it each time, as qmail its users/cdb.
        self._supervised.watch([path for path in changed if not (self._is_directory(path) or path in DERIVED)])
        self.restore()
        self._sum_before = self._supervised.sum()
        for what in self._scenario.next:
            # The run without an attack was that of the same command.
            first_run = (self._after, self.clean.code) if what == SAME else self._expect(what, [])
            found = [first_run, self._expect(what, [SAME])]
            self._expected[what] = Expected((found[0][0], found[1][0]), (found[0][1], found[1][1]))

    def _expect(self, what: str, before: list[str]) -> tuple[State, int]:
        """Return what a command that is run next leaves, and its exit code."""
        self.restore()
        for command in before:
            self.run(command)
        code = self.run(what).code
        return self._settled(), code

    def _settled(self) -> State:
        """Return the state, whose names are known from now on."""
        self._trees.append(look(self._root, self._copy.tree))
        return self._state()

    def _state(self) -> State:
        tree = look(self._root, self._copy.tree)
        return State(self._files(tree), self._settings(read_rows(self._root)))

    def _settings(self, rows: Rows) -> Settings:
        return {cell: b"drawn" if cell in self._drawn else value for cell, value in rows.settings.items()}

    def _is_directory(self, path: str) -> bool:
        return any(path in tree and stat.S_ISDIR(tree[path].mode) for tree in self._trees)

    def _files(self, tree: Tree) -> dict[str, object]:
        return dict(compared(tree, self._copy.tree.keys()))

    def judge(self, trial: Trial, talk: Callable[[str], None] = lambda _: None) -> Outcome:
        """Try something and find what is wrong afterwards.

        :param talk: called with what the commands print.
        """
        self._talk = talk
        self.restore()
        outcome = Outcome(trial)
        run = self.run(SAME, trial.attack, traced=True)
        outcome.site, outcome.code = run.hit, run.code
        outcome.wrong += _printed(run, "the command")
        outcome.wrong += self._at_once(run, ended=bool(trial.attack.signal))
        following = self._next(trial, outcome)
        outcome.wrong += self._in_the_end(trial, run, following)
        return outcome

    def _next(self, trial: Trial, outcome: Outcome) -> Run:
        """Run what is run next, and that once more when it was attacked itself."""
        if trial.second != NO_ATTACK:
            second = self.run(trial.next, trial.second, traced=True)
            outcome.wrong += _printed(second, f"{trial.next} that was attacked")
        following = self.run(trial.next)
        if trial.next == RECOVER:
            outcome.cpu = following.cpu
        outcome.wrong += _printed(following, f"{trial.next} as the next command")
        return following

    def _at_once(self, run: Run, *, ended: bool) -> Iterator[str]:
        """Yield what is wrong before anything else is run.

        :param ended: whether a signal has ended it: then only what it says has to be true.
        """
        if run.code < 0:
            return
        now = self._state()
        if run.code == 0:
            yield from self._must_be(now, self._after, "it exits 0")
        elif _UNCHANGED.search(run.printed):
            yield from self._must_be(now, self._before, f"it exits {run.code} and says that nothing was changed")
        elif _RESTORED.search(run.printed):
            # What a rollback restores is what it is to make.
            wanted = self._after if self._scenario.name == "rollback" else self._before
            yield from self._must_be_files(now, wanted, f"it exits {run.code} and says that the files were restored")
        elif _NO_FILE.search(run.printed):
            yield from self._must_be_files(
                now, self._before, f"it exits {run.code} and says that the files are as before"
            )
        elif not ended and not _LEFT_FOR_RECOVER.search(run.printed):
            yield from self._one_of(now, (self._before, self._after), f"it exits {run.code}")

    def _in_the_end(self, trial: Trial, run: Run, following: Run) -> Iterator[str]:
        """Yield what is wrong after what was run next."""
        expected = self._expected[trial.next]
        place = f"after {trial.next}"
        if following.code not in expected.codes:
            yield f"{place}: it exits {following.code}: {_short(following.printed)}"
            return
        rows = read_rows(self._root)
        if rows.damage:
            yield f"{place}: the data file is damaged: {rows.damage}"
            return
        tree = look(self._root, self._copy.tree)
        now = State(self._files(tree), self._settings(rows))
        allowed = expected.states[1:] if run.code == 0 else expected.states
        if trial.second != NO_ATTACK and trial.next == SAME:
            allowed = expected.states
        yield from self._one_of(now, allowed, place)
        yield from self._services_follow(rows, place)
        if trial.next != RECOVER and rows.revision:
            last = self.run(RECOVER)
            yield from _printed(last, "esmith recover at the end")
            tree, rows = look(self._root, self._copy.tree), read_rows(self._root)
            if last.code != 0:
                yield f"esmith recover at the end: it exits {last.code}: {_short(last.printed)}"
            yield from self._must_be(State(self._files(tree), self._settings(rows)), now, "esmith recover after that")
        self._seen = tree
        found = leftovers(tree, self._names, rows)
        if found:
            yield f"left over in the end: {_some(found)}"
        if unfinished := [number for number, complete in rows.generations.items() if not complete]:
            yield f"in the end generation {unfinished[0]} is not complete"

    def _services_follow(self, rows: Rows, place: str) -> Iterator[str]:
        """Yield the services that run with other files than those that are there, and have no pending action."""
        if not self._services:
            return
        loaded = {service: found for _, service, found in self._supervised.calls()}
        now = self._supervised.sum()
        for service in sorted(self._services - rows.pending):
            if loaded.get(service, self._sum_before) != now:
                yield f"{place}: service {service} has other files than those that are there, and nothing is pending"

    def _one_of(self, now: State, allowed: tuple[State, ...], place: str) -> Iterator[str]:
        found = [differences(now, state) for state in allowed]
        if all(found):
            nearest = min(found, key=len)
            text = f"{len(nearest)} differ: {_some(nearest)}"
            yield f"{place}: neither all as before nor all as after; {text}" if len(allowed) > 1 else f"{place}: {text}"

    def _must_be(self, now: State, wanted: State, place: str) -> Iterator[str]:
        found = differences(now, wanted)
        if found:
            yield f"{place}, but {len(found)} differ: {_some(found)}"

    def _must_be_files(self, now: State, wanted: State, place: str) -> Iterator[str]:
        yield from self._must_be(State(now.files, {}), State(wanted.files, {}), place)


def differences(one: State, other: State) -> list[str]:
    """Return the names of files and settings that are not the same."""
    files = _differing(one.files, other.files)
    wrong = _differing(one.settings, other.settings)
    return [*files, *(" ".join(part.decode().replace("\0", " ") for part in cell) for cell in wrong)]


def _differing(one: Mapping[_K, object], other: Mapping[_K, object]) -> list[_K]:
    if one == other:
        return []
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def _printed(run: Run, what: str) -> Iterator[str]:
    if "Traceback" in run.printed:
        yield f"{what} prints a traceback: {run.printed.strip().splitlines()[-1]}"
    if run.hung:
        yield f"{what} does not end"


def _short(text: str) -> str:
    return " ".join(text.split())[:300]


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
