"""Without each single program that the tests run: what names it is skipped, says its package, and does not fail.

``python -m tests.without [NAME...]`` does it for some names of ``tests/programs.py``, or for all of them
(``.ci/without``). It needs root, and all the programs.

The tests are collected once, with all the programs hidden in a mount namespace: a module that runs one while it is
imported fails there. Then a process is forked for each program, in which only that one is hidden, and begins each test
that names it. A test is skipped before anything else is done for it (``tests/conftest.py``), so none is run.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import re
import sys

import pytest

from tests import programs

# Of sched.h and sys/mount.h.
_CLONE_NEWNS = 0x00020000
_MS_BIND = 0x1000
_MS_PRIVATE_ALL = 1 << 18 | 0x4000
#: For what else a test may be skipped that names a program.
_OTHERWISE = re.compile(r"needs a user who is not root|there is no qmail here")

_libc = ctypes.CDLL(None, use_errno=True)


class Without:
    """Takes the place of the loop that runs the tests.

    :param wanted: the names of programs.
    :param places: where each program is that is hidden now, by its name.
    """

    def __init__(self, wanted: list[str], places: dict[str, str]) -> None:
        self._wanted = wanted
        self._places = places

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Begin the tests of each program without it."""
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected without the programs")
        forking = multiprocessing.get_context("fork")
        for name in self._wanted:
            items = [item for item in session.items if name in programs.names_of(item)]
            child = forking.Process(target=self._try, args=(name, items))
            child.start()
            child.join()
            session.testsfailed += child.exitcode != 0
        return True

    def _try(self, name: str, items: list[pytest.Item]) -> None:
        """Begin the tests of one program, and exit with 1 when not all were skipped for want of it."""
        _enter_namespace()
        for place in {*self._places.values()} - {self._places[name]}:
            _check(_libc.umount2(place.encode(), 0), place)
        programs.look_again()
        text = programs.missing(name)
        wrong = [] if text else [f"it is still found, although {self._places[name]} is hidden"]
        if not items:
            wrong.append("no test names it")
        for item in items:
            reason = _reason(item)
            if not (text and text in reason or _OTHERWISE.match(reason)):
                wrong.append(f"{item.nodeid}: {reason or 'it was not skipped'}")
        print(f"{name:40} {len(items)} tests", *wrong, sep="\n  ", flush=True)
        sys.exit(bool(wrong))


def _reason(item: pytest.Item) -> str:
    """Return why a test is skipped when it begins, "" when it is not."""
    try:
        item.ihook.pytest_runtest_setup(item=item)
    except pytest.skip.Exception as exc:
        return str(exc)
    return ""


def _enter_namespace() -> None:
    """Give this process mounts of its own."""
    _check(_libc.unshare(_CLONE_NEWNS))
    _check(_libc.mount(None, b"/", None, _MS_PRIVATE_ALL, None), "/")


def _check(returned: int, *names: str) -> None:
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), *names)


def main(names: list[str]) -> int:
    """Return the exit code: not 0 when a program is not installed, no test names it, or one was not skipped."""
    places = programs.places()
    wanted = names or list(programs.PACKAGES)
    if lacking := [name for name in wanted if name not in places]:
        print(*(f".ci/without: {programs.missing(name)}" for name in lacking), sep="\n", file=sys.stderr)
        return 1
    os.environ.pop("ESMITH_REQUIRE_DAEMONS", None)
    _enter_namespace()
    for place in {*places.values()}:
        _check(_libc.mount(b"/dev/null", place.encode(), None, _MS_BIND, None), place)
    programs.look_again()
    return pytest.main(["-qq", "-s", "-p", "no:cacheprovider", "-m", ""], [Without(wanted, places)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
