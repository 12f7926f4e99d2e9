"""The checkers of formats.py notice what they are there for, and accept what is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Root
from tests.content.formats import FORMATS, complaints
from tests.content.test_defaults import DEFAULTS

ASSIGN = "/var/qmail/users/assign"
CONTROL = "/var/qmail/control"
CONFIG = "/var/service/qpsmtpd/config"
LOCAL_CF = "/etc/mail/spamassassin/local.cf"
PHP = "/etc/php.ini"
PEERS = f"{CONFIG}/peers/0"


@pytest.mark.parametrize("path", DEFAULTS)
def test_the_files_of_the_office_are_accepted(_office: Path, path: str) -> None:
    """There is nothing wrong with any file of the office."""
    assert complaints(path, Root(_office).file(path).read_bytes().decode()) == []


def test_every_file_has_a_checker() -> None:
    """No generated file of mail filtering goes unchecked."""
    assert FORMATS.keys() >= DEFAULTS.keys()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{CONTROL}/me", "mail.example.com\nmail.example.com\n"),
        (f"{CONTROL}/me", ""),
        (f"{CONTROL}/me", "mail.example.com"),
        (f"{CONTROL}/me", "{{ SystemName }}.example.com\n"),
        (f"{CONTROL}/me", "# mail.example.com\n"),
        (f"{CONTROL}/databytes", "15M\n"),
        (f"{CONTROL}/databytes", "15\r\n"),
        (f"{CONTROL}/rcpthosts", "example.com\n\n"),
        (f"{CONTROL}/rcpthosts", "example.com test.com\n"),
        (f"{CONTROL}/smtproutes", "example.com\n"),
        (f"{CONTROL}/virtualdomains", "example.com\n"),
        (f"{CONTROL}/badrcptto", "john\n"),
        (ASSIGN, "=john:john:1:1:/home:::\n"),
        (ASSIGN, "=john:john:1:1:/home::\n.\n"),
        (ASSIGN, "john:john:1:1:/home:::\n.\n"),
        (ASSIGN, "=john:john:0:1:/home:::\n.\n"),
        (ASSIGN, "=john:john:1:x:/home:::\n.\n"),
        (ASSIGN, "=john:john:1:1:home:::\n.\n"),
        (ASSIGN, "+john:john:1:1:/home:-::\n.\n"),
        (ASSIGN, "=a:b:john:1:1:/home:::\n.\n"),
        (ASSIGN, "=g:alias:1:1:/var/qmail/alias:g:g:\n.\n"),
        (ASSIGN, ".\n=john:john:1:1:/home:::\n"),
        (PEERS, "earlytalker\nearlytalker\n"),
        (PEERS, "Earlytalker\n"),
        (PEERS, "helo policy  rfc\n"),
        (PEERS, "bcc mode cc all ärchiv\n"),
        (PEERS, "rcpt_ok \n"),
        (f"{CONFIG}/uribl_zones", "multi.surbl.org:8-16\n"),
        (f"{CONFIG}/relayclients", "192.168.1\n"),
        (f"{CONFIG}/goodrcptto", "john\n"),
        (f"{CONFIG}/tls_before_auth", "# only a comment\n"),
        ("/var/service/qpsmtpd/runenv", "INSTANCES=\n"),
        ("/etc/clamd.conf", "ScanRAR no\n"),
        ("/etc/clamd.conf", "ScanPE maybe\n"),
        ("/etc/clamd.conf", "ScanPE yes\nScanPE no\n"),
        ("/etc/clamd.conf", "MaxFileSize\n"),
        ("/etc/freshclam.conf", 'HTTPProxyPassword "x\n'),
        (LOCAL_CF, "use_bayes 2\n"),
        (LOCAL_CF, "use_bayse 1\n"),
        (LOCAL_CF, "bayes_path /a#b\n"),
        (LOCAL_CF, "ifplugin Mail::SpamAssassin::Plugin::AWL\nuse_auto_whitelist 1\n"),
        (LOCAL_CF, "use_bayes 1\nendif\n"),
        (LOCAL_CF, "trusted_networks\n"),
        (PHP, "memory_limit\n"),
        (PHP, "memory_limit = 32M\nmemory_limit = 64M\n"),
        (PHP, 'session.save_path = "/tmp\n'),
        (PHP, 'session.save_path = "/${HOME}"\n'),
        (PHP, 'session.save_path = "/tmp\\"\n'),
        (PHP, "memory_limit = 32M; more\n"),
        (PHP, "# comment\n"),
    ],
)
def test_a_broken_file_is_noticed(path: str, text: str) -> None:
    """Each of these would be misread by the file's daemon, and the checker says so."""
    assert complaints(path, text) != []
