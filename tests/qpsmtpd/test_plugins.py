"""All plugins together: loading, documentation, form."""

from __future__ import annotations

import subprocess

import pytest

from tests.programs import path_of
from tests.qpsmtpd.conftest import Launch, names
from tests.qpsmtpd.daemon import PLUGINS, needs_qpsmtpd

NAMES = names(PLUGINS)
#: Plugins that are of no use without arguments.
ARGUMENTS = {"bcc": "all archive@example.com", "spf_policy": "1"}


def test_there_are_all_the_plugins_that_qpsmtpd_lacks() -> None:
    """Every plugin that the generated lists and the page name, and Debian does not have, is there; no more files."""
    assert NAMES == [
        "address_characters",
        "auth_accounts",
        "bare_newlines",
        "bcc",
        "block_list_answers",
        "check_badmailfrom",
        "check_badmailfromto",
        "check_badrcptto",
        "check_basicheaders",
        "check_goodrcptto",
        "check_smtp_forward",
        "disclaimer",
        "dkim_sign",
        "logging/logterse",
        "peers",
        "queue/postfix",
        "require_resolvable_fromhost",
        "resolver_limits",
        "spf_policy",
        "virus/pattern_filter",
        "whitelist_soft",
    ]


@needs_qpsmtpd
def test_all_load_in_taint_mode_without_a_warning(launch: Launch) -> None:
    """qpsmtpd starts with all of them in config/plugins, and they have nothing to complain about."""
    lines = [
        " ".join([name, ARGUMENTS.get(name, "")]).strip() for name in NAMES if name not in ("peers", "queue/postfix")
    ]
    daemon = launch("relay", *lines, "rcpt_ok", "queue/qmail-queue")
    daemon.write("goodrcptto", "tom@example.com")
    assert daemon.send().taken
    assert daemon.send(source="127.0.5.1", recipients=["tom@example.com", "friend@elsewhere.net"]).taken
    complaints = [line for line in daemon.log().splitlines() if str(PLUGINS) in line or "PLUGIN ERROR" in line]
    assert complaints == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.program("podchecker")
def test_each_is_documented(name: str) -> None:
    """perldoc shows what each plugin is, how it is used, and what it does."""
    podchecker = path_of("podchecker")
    done = subprocess.run([podchecker, PLUGINS / name], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr
    text = (PLUGINS / name).read_text()
    assert f"=head1 NAME\n\n{name} - " in text
    assert "\n=head1 SYNOPSIS\n" in text
    assert "\n=head1 DESCRIPTION\n" in text


@pytest.mark.parametrize("name", NAMES)
def test_each_is_written_in_the_same_form(name: str) -> None:
    """Lines have at most 120 characters and no trailing blanks, and mistakes are errors."""
    text = (PLUGINS / name).read_text()
    assert text.isascii()
    assert [line for line in text.splitlines() if len(line) > 120 or line != line.rstrip() or "\t" in line] == []
    assert "\nuse strict;\nuse warnings;\n" in text
