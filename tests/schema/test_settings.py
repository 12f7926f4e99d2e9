"""The schema at work: ``config`` and ``db`` on the shipped databases."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import Root

#: Words of ``db``, and parts of the refusal.
REFUSED = {
    "choice": (
        ["configuration", "setprop", "qpsmtpd", "HeloPolicy", "loose"],
        "configuration qpsmtpd HeloPolicy: 'loose' is not one of lenient, rfc, strict",
    ),
    "switch": (
        ["configuration", "setprop", "qpsmtpd", "DNSBL", "on"],
        "configuration qpsmtpd DNSBL: 'on' is not one of enabled, disabled",
    ),
    "integer": (["configuration", "setprop", "smtpd", "TCPPort", "smtp"], "'smtp' is not a whole number"),
    "bytes": (["configuration", "setprop", "qmail", "MaxMessageSize", "10M"], "; 10M bytes are 10485760"),
    "too large": (
        ["configuration", "setprop", "smtpd", "TCPPort", "70000"],
        "'70000' is too large; the most is 65535",
    ),
    "size": (["configuration", "setprop", "clamav", "MaxFileSize", "15MB"], "'15MB' is not a size such as 15M"),
    "list": (["configuration", "setprop", "qpsmtpd", "RBLList", "a.example,,b.example"], "has an empty entry"),
    "host": (["configuration", "set", "SMTPSmartHost", "mail example"], "is not a host name or an IPv4 address"),
    "set of a record": (["configuration", "set", "imap", "service", "access", "all"], "'all' is not one of public"),
    "setdefault of a record": (
        ["hosts", "setdefault", "www.example.com", "host", "HostType", "self"],
        "'self' is not one of Self, Local, Remote",
    ),
    "user": (["accounts", "set", "alice", "user", "EmailForward", "all"], "'all' is not one of local, forward, both"),
    "network": (["networks", "set", "10.0.0.0", "network", "Mask", "255.0.255.0"], "is not a netmask"),
    "white list": (["spamassassin", "setprop", "wbl.global", "*@x.example", "white"], "is not one of White, Black"),
}


@pytest.fixture(scope="module")
def shared(_fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Return a root for the tests that change nothing."""
    path = tmp_path_factory.mktemp("schema") / "root"
    shutil.copytree(_fresh, path, symlinks=True)
    return Root(path)


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_value_that_is_not_allowed(shared: Root, words: list[str], message: str) -> None:
    """A known property refuses what it does not allow: one line says what it allows, one is the command to force it."""
    before = shared.db(words[0], "print", code=None).out
    answer = shared.db(*words, code=ExitCode.REFUSED)
    assert answer.out == ""
    first, second = answer.err.splitlines()
    assert first.startswith("db: ")
    assert message in first
    assert second == f"  to store it anyway: {shlex.join(['db', '--force', *words])}"
    assert shared.db(words[0], "print", code=None).out == before


@pytest.mark.parametrize("words", [words for words, _ in REFUSED.values()], ids=REFUSED.keys())
def test_by_force(root: Root, words: list[str]) -> None:
    """--force before the key stores the value anyway."""
    database, verb, key, *rest = words
    root.db(database, verb, "--force", key, *rest)
    assert rest[-1] in root.db(database, "get", key).out


def test_one_of_several_is_not_allowed(root: Root) -> None:
    """When one of several properties is refused none is stored."""
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "on", "LogLevel", "7", code=ExitCode.REFUSED)
    assert root.config("printprop", "qpsmtpd", "DNSBL", "RHSBL", "LogLevel").out == (
        "DNSBL=disabled\nRHSBL=disabled\nLogLevel=6\n"
    )


#: Words of ``config`` that are stored, and what they hint at.
HINTS = {
    "other case": (["setprop", "qpsmtpd", "Dnsbl", "enabled"], "has no property 'Dnsbl'; did you mean 'DNSBL'?"),
    "misspelt": (["setprop", "qpsmtpd", "Karmma", "x"], "did you mean 'Karma'?"),
    "removed": (["setprop", "imaps", "ConcurrencyLimit", "9"], "ConcurrencyLimit is no longer used"),
    "a misspelt record": (["set", "qpsmptd", "service", "DNSBL", "enabled"], "did you mean 'qpsmtpd'?"),
    "a record in other case": (["set", "Qmail", "service"], "did you mean 'qmail'?"),
    "a misspelt value": (["set", "DomainNames", "example.org"], "did you mean 'DomainName'?"),
}


@pytest.mark.parametrize(("words", "hint"), HINTS.values(), ids=HINTS.keys())
def test_unknown_names_are_stored_with_a_hint(root: Root, words: list[str], hint: str) -> None:
    """An unknown property or record is stored, exit 0; when a known one is close, stderr says which."""
    answer = root.config(*words)
    assert answer.out == ""
    assert hint in answer.err
    assert len(answer.err.splitlines()) == 1
    assert words[-1] in root.config("get", words[1]).out


@pytest.mark.parametrize(
    "words",
    [
        ["setprop", "qpsmtpd", "MyContribSetting", "anything at all"],
        ["set", "mycontrib", "service", "status", "whatever"],
        ["set", "LocalNote", "some text"],
        ["setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled"],
        ["set", "SMTPSmartHost", ""],
        ["set", "SMTPSmartHost", "mail.example.com:587"],
        ["setprop", "qmail", "MaxMessageSize", ""],
    ],
    ids=" ".join,
)
def test_no_hint(root: Root, words: list[str]) -> None:
    """A name that resembles none, and every allowed value, is stored without a word."""
    answer = root.config(*words)
    assert (answer.out, answer.err) == ("", "")


@pytest.mark.parametrize(("database", "type"), [("domains", "domain"), ("hosts", "host")])
def test_a_name_with_other_letters_has_another_in_dns(root: Root, database: str, type: str) -> None:
    """A domain or host with letters that DNS does not have is stored, with a hint at its name in DNS."""
    answer = root.db(database, "set", "münchen.test", type)
    other = "mail and DNS have another name for it, which is xn--mnchen-3ya.test (stored as given)"
    assert answer.err == f"db: {database} münchen.test: {other}\n"
    assert root.db(database, "set", "munich.test", type).err == ""
    assert root.db("hosts", "set", "munich.test", "host", "Comment", "für München").err == ""


def test_a_secret_is_not_in_the_command_that_forces(root: Root) -> None:
    """The command that stores a refused value anyway is cut after the key when it has a secret, or is long."""
    secret = root.db(
        "configuration", "setprop", "fetchmail", "SecondaryMailPassword", "tru5tno1", "Method", "x", code=3
    )
    assert secret.err.endswith("\n  to store it anyway: db --force configuration setprop fetchmail ...\n")
    long = root.db("configuration", "setprop", "clamav", "MaxFiles", "1" * 200 + "x", code=3)
    assert long.err.endswith("\n  to store it anyway: db --force configuration setprop clamav ...\n")
