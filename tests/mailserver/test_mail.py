"""The cases of a mail server, played on a machine of its own, with the program that a real machine plays them by."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

import pytest

from tests.mailserver import cases
from tests.mailserver.machine import REPOSITORY, mail_machine, needs_machine
from tests.system.machine import machine_trouble

_LINE = re.compile(r"(ok  |FAIL) (.*)")


#: All that the cases change.
_SETTINGS = "for name in configuration accounts domains; do db $name show; done; getent passwd"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """Return what ``python -m tests.mailserver`` printed on a machine, and the settings before and after."""
    if trouble := machine_trouble():
        if os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1":
            pytest.fail(trouble)
        pytest.skip(trouble)
    with mail_machine(tmp_path_factory.mktemp("mailserver"), "postfix") as machine:
        words = ("env", f"PYTHONPATH={REPOSITORY}", sys.executable, "-m", "tests.mailserver", "--queue", "postfix")
        before = machine.run("sh", "-c", _SETTINGS).out
        printed = machine.run(*words, code=None).out
        yield printed, before, machine.run("sh", "-c", _SETTINGS).out


@needs_machine
@pytest.mark.root("other accounts than one's own get mail")
def test_mail_behind_postfix(played: tuple[str, str, str]) -> None:
    """Every case ends where the table says: the generated files, qpsmtpd, Postfix, dot-qmail and dovecot together."""
    printed, _, _ = played
    assert "FAIL" not in printed, printed
    lines = [match[2] for match in map(_LINE.match, printed.splitlines()) if match]
    phases = (cases.BASE, cases.UNKNOWN, cases.DELEGATED, cases.LOGIN)
    expected = {f"{phase.name}: {case.name}" for phase in phases for case in phase.cases}
    assert expected <= set(lines)
    assert printed.splitlines()[-1] == f"{len(lines)} passed, 0 failed"


@needs_machine
@pytest.mark.root("other accounts than one's own get mail")
def test_the_cases_take_everything_back(played: tuple[str, str, str]) -> None:
    """Settings and accounts are afterwards what they were: a real machine plays the cases, too."""
    _, before, after = played
    assert after == before
