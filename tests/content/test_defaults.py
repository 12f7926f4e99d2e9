"""What the files of the small office hold before anybody sets anything; ``defaults.txt`` has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esmith.errors import TemplateError
from esmith.fragments.rendering import Kind
from tests.commands import Root
from tests.content.desk import Desk

BANNER = "(banner)"
SETTINGS = "(settings)"


def _read_defaults() -> dict[str, tuple[str, str]]:
    """Return for each path how it is to be compared, and its content."""
    text = (Path(__file__).parent / "defaults.txt").read_text()
    parts = re.split(r"(?m)^== (\S+) ?(.*)\n", text)[1:]
    return {path: (how, content) for path, how, content in zip(parts[::3], parts[1::3], parts[2::3], strict=True)}


DEFAULTS = _read_defaults()


@pytest.mark.parametrize("path", DEFAULTS)
def test_the_file_is_exactly_this(_office: Path, path: str) -> None:
    """After email-update the file holds what defaults.txt says, and is readable for its daemon."""
    how, expected = DEFAULTS[path]
    target = Root(_office).file(path)
    content = target.read_bytes().decode()
    if how == BANNER:
        banner = (_office / "etc/e-smith/templates/template-begin").read_text()
        assert all(line.startswith("#") for line in banner.splitlines())
        assert banner.endswith("\n")
        assert content == banner + expected
    elif how == SETTINGS:
        lines = [line for line in content.splitlines(keepends=True) if line.strip() and not line.startswith(";")]
        assert "".join(lines) == expected
    else:
        assert content == expected
    assert target.stat().st_mode & 0o7777 == 0o644


def test_every_file_of_mail_filtering_is_in_the_list(desk: Desk) -> None:
    """email-update makes just the files that defaults.txt lists."""
    with desk.trial() as trial:
        made = {output.path for output in trial.plan().outputs if output.rendering.kind is Kind.FILE}
    assert made == DEFAULTS.keys(), "put what the new files hold into tests/content/defaults.txt"


def test_qpsmtpd_takes_these_from_qmail(_office: Path) -> None:
    """qpsmtpd has no databytes and no badmailfrom of its own: they would hide qmail's."""
    for name in ("databytes", "badmailfrom"):
        assert not Root(_office).file(f"/var/service/qpsmtpd/config/{name}").exists()


#: The name of the host is in them; without one there is no sensible file.
NEEDS_A_NAME = {
    "/var/qmail/control/bouncehost",
    "/var/qmail/control/defaultdomain",
    "/var/qmail/control/defaulthost",
    "/var/qmail/control/helohost",
    "/var/qmail/control/me",
    "/var/qmail/control/plusdomain",
    "/var/service/qpsmtpd/config/smtpgreeting",
}

#: What the schema files give for settings that are not stored: lines that must be there, and lines that must not.
UNSET = {
    "/var/qmail/control/concurrencylocal": ["20"],
    "/var/qmail/control/concurrencyremote": ["20"],
    "/var/qmail/control/databytes": ["0"],
    "/var/qmail/control/doublebounceto": ["admin"],
    "/var/qmail/control/rcpthosts": [],
    "/var/service/qpsmtpd/config/loglevel": ["6"],
    "/var/service/qpsmtpd/config/timeout": ["120"],
    "/var/service/qpsmtpd/config/timeoutsmtpd": ["120"],
    "/var/service/qpsmtpd/config/tls_before_auth": ["1"],
    "/var/service/qpsmtpd/config/tls_ciphers": ["HIGH:!SSLv2"],
    "/var/service/qpsmtpd/config/relayclients": ["127.0.0."],
    "/var/service/qpsmtpd/config/dnsbl_allow": ["127.0.0.1"],
    "/var/service/qpsmtpd/runenv": [
        "INSTANCES=40",
        "INSTANCES_PER_IP=5",
        "LISTENIP=0.0.0.0",
        "PORT=25",
        "SOFTLIMIT=25000000",
    ],
    "/var/service/clamd/env/MEMLIMIT": ["80000000"],
    "/etc/mail/spamassassin/local.cf": [
        "ok_locales all",
        "bayes_path /var/spool/spamd/.spamassassin/bayes",
        "bayes_file_mode 770",
        "report_safe 0",
        "required_score 4.99",
        "skip_rbl_checks 0",
        "clear_trusted_networks",
        "bayes_auto_learn 1",
        "use_bayes 0",
    ],
}


def test_without_any_setting_the_defaults_hold(desk: Desk) -> None:
    """With empty databases every file has the defaults, but for those that hold the name of the host."""
    with desk.trial() as trial:
        for database in trial.transaction.databases():
            for key in trial.transaction.keys(database):
                trial.transaction.delete_record(database, key)
        unmade = set()
        for path in DEFAULTS.keys() - {"/var/service/qpsmtpd/config/plugins"}:
            try:
                text = trial.file(path)
            except TemplateError:
                unmade.add(path)
                continue
            if path in UNSET:
                assert [line for line in text.splitlines() if not line.startswith("#")] == UNSET[path], path
        assert unmade == NEEDS_A_NAME
        outside = trial.file("/var/service/qpsmtpd/config/peers/0").splitlines()
        assert {"helo policy lenient reject naughty", "# spamassassin disabled", "# clamd disabled"} <= set(outside)


QMAIL_RESTART = ["bouncefrom", "bouncehost", "concurrencylocal", "concurrencyremote", "doublebouncehost"]
QMAIL_RESTART += ["doublebounceto", "envnoathost", "me", "queuelifetime"]
PARENT_READS = "plugins.static plugin_dirs loglevel memory_threshold spool_dir tls_ciphers uribl_zones"
BOTH = {"qpsmtpd": "sighup", "sqpsmtpd": "sighup"}
SERVICES = {
    **{f"/var/qmail/control/{name}": {"qmail": "restart"} for name in QMAIL_RESTART},
    "/var/qmail/control/locals": {"qmail": "sighup"},
    "/var/qmail/control/virtualdomains": {"qmail": "sighup"},
    **{f"/var/service/qpsmtpd/config/{name}": BOTH for name in PARENT_READS.split()},
    "/var/service/qpsmtpd/config/IP": {"qpsmtpd": "restart", "sqpsmtpd": "restart"},
    "/var/service/qpsmtpd/runenv": {"qpsmtpd": "restart"},
    "/etc/mail/spamassassin/local.cf": {"spamd": "restart"},
    "/etc/clamd.conf": {"clamd": "restart"},
    "/etc/freshclam.conf": {"freshclam": "restart"},
    "/var/service/clamd/env/MEMLIMIT": {"clamd": "restart"},
    "/etc/php.ini": {"httpd-e-smith": "sigusr1", "php-fpm": "sigusr2"},
}


def test_only_readers_that_keep_a_file_are_notified(desk: Desk) -> None:
    """A daemon that rereads a file by itself is left alone when it changes; the others get what they understand."""
    with desk.trial() as trial:
        outputs = [output.rendering for output in trial.plan().outputs]
    notified = {rendering.template.path: rendering.metadata.services for rendering in outputs}
    assert {path: services for path, services in notified.items() if services} == SERVICES
    assert None not in notified.values()
