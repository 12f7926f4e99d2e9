"""The cases of a mail server, played on a machine of its own, with the program that a real machine plays them by."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import pytest

from tests.mailserver import SETTINGS, cases
from tests.mailserver.machine import REPOSITORY, mail_machine, needs_machine
from tests.system.machine import machine_trouble

_LINE = re.compile(r"(ok  |FAIL) (.*)")


#: All cases take two minutes on a quiet machine.
_PLAY_SECONDS = 1200


class _Played(NamedTuple):
    """What the program printed, and the settings before and after."""

    printed: str
    before: str
    after: str


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], _Played]:
    """Return what plays the cases behind a queue, on a machine that is made for the first test that asks."""

    @cache
    def played(queue: str) -> _Played:
        if trouble := machine_trouble():
            if os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1":
                pytest.fail(trouble)
            pytest.skip(trouble)
        with mail_machine(tmp_path_factory.mktemp("mailserver"), queue) as machine:
            words = ("env", f"PYTHONPATH={REPOSITORY}", sys.executable, "-m", "tests.mailserver", "--queue", queue)
            before = machine.run("sh", "-c", SETTINGS).out
            machine.limit = _PLAY_SECONDS
            printed = machine.run(*words, code=None).out
            return _Played(printed, before, machine.run("sh", "-c", SETTINGS).out)

    return played


def _check(printed: str) -> None:
    assert "FAIL" not in printed, printed
    lines = [match[2] for match in map(_LINE.match, printed.splitlines()) if match]
    phases = (cases.BASE, cases.UNKNOWN, cases.DELEGATED, cases.LOGIN)
    expected = {f"{phase.name}: {case.name}" for phase in phases for case in phase.cases}
    assert expected <= set(lines)
    assert printed.splitlines()[-1] == f"{len(lines)} passed, 0 failed"


@needs_machine
@pytest.mark.root("other accounts than one's own get mail")
def test_mail_behind_postfix(play: Callable[[str], _Played]) -> None:
    """Every case ends where the table says: the generated files, qpsmtpd, Postfix, dot-qmail and dovecot together."""
    _check(play("postfix").printed)


@needs_machine
@pytest.mark.daemon("qmail")
@pytest.mark.root("other accounts than one's own get mail")
def test_mail_behind_qmail(play: Callable[[str], _Played]) -> None:
    """The same cases end at the same places behind qmail."""
    _check(play("qmail").printed)


@needs_machine
@pytest.mark.root("other accounts than one's own get mail")
def test_the_cases_take_everything_back(play: Callable[[str], _Played]) -> None:
    """Settings and accounts are afterwards what they were: a real machine plays the cases, too."""
    played = play("postfix")
    assert played.after == played.before
