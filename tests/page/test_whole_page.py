"""The whole page in its own order, in one shell, nothing undone; and what real programs report about the result."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.page.conftest import kind_of_stage, open_stage_in
from tests.page.play import Played, play_page
from tests.page.transcript import all_transcripts

pytestmark = pytest.mark.usefixtures("better_stage")


@pytest.fixture(scope="module")
def played(page_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Return the stage after the whole page was typed, and what went otherwise than in the sections on the way."""
    kind = kind_of_stage()
    stage = open_stage_in(tmp_path_factory.mktemp("page"), page_office, kind)
    yield play_page(stage, all_transcripts(), kind)
    stage.close()


def test_every_command_answers_as_in_its_section(played: Played) -> None:
    """Typed in one shell in page order, every command exits and complains as it does in its own section."""
    assert not played.faults, "\n" + "\n".join(played.faults)


@dataclass(frozen=True)
class Check:
    """What a real program reports about a generated file.

    :param program: the program.
    :param file: the file; without it the test fails.
    :param command: how it is asked.
    :param wrong: what its answer must not hold.
    :param right: what its answer must hold.
    """

    program: str
    file: str
    command: str
    wrong: str = r"."
    right: str = ""


CHECKS = {
    "clamav": Check("clamconf", "/etc/clamd.conf", "clamconf -n -c {etc}", r"ERROR|DEPRECATED|WARNING", "MaxFileSize"),
    "spamassassin": Check(
        "spamassassin",
        "/etc/mail/spamassassin/local.cf",
        "cp /etc/spamassassin/*.pre lint/ 2>/dev/null; cp {etc}/mail/spamassassin/local.cf lint/; "
        "spamassassin --lint -L --siteconfigpath=lint",
    ),
    "php": Check(
        "php",
        "/etc/php.ini",
        "php -c {etc}/php.ini -d error_log= -d display_errors=stderr -r 'echo ini_get(\"memory_limit\");'",
        r"PHP|rror",
        "64M",
    ),
    "dovecot": Check(
        "doveconf",
        "/etc/dovecot/dovecot.conf",
        "doveconf -n -c {etc}/dovecot/dovecot.conf",
        r"Error|Fatal|Warning",
        "mail_max_userip_connections = 20",
    ),
    "fetchmail": Check(
        "fetchmail",
        "/etc/fetchmailrc",
        "chmod 600 {etc}/fetchmailrc; fetchmail --configdump -f {etc}/fetchmailrc",
        r"rror|requires envelope",
        "pop3.mypopserver.com",
    ),
}


@pytest.mark.parametrize(
    "check", [pytest.param(check, id=name, marks=pytest.mark.program(check.program)) for name, check in CHECKS.items()]
)
def test_a_real_program_accepts_its_file(check: Check, played: Played) -> None:
    """After the whole page, the real program finds nothing wrong with its generated file."""
    assert played.stage.path(check.file).exists(), f"{check.file} was not generated"
    etc = played.stage.localised("/etc/e-smith").removesuffix("/e-smith")
    played.stage.run(f"cd '{played.stage.work}/desk'; mkdir -p lint")
    outcome = played.stage.run(check.command.replace("{etc}", etc))
    printed = outcome.out + outcome.err
    assert outcome.code == 0, printed
    assert not re.search(check.wrong, printed), printed
    assert check.right in printed, printed
