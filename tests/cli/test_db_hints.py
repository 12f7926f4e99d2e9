"""Names that are close to known ones: refused or hinted at when something is set, hinted at a terminal when read."""

from __future__ import annotations

import os

import pytest

from tests.cli.test_control_characters import at_terminal
from tests.commands import Root


def test_a_new_database_that_looks_misspelt(root: Root) -> None:
    """It is not made without --force; a new one with another name is, and so is a record of one that is there."""
    refused = root.db("acounts", "set", "joe", "user", code=3)
    assert refused.err == (
        "db: acounts: there is no such database; did you mean 'accounts'?\n"
        "  to store it anyway: db --force acounts set joe user\n"
    )
    assert not root.db("acounts", "keys", code=1).out
    root.db("tickets", "set", "joe", "user")
    root.db("--force", "acounts", "set", "joe", "user")
    assert root.db("acounts", "set", "mary", "user").err == ""


def test_an_unknown_type_that_looks_misspelt(root: Root) -> None:
    """The record is made, with a hint; a type that is like no other one gets none, and neither does a known one."""
    assert root.db("accounts", "set", "joe", "usr").err == (
        "db: accounts knows no type 'usr'; did you mean 'user'? (stored as given)\n"
    )
    assert root.db("accounts", "gettype", "joe").out == "usr\n"
    for type in ("user", "robot", "system"):
        assert root.db("accounts", "set", "mary", type).err == ""


@pytest.mark.parametrize(
    "words, message",
    [
        ("config show qpsmtp", "config: configuration has no record 'qpsmtp'; did you mean 'qpsmtpd'?"),
        (
            "config getprop qpsmtpd DNSBLL",
            "config: configuration qpsmtpd has no property 'DNSBLL'; did you mean 'DNSBL'?",
        ),
        ("config getprop qpsmtpd zzz", "config: configuration qpsmtpd has no property 'zzz'"),
        ("config get zzz", "config: configuration has no record 'zzz'"),
        ("db acounts get joe", "db: there is no database 'acounts'; did you mean 'accounts'?"),
    ],
)
def test_reading_what_is_not_there(root: Root, words: str, message: str) -> None:
    """A script gets the exit code and not a word, as from the original; a terminal shows what is missing."""
    program, *rest = words.split()
    quiet = root.run(program, *rest, code=1)
    assert (quiet.out, quiet.err) == ("", "")
    command = [str(root.path / "sbin/e-smith" / program), *rest]
    code, printed = at_terminal(command, {**os.environ, "ESMITH_ROOT": str(root.path)})
    assert (code, printed.decode()) == (1, message + "\n")


def test_two_services_at_one_port(root: Root) -> None:
    """Who gives a service the port of another, or enables it there, gets a hint that names the other one."""
    why = "25 is the port of smtpd, too: only one of them can have it (stored as given)"
    hint = f"config: configuration imap TCPPort: {why}\n"
    root.config("setprop", "smtpd", "status", "enabled", "TCPPort", "25")
    assert root.config("setprop", "imap", "status", "enabled", "TCPPort", "1143").err == ""
    assert root.config("setprop", "imap", "TCPPort", "25").err == hint
    assert root.config("setprop", "imap", "status", "disabled").err == ""
    assert root.config("setprop", "imap", "status", "enabled").err == hint
    assert root.config("set", "imap", "service", "status", "enabled", "TCPPort", "25").err == hint
    root.config("settype", "imap", "other")
    assert hint in root.config("settype", "imap", "service").err
    root.config("setprop", "imap", "TCPPort", "1143")
    assert root.config("setprop", "smtpd", "TCPPort", "26").err == ""


def test_a_domain_with_other_letters_than_dns_has(root: Root) -> None:
    """It is stored, with the name that programs will ask for; a name in that form gets no hint."""
    other = "mail and DNS have another name for it, which is xn--mnchen-3ya.test (stored as given)"
    assert root.db("domains", "set", "münchen.test", "domain").err == f"db: domains münchen.test: {other}\n"
    assert root.db("domains", "set", "xn--mnchen-3ya.test", "domain").err == ""


def test_all_names_below_a_domain(root: Root) -> None:
    """No form of a key means them to all files of mail: it is stored, with a hint. A host may be called so."""
    why = "the names below example.net get no mail by it; make a domain for each that is to get mail (stored as given)"
    for key in ("*.example.net", ".example.net"):
        assert root.db("domains", "set", key, "domain").err == f"db: domains {key}: {why}\n"
    assert root.db("hosts", "set", "*.example.net", "host").err == ""
