"""Roots for the tests: made once, copied for every test, so that no test sees another's."""

from __future__ import annotations

import functools
import gc
import importlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from esmith.fragments.perl import engine
from esmith.fragments.perl.process import PerlProcess
from tests import forks
from tests.commands import Root
from tests.examples import FEWER, examples, left_out
from tests.memory import memory
from tests.offices import make_fresh, make_small_office, settle_office
from tests.programs import names_of, path_of, require, require_daemons
from tests.remembered import Memory, remember_code, remember_tables
from tests.reused import CopyRoot, Reused

#: The tests make hundreds of roots.
_WANTED_BYTES = 2 * 2**30
#: Folders whose tests share something that takes long to start or to make.
_TOGETHER = ("tests/system/", "tests/contribs/", "tests/manager/browser/")
#: What takes longest is begun with, so that not one worker has it before it when the other has nothing left.
_FIRST = (
    "tests/system/",
    "tests/page/",
    "tests/contribs/",
    "tests/manager/browser/",
    "tests/crash/test_crash.py",
    "tests/store/test_full_disk_scan.py",
    "tests/content/test_random_settings.py",
    "tests/content/test_settings.py",
    "tests/power/",
    "tests/trust/test_machine.py",
    "tests/watch/test_process.py",
)


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put the tests' folders in memory where there is enough of it and programs may be run there."""
    _share_memory(config)
    # Until the tests are collected: next to nothing that is made then is garbage.
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what is in its background so, and every command of the tests would not see ^C (sh(1)).
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if FEWER:
        from hypothesis import settings

        settings.register_profile("fewer", max_examples=examples())
        settings.load_profile("fewer")
    if (place := config.getoption("--for-root-to")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(ForRoot(os.path.abspath(place)))
    folder = memory()
    if config.option.basetemp or folder is None:
        return
    status = os.statvfs(folder)
    if status.f_bavail * status.f_frsize >= _WANTED_BYTES and not status.f_flag & os.ST_NOEXEC:
        config.option.basetemp = tempfile.mkdtemp(prefix="esmith-tests-", dir=folder)
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))


def _share_memory(config: pytest.Config) -> None:
    """Make the folder of tests/remembered.py; the workers of this run get it from the process that starts them."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        forks.memory = worker["memory"]
    else:
        forks.memory = tempfile.mkdtemp(prefix="esmith-tests-memory-", dir=memory())
        config.add_cleanup(lambda: shutil.rmtree(forks.memory, ignore_errors=True))
    shared = Memory(forks.memory)
    remember_code(shared)
    remember_tables(shared)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give the folder to a worker of pytest-xdist."""
    node.workerinput["memory"] = forks.memory


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each module to one worker, as ``--dist loadscope``, and to one all that need the same running machine."""
    if config.getoption("dist") != "loadscope":
        return None
    scheduling: Any = importlib.import_module("xdist.scheduler").LoadScopeScheduling(config, log)
    by_module = scheduling._split_scope
    scheduling._split_scope = lambda name: next(filter(name.startswith, _TOGETHER), None) or by_module(name)
    return scheduling


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options by which ``.ci/run`` finds and selects tests."""
    parser.addoption("--for-root-to", metavar="FILE", help="write there which tests root has still to run (ForRoot)")
    parser.addoption("--of-list", metavar="FILE", help="run only what is named in this file: a test or a file a line")


class ForRoot:
    """Collects the tests that another user cannot run as root would: they were skipped for that, or say so.

    A test says so by the property ``as root`` (record_property).

    :param place: the file they are written to.
    """

    def __init__(self, place: str) -> None:
        self._place = Path(place)
        self._names: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at a report."""
        reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
        if "needs root" in reason or "as root" in dict(report.user_properties):
            self._names.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        self._place.write_text("".join(f"{name}\n" for name in sorted(self._names)))


@functools.cache
def _listed(place: str) -> set[str]:
    return set(Path(place).read_text().splitlines())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a module alone that no line of a list names: to read all of them takes longer than to play the few."""
    place = config.getoption("--of-list")
    if not place or collection_path.suffix != ".py":
        return None
    files = {name.partition("::")[0] for name in _listed(place)}
    return collection_path.relative_to(config.rootpath).as_posix() not in files or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Look at what every test names, begin with what takes longest, and select the tests of a list that is given."""
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))
    for item in items:
        names_of(item)
    if FEWER:
        left = left_out(item.nodeid for item in items if not _needs_each_case(item))
        _select(config, items, lambda item: item.nodeid not in left)
    if place := config.getoption("--of-list"):
        listed = _listed(place)
        _select(config, items, lambda item: bool(listed & {item.nodeid, item.nodeid.partition("::")[0]}))


def _needs_each_case(item: pytest.Item) -> bool:
    """Return whether no other step plays what this one leaves out."""
    return any(item.get_closest_marker(name) for name in ("plain_user", "each_case"))


def _select(config: pytest.Config, items: list[pytest.Item], is_wanted: Callable[[pytest.Item], bool]) -> None:
    wanted: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        wanted[is_wanted(item)].append(item)
    config.hook.pytest_deselected(items=wanted[False])
    items[:] = wanted[True]


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over what stays to the end: modules, and an object and more for each test."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that cannot run here, before anything is done for it.

    What is skipped begins with one of few reasons, which ``.ci/skips`` knows: no program, one that
    no package has, no root, or root.
    """
    if os.geteuid() != 0 and (mark := item.get_closest_marker("root")):
        pytest.skip(": ".join(["needs root", *mark.args]))
    if os.geteuid() == 0 and (mark := item.get_closest_marker("plain_user")):
        pytest.skip(": ".join(["needs a user who is not root", *mark.args]))
    require_daemons([name for mark in item.iter_markers("daemon") for name in mark.args])
    require(names_of(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note which tests failed."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the caller's root, locks and databases away from the tests, and the umask of a test from those after it."""
    for name in ("ESMITH_ROOT", "ESMITH_EVENT_LOCK", "DBPATH"):
        monkeypatch.delenv(name, raising=False)
    umask = os.umask(0o022)
    os.umask(umask)
    yield
    os.umask(umask)


@pytest.fixture(scope="session")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_fresh(tmp_path_factory.mktemp("fresh") / "root")


@pytest.fixture(scope="session")
def _office(tmp_path_factory: pytest.TempPathFactory, _fresh: Path) -> Path:
    return make_small_office(tmp_path_factory.mktemp("office") / "root", _fresh)


@pytest.fixture(scope="session")
def _reused(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Path, Callable[[Path], None] | None], tuple[Reused, Path]]:
    """Return a function that returns the copy of a prepared root that is used again, and where it is lent to."""

    @functools.cache
    def made(source: Path, settle: Callable[[Path], None] | None) -> tuple[Reused, Path]:
        place = tmp_path_factory.mktemp("reused")
        return Reused(source, place, settle), place / "root"

    return made


@pytest.fixture
def copy_root(
    tmp_path: Path,
    _reused: Callable[[Path, Callable[[Path], None] | None], tuple[Reused, Path]],
    request: pytest.FixtureRequest,
) -> Iterator[CopyRoot]:
    """Return a function that returns a copy of a prepared root for this test; its commands act on the copy."""
    lent: list[tuple[Reused, Path]] = []

    def copy(source: Path, /, settle: Callable[[Path], None] | None = None) -> Root:
        assert not lent, "a test has one copy"
        copies, target = _reused(source, settle)
        # Where one is settled it has to be at the same place for each test.
        target = target if settle else tmp_path / "root"
        copies.lend(target)
        lent.append((copies, target))
        return Root(target)

    yield copy
    for copies, target in lent:
        if not request.node.stash.get(_FAILED, False):
            copies.take_back(target)
        elif target.parent != tmp_path and target.exists():
            # What a test leaves that failed stays for who looks at it.
            target.rename(tmp_path / "root")


@pytest.fixture
def root(_fresh: Path, copy_root: CopyRoot) -> Root:
    """Return a root as ``esmith init`` makes it, with nothing expanded yet."""
    return copy_root(_fresh)


@pytest.fixture
def office(_office: Path, copy_root: CopyRoot) -> Root:
    """Return the root of a small office: two domains, two networks, users, groups, pseudonyms; all expanded."""
    return copy_root(_office, settle_office)


@pytest.fixture
def perls(monkeypatch: pytest.MonkeyPatch) -> list[PerlProcess]:
    """Every perl that is started, in order; Text::Template is there."""
    path_of("Text::Template")
    started: list[PerlProcess] = []

    class Counted(PerlProcess):
        """A perl that is counted."""

        def __init__(self, command: list[str], environment: dict[str, str]) -> None:
            super().__init__(command, environment)
            started.append(self)

    monkeypatch.setattr(engine, "PerlProcess", Counted)
    return started
