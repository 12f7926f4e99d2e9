"""The checks that are shipped, with the real programs: a custom fragment that breaks a file stops the event."""

from __future__ import annotations

import json
import re

import pytest

from tests.commands import Root

PROGRAMS = ("apache2", "clamconf", "doveconf", "fetchmail", "php", "spamassassin")
LOCAL_CF = "/etc/mail/spamassassin/local.cf"
HTTPD = "/etc/httpd/conf/httpd.conf"
PEERS = "/var/service/qpsmtpd/config/peers/0"
CHECKED = ("/etc/mail", "/etc/clamd.conf", "/etc/php.ini", "/var/qmail", "/var/service", "/etc/dovecot", "/etc/httpd")

#: The file, what a custom fragment adds, the program that refuses it, and what the message says.
BROKEN = {
    "unknown-rule-setting": (LOCAL_CF, "use_bayse 1", "spamassassin", "failed to parse line in /etc/mail/spamassassin"),
    "score-without-number": (LOCAL_CF, "required_score high", "spamassassin", "invalid 'required_score' value"),
    "unknown-option": ("/etc/clamd.conf", "NoSuchOption yes", "clamconf", "Parse error at /etc/clamd.conf:"),
    "number-that-is-none": ("/etc/clamd.conf", "MaxThreads many", "clamconf", "Incorrect argument format for option"),
    "freshclam": ("/etc/freshclam.conf", "NoSuchOption yes", "clamconf", "Parse error at /etc/freshclam.conf:"),
    "php-syntax": ("/etc/php.ini", "memory_limit = (", "php", "syntax error, unexpected"),
    "php-removed": ("/etc/php.ini", "magic_quotes_gpc = On", "php", "'magic_quotes_gpc' is no longer available"),
    "php-value": ("/etc/php.ini", "memory_limit = lots", "php", 'Invalid "memory_limit" setting'),
    "dovecot": ("/etc/dovecot/dovecot.conf", "no_such_setting = 1", "doveconf", "Unknown setting: no_such_setting"),
    "apache": (HTTPD, "NoSuchDirective on", "apache2", "Invalid command 'NoSuchDirective'"),
    "apache-argument": (HTTPD, "Listen many", "apache2", "Port must be specified"),
    "fetchmail": ("/etc/fetchmailrc", "poll x proto pop9", "fetchmail", "syntax error at pop9"),
    "plugin-with-comment": (PEERS, "relay # not yet", "", "comment at its end"),
    "plugin-with-umlaut": (PEERS, "relay für", "", "not printable ASCII"),
    "control-file": ("/var/qmail/control/concurrencylocal", "many", "", "only the first line is read"),
    "delivery": ("/var/qmail/alias/.qmail-shared", "tom, jack", "", "no comment, program, mailbox or address"),
}


@pytest.mark.parametrize(
    ("path", "line", "message"),
    [
        pytest.param(path, line, message, id=name, marks=pytest.mark.program(program) if program else ())
        for name, (path, line, program, message) in BROKEN.items()
    ],
)
def test_a_custom_fragment_that_breaks_a_file(office: Root, path: str, line: str, message: str) -> None:
    """The event exits with 10, says which fragment it is, and no file is another one than before."""
    fragment = office.custom(f"{path}/zz", "")
    if office.file(f"/etc/e-smith/templates{path}").is_file():
        # Behind a directory a single file counts no more, so it is taken over as a fragment.
        office.custom(f"{path}/10", office.read(f"/etc/e-smith/templates{path}"))
        office.signal("email-update")
    fragment.write_text(f"{line}\n")
    # Another file of the event changes as well, and has to stay as it is.
    office.config("setprop", "qpsmtpd", "MaxLoad", "3")
    before = office.snapshot(*CHECKED)
    answer = office.signal("email-update", code=10)
    assert answer.err.splitlines()[0].startswith(f"signal-event: {path}: ")
    assert "so no file was changed" in answer.err
    assert message in answer.err
    assert re.search(rf"line \d+ comes from {re.escape(str(fragment))}$", answer.err, re.MULTILINE)
    assert office.snapshot(*CHECKED) == before
    fragment.unlink()
    office.signal("email-update")
    assert office.snapshot("/var/service") != before


@pytest.mark.program("clamconf")
def test_a_message_names_only_the_file_that_is_wrong(office: Root) -> None:
    """clamconf reads both files of ClamAV; of freshclam.conf's fault clamd.conf is not accused."""
    office.custom("/etc/freshclam.conf/zz", "NoSuchOption yes\n")
    office.config("setprop", "clamav", "MaxFileSize", "20M")
    answer = office.signal("email-update", code=10)
    assert "/etc/clamd.conf" not in answer.err.replace("templates-custom/etc/freshclam.conf", "")
    assert "/etc/freshclam.conf: clamconf refuses it" in answer.err


@pytest.mark.program("php", "doveconf")
def test_several_files_that_are_wrong_are_all_named(office: Root) -> None:
    """One message names every file that is refused, so that one look is enough."""
    for path, line in (("/etc/php.ini", "memory_limit = ("), ("/etc/dovecot/dovecot.conf", "no_such = 1")):
        office.custom(f"{path}/zz", f"{line}\n")
    office.custom(f"{PEERS}/zz", "relay # x\n")
    answer = office.signal("email-update", code=10)
    for path in ("/etc/php.ini: php refuses", "/etc/dovecot/dovecot.conf: doveconf refuses", f"{PEERS}: it is not as"):
        assert path in answer.err


@pytest.mark.program("doveconf")
def test_an_event_that_changes_nothing_checks_nothing(office: Root) -> None:
    """Only files that change are checked, and those that depend on them."""
    assert json.loads(office.signal("--json", "email-update").out)["checked"] == []
    office.config("setprop", "imap", "ConcurrencyLimit", "77")
    answer = json.loads(office.signal("--json", "email-update").out)
    assert answer["checked"] == ["/etc/dovecot/dovecot.conf"]


def test_a_plugin_that_is_nowhere(office: Root) -> None:
    """A custom fragment that names a plugin of no directory stops the event, once all the directories are there."""
    fragment = office.custom(f"{PEERS}/zz", "no/such\n")
    assert PEERS not in json.loads(office.signal("--json", "email-update").out)["checked"]
    for directory in office.lines("/var/service/qpsmtpd/config/plugin_dirs"):
        if directory.startswith("/"):
            office.file(directory).mkdir(parents=True, exist_ok=True)
    office.config("setprop", "qpsmtpd", "MaxLoad", "3")
    answer = office.signal("email-update", code=10)
    assert "there is no plugin no/such in " in answer.err
    assert f"comes from {fragment}" in answer.err
    fragment.unlink()
    assert PEERS in json.loads(office.signal("--json", "email-update").out)["checked"]


@pytest.mark.program("php")
def test_a_dry_run_says_what_would_be_refused(office: Root) -> None:
    """A dry run runs the programs too, and changes nothing anywhere under the root."""
    office.custom("/etc/php.ini/zz", "memory_limit = (\n")
    before = sorted(office.path.rglob("*"))
    assert "php refuses it" in office.signal("--dry-run", "email-update", code=10).err
    assert sorted(office.path.rglob("*")) == before


@pytest.mark.program(*PROGRAMS)
def test_what_is_installed_is_accepted(office: Root) -> None:
    """Every program accepts the files of an office as they are installed."""
    verdicts = {one["path"]: one["verdict"] for one in json.loads(office.esmith("check", "--json").out)}
    assert {path for path, verdict in verdicts.items() if verdict == "refused"} == set()
    for path in (
        "/etc/clamd.conf",
        "/etc/freshclam.conf",
        "/etc/php.ini",
        LOCAL_CF,
        "/etc/dovecot/dovecot.conf",
        HTTPD,
    ):
        assert verdicts[path] == "ok"
    assert verdicts["/var/qmail/users/assign"] == "ok"
