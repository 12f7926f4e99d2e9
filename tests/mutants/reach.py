"""A copy of the tree with an environment of its own, and which of its tests call which functions of the engine.

Commands are processes of their own, so a fault has to be in the files: a copy, because nothing may be left in the
work tree when a run is killed. Each process that imports the copy of the engine notes the functions it calls, with the
test that is in the environment variable :data:`TEST`; a command inherits that from the test.

What was found is kept, for each module of tests, until its text changes. A function is known by its name, so what was
found stays true when lines move.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
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
        line = f"{test}\\t{code.co_filename.removeprefix(_folder)}\\t{code.co_qualname}\\n"
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
class Module:
    """What is known of a module of tests.

    :param digest: of its text and of what the modules of its folder share.
    :param engine: of the engine it was measured with.
    :param seconds: how long each test took that passed.
    :param callers: which tests call a function, by ``path:name``: positions in ``seconds``, since the names are long.
    """

    digest: str
    engine: str
    seconds: dict[str, float] = field(default_factory=dict)
    callers: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reach:
    """Which tests call what.

    :param seconds: how long each test took that passed.
    :param callers: the tests that call a function, by ``path:name``.
    :param is_of_this_engine: whether the engine is the one they were measured with; else a function that nobody is
        known to call may be a new one.
    """

    seconds: dict[str, float]
    callers: dict[str, list[str]]
    is_of_this_engine: bool = True


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
        noted = vars(sys.modules["esmith"])
        noted["_called"].clear()
        # Python stops to trace when that raises an error, as it does where a test recurses too deeply.
        sys.settrace(noted["_note"])
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

    :param path: where it is, and what is known of the tests.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.path = path / "tree"
        self._notes = path / "notes"
        self._kept = path / "measured.json"

    def make(self) -> None:
        """Copy the tree as it is now, and give it an environment with the packages of the one that runs this."""
        # A run that was killed may have left a fault in the copy.
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(ROOT, self.path, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        environment = self.path / _ENVIRONMENT
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        (packages,) = environment.glob("lib/python*/site-packages")
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if entry.suffix != ".pth":
                (packages / entry.name).symlink_to(entry)
        (packages / "copy.pth").write_text(f"{self.path}\n")

    def pytest(self, words: Sequence[str], *, timeout: float | None = None, notes: bool = False) -> int | None:
        """Run pytest in the copy.

        :param timeout: seconds after which it is killed with all that it started.
        :param notes: whether what tests call is noted.
        :return: its exit code; None when it was killed.
        """
        python = str(self.path / _ENVIRONMENT / "bin/python")
        plugin, variables = (["-p", "tests.mutants.reach"], {_NOTES: str(self._notes)}) if notes else ([], {})
        command = [*_alone(), python, "-m", "pytest", "-q", *_WITHOUT, *plugin, *words]
        try:
            done = subprocess.run(
                command,
                cwd=self.path,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return done.returncode

    def unmeasured(self, folders: Iterable[str], without: Iterable[str]) -> dict[str, list[str]]:
        """Return the modules of tests that are not known as they are now, by their folder.

        :param folders: folders of ``tests``.
        :param without: modules that are left out.
        """
        kept = self._read()
        found: dict[str, list[str]] = {}
        for folder in folders:
            for path in sorted((ROOT / "tests" / folder).glob("test_*.py")):
                name = str(path.relative_to(ROOT))
                if name not in without and (name not in kept or kept[name].digest != _digest_of_tests(path)):
                    found.setdefault(folder, []).append(name)
        return found

    def measure(self, modules: Sequence[str]) -> int:
        """Run some modules of tests, and keep what they call.

        :return: how many tests passed.
        :raises SystemExit: when pytest could not run them.
        """
        tests_file = self._path / "tests.json"
        tests_file.unlink(missing_ok=True)
        self._notes.write_text("")
        self._notes.chmod(0o666)
        package = self.path / "esmith/__init__.py"
        own = package.read_bytes()
        package.write_bytes(own + _TRACER.encode())
        try:
            code = self.pytest(modules, notes=True)
        finally:
            package.write_bytes(own)
        if not tests_file.exists():
            raise SystemExit(f"pytest exited {code}, and did not run {' '.join(modules)}")
        tests: list[tuple[str, float | None]] = json.loads(tests_file.read_text())
        engine = _digest_of_engine()
        measured = {name: Module(_digest_of_tests(ROOT / name), engine) for name in modules}
        positions: dict[str, int] = {}
        for name, seconds in tests:
            if seconds is not None:
                known = measured[_module_of(name)].seconds
                positions[name] = len(known)
                known[name] = seconds
        for line in dict.fromkeys(self._notes.read_text().splitlines()):
            number, path, function = line.split("\t")
            name = tests[int(number) - 1][0]
            if name in positions:
                callers = measured[_module_of(name)].callers.setdefault(f"esmith/{path}:{function}", [])
                callers.append(positions[name])
        kept = self._read() | measured
        self._kept.write_text(json.dumps({name: asdict(module) for name, module in kept.items()}))
        return sum(len(module.seconds) for module in measured.values())

    def reach(self, folders: Iterable[str]) -> Reach:
        """Return what is known of the tests of some folders."""
        begins = tuple(f"tests/{folder}/" for folder in folders)
        found = [module for name, module in self._read().items() if name.startswith(begins) and (ROOT / name).exists()]
        seconds: dict[str, float] = {}
        callers: dict[str, list[str]] = defaultdict(list)
        for module in found:
            seconds |= module.seconds
            names = list(module.seconds)
            for function, positions in module.callers.items():
                callers[function] += [names[position] for position in positions]
        engine = _digest_of_engine()
        return Reach(seconds, dict(callers), all(module.engine == engine for module in found))

    def _read(self) -> dict[str, Module]:
        if not self._kept.exists():
            return {}
        return {name: Module(**fields) for name, fields in json.loads(self._kept.read_text()).items()}

    def forget(self) -> None:
        """Forget what is known of the tests."""
        self._kept.unlink(missing_ok=True)


def _module_of(test: str) -> str:
    return test.partition("::")[0]


def _digest_of_tests(path: Path) -> str:
    """Return a digest of a module of tests, and of what it may share with others of its folder."""
    shared = [other for other in path.parent.glob("*.py") if not other.name.startswith("test_")]
    return _digest([path, *shared])


def _digest_of_engine() -> str:
    return _digest((ROOT / "esmith").rglob("*.py"))


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _alone() -> list[str]:
    """Return the words before a command that let it see and kill its own processes only, where that is possible."""
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() == 0 and shutil.which(words[0]):
        return words
    return []
