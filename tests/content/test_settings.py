"""Every setting that drives a shipped template: what it changes, and that it changes nothing else.

The tables are in ``cases``.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.commands import Root
from tests.content.desk import AREAS, Case, Desk, changes_of, read_cases

HERE = Path(__file__).parent
TABLES = {path.stem: read_cases(path) for path in sorted((HERE / "cases").glob("*.txt"))}
ALL = {f"{table}:{case.name}": case for table, cases in TABLES.items() for case in cases}
REPOSITORY = HERE.parent.parent


@pytest.mark.parametrize("case", ALL.values(), ids=ALL)
def test_a_setting_changes_these_lines_and_no_others(desk: Desk, case: Case) -> None:
    """A setting changes the lines its row names, in the files it names, and setting it back changes nothing."""
    with desk.trial(case.commands) as trial:
        plan = trial.plan()
        assert changes_of(plan) == case.changes
        assert len(plan.warnings) == len(case.warnings), plan.warnings
        for part, warning in zip(case.warnings, plan.warnings, strict=True):
            assert part in warning
        trial.set_back()
        again = trial.plan(*(output.rendering.template.path for output in plan.changed))
        assert changes_of(again) == {}


#: Settings that do not touch the same lines, so that one event can bring them all.
TOGETHER = {
    "qmail": (
        "domains:concurrencylocal domains:concurrencyremote domains:message-size domains:double-bounces "
        "domains:helohost domains:smart-host-with-port domains:catch-all accounts:user-for-this-network-only"
    ),
    "qpsmtpd": (
        "qpsmtpd:rbl-list-of-one qpsmtpd:sbl-list-with-colons qpsmtpd:ubl-list qpsmtpd:tls-before-auth-off "
        "qpsmtpd:relay-without-authentication qpsmtpd:log-level qpsmtpd:instances qpsmtpd:access-private "
        "peers:karma peers:max-load peers:copies peers:helo-rfc peers:rhsbl peers:dnsbl peers:spf-policy peers:dmarc "
        "peers:uribl peers:disclaimer peers:tnef-off peers:scanner-size peers:spam-rejected-and-tagged"
    ),
    "filters": (
        "spamassassin:bayes spamassassin:pyzor-timeout spamassassin:senders clamav:file-size clamav:heuristics-off "
        "clamav:proxy-with-login clamav:memory-limit php:memory php:upload"
    ),
}


@pytest.mark.parametrize("names", TOGETHER.values(), ids=TOGETHER)
def test_the_commands_do_the_same(office: Root, desk: Desk, names: str) -> None:
    """Made with the real commands, the settings change the same lines; set back, every byte is as before."""
    cases = [ALL[name] for name in names.split()]
    before = _contents(office)
    with desk.trial("\n".join(case.commands for case in cases)) as trial:
        back = [
            _setting_back(change.database, change.key, change.prop, change.old) for change in trial.transaction.changes
        ]
    for case in cases:
        for line in case.commands.splitlines():
            office.run(*shlex.split(line))
    office.signal("email-update")
    now = _contents(office)
    assert _changed_lines(before, now) == _added_up([case.changes for case in cases])
    for words in back:
        office.run(*words)
    office.signal("email-update")
    assert _contents(office) == before


def _contents(office: Root) -> dict[str, tuple[bytes, int]]:
    """Return content and mode of the files of mail filtering, without links; an unreadable one counts as empty."""
    found = {}
    for path in sorted({*office.path.rglob("*")}):
        name = "/" + str(path.relative_to(office.path))
        if name.startswith(AREAS) and path.is_file() and not path.is_symlink():
            found[name] = (path.read_bytes() if os.access(path, os.R_OK) else b"", path.stat().st_mode & 0o7777)
    return found


def _changed_lines(before: dict[str, tuple[bytes, int]], now: dict[str, tuple[bytes, int]]) -> dict[str, list[str]]:
    """Return, sorted, the lines each file lost and gained, and its new mode."""
    assert before.keys() == now.keys()
    changed = {}
    for path in now:
        if before[path] == now[path]:
            continue
        old, new = before[path][0].decode().splitlines(), now[path][0].decode().splitlines()
        lines = [f"-{line}" for line in old if line not in new] + [f"+{line}" for line in new if line not in old]
        changed[path] = sorted(lines + [f"mode {now[path][1]:04o}"] * (before[path][1] != now[path][1]))
    return changed


def _added_up(tables: list[dict[str, list[str]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for changes in tables:
        for path, lines in changes.items():
            found.setdefault(path, []).extend(lines)
    return {path: sorted(lines) for path, lines in found.items()}


def _setting_back(database: str, key: str, prop: str, old: str | None) -> list[str]:
    if not prop:
        return ["db", database, "set", key, old] if old is not None else ["db", database, "delete", key]
    return ["db", database, "setprop", key, prop, old] if old is not None else ["db", database, "delprop", key, prop]


def test_every_setting_the_templates_read_has_a_row() -> None:
    """A configuration property that a shipped fragment reads is set in some row of the tables."""
    commands = [shlex.split(line) for case in ALL.values() for line in case.commands.splitlines()]
    set_somewhere = {
        (words[words.index(verb) + 1], word) for words in commands for verb in _VERBS & {*words} for word in words
    }
    missing = _read_by_templates() - set_somewhere
    assert missing == set(), "add a row to a file in tests/content/cases; its README.md has the form"


_VERBS = {"setprop", "delprop"}


def _read_by_templates() -> set[tuple[str, str]]:
    """Return (key, property) of the configuration records that occur in the Jinja2 of the shipped templates."""
    keys = {path.stem for path in (REPOSITORY / "db/configuration").glob("*.toml")}
    found = set()
    for area in AREAS:
        place = REPOSITORY / "templates" / area.strip("/")
        for fragment in [place, *place.rglob("*")]:
            if fragment.is_file():
                text = re.sub(r"'[^']*'", "", fragment.read_text())
                for code in re.findall(r"\{[{%].*?[%}]\}", text):
                    found |= {(key, prop) for key, prop in re.findall(r"\b(\w+)\.([A-Za-z]\w+)", code) if key in keys}
    assert len(found) > 80
    return found
