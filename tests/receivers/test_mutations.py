"""The test of the test: a fault in any of the files is seen as a disagreement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.content.desk import Desk
from tests.receivers.agreement import Agreement, disagreements
from tests.receivers.files import ALIAS, ASSIGN, CONFIG, CONTROL, HOMES, TEMPLATES, Files, planned
from tests.receivers.office import Office

#: An office in which every line of the files is needed.
OFFICE = """
db domains set second.org domain EmailTo jack
db domains set away.net domain MailServer 10.0.0.9:2525
config set SMTPSmartHost smtp.isp.net
db accounts set mary user Uid 6001
db accounts set mary-ann user Uid 6002 Visible internal
db accounts set my.team group Members mary
db accounts set team pseudonym Account my.team
db accounts set info pseudonym Account sales
db accounts set deputy@test.com pseudonym Account my.team
db accounts set chief@away.net pseudonym Account mary
"""
BAD, GOOD = f"{CONFIG}/badrcptto", f"{CONFIG}/goodrcptto"
LISTS = (ASSIGN, BAD, GOOD, *(f"{CONTROL}/{name}" for name in ("locals", "rcpthosts", "smtproutes", "virtualdomains")))

#: Lines that change nothing when they are missing, each with the reason.
SPARE = (
    (GOOD, r".*@(second\.org|away\.net)", "the line of the whole domain takes every name"),
    (GOOD, r"mary-ann@.*", "it is an extension of mary for qpsmtpd, which has to take both"),
    (ASSIGN, r"=alias:.*", "nobody writes to alias itself"),
    (ASSIGN, r"[=+]shared(-.*)?:.*", "everyone leads to ~alias/.qmail-shared by its own line"),
    (ASSIGN, r"\+root-:.*", "nobody writes to root with an extension"),
    (ASSIGN, r"\.", "qmail-newu refuses the file, which the reader says by an error"),
    (BAD, r"\S*[!%@]\S* .*", "the patterns of badrcptto_patterns are no names"),
    (BAD, r".*@away\.net", "an internal name of another server's domain: no account of ours gets its mail"),
    (BAD, r".*@second\.org", "jack gets all mail of the domain"),
)
_made: list[tuple[Files, Office]] = []


@pytest.fixture
def office(desk: Desk) -> tuple[Files, Office]:
    """Return the files of the office, and what it means."""
    if not _made:
        with desk.trial(OFFICE) as trial:
            _made.append((planned(trial.plan(*TEMPLATES)), Office(trial.transaction)))
    return _made[0]


def _is_seen(files: Files, office: Office) -> bool:
    try:
        return any(Agreement(files, office).problems())
    except AssertionError:
        return True


def _lines(files: Files, path: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(files.texts[path].splitlines()):
        if line and not line.startswith("#"):
            yield number, line


@cache
def _is_spare(path: str, line: str) -> bool:
    return any(path == where and re.fullmatch(pattern, line) for where, pattern, _ in SPARE)


def test_the_files_of_the_office_agree(office: tuple[Files, Office]) -> None:
    """Without a fault there is no disagreement."""
    assert disagreements(*office) == []


@pytest.mark.parametrize("path", LISTS)
def test_a_line_that_is_missing_is_seen(office: tuple[Files, Office], path: str) -> None:
    """Each line of each list is missed, but for those that say what another line says as well."""
    files, settings = office
    dropped = [(number, line) for number, line in _lines(files, path) if not _is_spare(path, line)]
    assert dropped
    unseen = [line for number, line in dropped if not _is_seen(files.without(path, number), settings)]
    assert unseen == [], unseen


@pytest.mark.parametrize("path", [BAD, GOOD, f"{CONTROL}/virtualdomains"])
def test_an_extension_in_a_list_is_seen(office: tuple[Files, Office], path: str) -> None:
    """A list that names only an extension of an address is one without the address."""
    files, settings = office
    for number, line in _lines(files, path):
        name = line.split("@")[0]
        if re.fullmatch(r"[a-z][a-z.-]*", name) and not _is_spare(path, line):
            lines = files.texts[path].splitlines()
            lines[number] = f"{name}-x{line.removeprefix(name)}"
            assert _is_seen(files.changed(path, "\n".join(lines) + "\n"), settings), line


ALIASES = ("default", "localdelivery-default", "shared", "group1", "my:team")
INSTRUCTIONS = (*(f"{ALIAS}/.qmail-{name}" for name in ALIASES), f"{HOMES}/mary/.qmail", f"{HOMES}/tom/.qmail-junkmail")


@pytest.mark.parametrize("path", INSTRUCTIONS)
def test_a_missing_instruction_is_seen(office: tuple[Files, Office], path: str) -> None:
    """Mail that a .qmail file drops or leads elsewhere is missed, and so is the file."""
    files, settings = office
    for number, line in _lines(files, path):
        if "junkmail" not in line and "bouncesaying" not in line:
            assert _is_seen(files.without(path, number), settings), line
    if path != f"{ALIAS}/.qmail-default" and not path.startswith(HOMES):
        assert _is_seen(Files({k: v for k, v in files.texts.items() if k != path}, files.links), settings)


def test_a_missing_link_is_seen(office: tuple[Files, Office]) -> None:
    """Without .qmail-NAME-default there is no mail for name-anything."""
    files, settings = office
    assert len(files.links) > 8
    for link in files.links:
        rest = {path: goal for path, goal in files.links.items() if path != link}
        assert _is_seen(Files(files.texts, rest), settings), link


@pytest.mark.parametrize("peers", ["0", "local"])
def test_wrong_plugins_are_seen(office: tuple[Files, Office], peers: str) -> None:
    """A queue plugin before qmail-queue takes all mail; a check of recipients behind rcpt_ok checks nothing."""
    files, settings = office
    path = f"{CONFIG}/peers/{peers}"
    lines = files.texts[path].splitlines()
    queue, good, okay = (lines.index(name) for name in ("queue/qmail-queue", "check_goodrcptto extn -", "rcpt_ok"))
    orders = [
        [*lines[:queue], "queue/smtp-forward 10.0.0.9", *lines[queue:]],
        [*lines[:queue], "queue/smtp-forward inner:26", *lines[queue:]],
        [*lines[:queue], *lines[queue + 1 :]],
        [*lines[:okay], *lines[okay + 1 :]],
        [*lines[:good], *lines[good + 1 : okay + 1], lines[good], *lines[okay + 1 :]],
        [*lines[:good], "check_goodrcptto", *lines[good + 1 :]],
    ]
    for order in orders:
        assert _is_seen(files.changed(path, "\n".join(order) + "\n"), settings), order
