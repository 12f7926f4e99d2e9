"""A copy of the tree with an environment of its own, and which of its tests call which functions of the engine.

Commands are processes of their own, so a fault has to be in the files: a copy, because nothing may be left in the
work tree when a run is killed. Each process that imports the copy of the engine notes the functions it calls, with the
test that is in the environment variable :data:`TEST`; a command inherits that from the test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
#: The number of the test that runs.
TEST = "ESMITH_MUTANTS_TEST"
_NOTES = "ESMITH_MUTANTS_NOTES"
#: Not needed in one process, for a tree that is thrown away.
_WITHOUT = ("-p", "no:xdist", "-p", "no:cacheprovider")
_ENVIRONMENT = ".venv"
_LEFT_OUT = (".git", _ENVIRONMENT, ".mutants", "*_cache", "__pycache__", ".hypothesis", "demo-root", "build", "dist")

#: Appended to the copy's esmith/__init__.py. A function is noted at its first call in a test.
_TRACER = """
import os
import sys
import threading

_called: set[int] = set()
_folder = os.path.dirname(__file__) + os.sep


def _note(frame, event, argument):
    code = frame.f_code
    if id(code) in _called:
        return
    test = os.environ.get("ESMITH_MUTANTS_TEST")
    if not test:
        return
    _called.add(id(code))
    if code.co_filename.startswith(_folder):
        line = f"{test}\\t{code.co_filename.removeprefix(_folder)}\\t{code.co_firstlineno}\\n"
        try:
            file = os.open(os.environ["ESMITH_MUTANTS_NOTES"], os.O_WRONLY | os.O_APPEND)
        except (OSError, KeyError):
            return
        os.write(file, line.encode())
        os.close(file)


sys.settrace(_note)
threading.settrace(_note)
"""


@dataclass(frozen=True)
class Reach:
    """Which tests call what.

    :param seconds: how long each test took that passed.
    :param callers: the tests that call a function, by ``path:line`` of its first line.
    """

    seconds: dict[str, float]
    callers: dict[str, list[str]]


class Notes:
    """A plugin of pytest: names the test that runs to what it calls, and keeps how long each took."""

    def __init__(self, tests: Path) -> None:
        self._tests = tests
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()
        self._names: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin to note a test."""
        vars(sys.modules["esmith"])["_called"].clear()
        self._names.append(nodeid)
        os.environ[TEST] = str(len(self._names))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the time of a part of a test."""
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration
        if not report.passed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write down the tests in the order of their numbers, with the seconds; none of one that did not pass."""
        lines = [[name, None if name in self._failed else self._seconds.get(name)] for name in self._names]
        self._tests.write_text(json.dumps(lines))


def pytest_configure(config: pytest.Config) -> None:
    """Note what the tests call, where that is wanted."""
    if _NOTES in os.environ:
        config.pluginmanager.register(Notes(Path(os.environ[_NOTES]).with_name("tests.json")))


class Tree:
    """A copy of the tree.

    :param path: where it is, and what is known of it; made by :meth:`make`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.path = path / "tree"
        self._notes = path / "notes"

    def make(self) -> None:
        """Copy the tree as it is now, and give it an environment with the packages of the one that runs this."""
        shutil.rmtree(self._path, ignore_errors=True)
        self.renew()
        environment = self.path / _ENVIRONMENT
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        (packages,) = environment.glob("lib/python*/site-packages")
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if entry.suffix != ".pth":
                (packages / entry.name).symlink_to(entry)
        (packages / "copy.pth").write_text(f"{self.path}\n")

    def renew(self) -> None:
        """Copy the files of the tree as they are now; a run that was killed may have left a fault in the copy."""
        for entry in self.path.glob("*"):
            if entry.name != _ENVIRONMENT:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        left_out = shutil.ignore_patterns(*_LEFT_OUT)
        shutil.copytree(ROOT, self.path, symlinks=True, ignore=left_out, dirs_exist_ok=True)

    def pytest(self, words: Sequence[str], *, timeout: float | None = None, notes: bool = False) -> int | None:
        """Run pytest in the copy.

        :param timeout: seconds after which it is killed with all that it started.
        :param notes: whether what tests call is noted.
        :return: its exit code; None when it was killed.
        """
        python = str(self.path / _ENVIRONMENT / "bin/python")
        plugin, variables = (["-p", "tests.mutants.reach"], {_NOTES: str(self._notes)}) if notes else ([], {})
        command = [*_alone(), python, "-m", "pytest", "-q", *_WITHOUT, *plugin, *words]
        environment = {**os.environ, **variables}
        out = None if notes else subprocess.DEVNULL
        try:
            done = subprocess.run(
                command,
                cwd=self.path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return done.returncode

    def measure(self, words: Sequence[str]) -> None:
        """Run tests, and keep what they call.

        :param words: arguments of pytest, e.g. ``tests/store``.
        """
        self._notes.touch()
        self._notes.chmod(0o666)
        package = self.path / "esmith/__init__.py"
        own = package.read_bytes()
        package.write_bytes(own + _TRACER.encode())
        try:
            self.pytest(words, notes=True)
        finally:
            package.write_bytes(own)
        tests = [(name, seconds) for name, seconds in json.loads((self._path / "tests.json").read_text())]
        found: dict[str, dict[str, None]] = {}
        for line in self._notes.read_text().splitlines():
            number, path, first = line.split("\t")
            name, seconds = tests[int(number) - 1]
            if seconds is not None:
                found.setdefault(f"esmith/{path}:{first}", {})[name] = None
        passed = {name: seconds for name, seconds in tests if seconds is not None}
        known = {"seconds": passed, "callers": {function: list(names) for function, names in found.items()}}
        (self._path / "reach.json").write_text(json.dumps(known))

    def known(self) -> Reach | None:
        """Return what :meth:`measure` found; None when it did not run."""
        try:
            return Reach(**json.loads((self._path / "reach.json").read_text()))
        except FileNotFoundError:
            return None


def _alone() -> list[str]:
    """Return the words before a command that let it see and kill its own processes only, where that is possible."""
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() == 0 and shutil.which(words[0]):
        return words
    return []
