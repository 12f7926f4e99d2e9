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


def test_an_account_in_the_place_of_another_one(root: Root) -> None:
    """A group that takes the name of a user is made, with a hint how to take it back; the same type again is silent."""
    root.db("accounts", "set", "mary", "user", "FirstName", "Mary")
    assert root.db("accounts", "set", "mary", "user", "FirstName", "Mary", "LastName", "Smith").err == ""
    assert root.db("accounts", "set", "mary", "group", "Members", "admin").err == (
        "db: accounts mary was a user, which is gone now: its type and all its properties (stored as given)\n"
        "  to take it back by esmith undo; its number is shown by: esmith history --limit 1\n"
    )
    number = root.esmith("history", "--limit", "1").out.split()[1]
    root.esmith("undo", number)
    assert root.db("accounts", "get", "mary").out == "user|FirstName|Mary|LastName|Smith\n"
    root.db("accounts", "settype", "mary", "user-deleted")
    assert root.db("accounts", "set", "mary", "group", "Members", "admin").err == ""


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
        ("db acounts show", "db: there is no database 'acounts'; did you mean 'accounts'?"),
        ("db acounts keys", "db: there is no database 'acounts'; did you mean 'accounts'?"),
        ("db accounts delete adminn", "db: accounts has no record 'adminn'; did you mean 'admin'?"),
        ("db accounts settype zzz user", "db: accounts has no record 'zzz'"),
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


@pytest.mark.parametrize(
    "words, message",
    [
        ("config setprop qpsmtp status enabled", "configuration has no record 'qpsmtp'; did you mean 'qpsmtpd'?"),
        (
            "config setprop zzz status enabled",
            "configuration has no record 'zzz'\n  to make it, with its type in the place of TYPE: config set zzz TYPE",
        ),
        (
            "db accounts setprop zzz a b",
            "accounts has no record 'zzz'\n  to make it, with its type in the place of TYPE: db accounts set zzz TYPE",
        ),
        ("db acounts setprop joe x y", "there is no database 'acounts'; did you mean 'accounts'?"),
        ("config delprop qpsmtp status", "configuration has no record 'qpsmtp'; did you mean 'qpsmtpd'?"),
    ],
)
def test_changing_what_is_not_there(root: Root, words: str, message: str) -> None:
    """A script gets exit 0 and no message, as from the original; a terminal shows what is missing, and the cure."""
    program, *rest = words.split()
    quiet = root.run(program, *rest)
    assert (quiet.out, quiet.err) == ("", "")
    command = [str(root.path / "sbin/e-smith" / program), *rest]
    code, printed = at_terminal(command, {**os.environ, "ESMITH_ROOT": str(root.path)})
    assert (code, printed.decode()) == (0, f"{program}: nothing was changed: {message}\n")


def test_two_services_at_one_port(root: Root) -> None:
    """Who gives a service the port of another, or enables it there, gets a hint that names the other one."""
    why = "25 is the port of smtpd, too: only one of them can have it (stored as given)"
    hint = f"config: configuration imap TCPPort: {why}\n"
    for name in ("smtpd", "ssmtpd", "clamav", "smtp-auth-proxy"):
        root.config("setprop", name, "status", "disabled")
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


def test_every_port_of_a_service_counts(root: Root) -> None:
    """The port of a proxy or of a scanner is compared as well, whichever is set last, and by set as by setprop."""
    root.config("setprop", "smtpd", "status", "enabled", "TCPPort", "25")
    proxy = root.config("setprop", "smtp-auth-proxy", "status", "enabled", "ProxyPort", "25")
    assert "configuration smtp-auth-proxy ProxyPort: 25 is the port of smtpd, too" in proxy.err
    scanner = root.config("set", "clamav", "service", "status", "enabled", "TCPSocket", "25")
    assert "configuration clamav TCPSocket: 25 is the port of smtp-auth-proxy, smtpd, too" in scanner.err
    assert "configuration smtpd TCPPort: 25 is" in root.config("setprop", "smtpd", "TCPPort", "25").err
    assert root.config("setprop", "clamav", "HTTPProxyPort", "25").err == ""


@pytest.mark.parametrize(
    "value, reason",
    [
        ("Jane <jane@isp.test>", "'<jane@isp.test>' has < and >; give the address alone"),
        ("&x@y.test", "'&x@y.test' is no address such as jane@example.com"),
        ("a@b.test;c@d.test", "is no address such as"),
        ("joe@[2001:db8::1]", "has an IPv6 address in brackets"),
        ("jäger@x.test", "has letters that the name before the @ cannot have"),
        ("j@münchen.test", "its name there is xn--mnchen-3ya.test"),
        ("x@", "has no domain after the @"),
        ("@x.test", "has no name before the @"),
    ],
)
def test_addresses_that_lead_nowhere(root: Root, value: str, reason: str) -> None:
    """Whoever forwards mail to what is no address gets a hint; one that is gets none."""
    root.db("accounts", "set", "jane", "user")
    assert reason in root.db("accounts", "setprop", "jane", "ForwardAddress", value).err
    good = "jane@isp.test, o'neill+x@[192.0.2.1] root=x@a-b.example.com."
    assert root.db("accounts", "setprop", "jane", "ForwardAddress", good).err == ""
    assert " " in value or reason in root.config("setprop", "qmail", "DoubleBounceTo", value, code=None).err


def test_ciphers_that_openssl_ignores(root: Root) -> None:
    """A word that OpenSSL ignores gets a hint when it is close to one it knows; names of old versions get none."""
    hint = "config: configuration qpsmtpd tlsCipher: OpenSSL ignores 'aNUL'; did you mean 'aNULL'? (stored as given)\n"
    assert root.config("setprop", "qpsmtpd", "tlsCipher", "HIGH:!aNUL").err == hint
    assert root.config("setprop", "qpsmtpd", "tlsCipher", "HIGH:!SSLv2:!EXP:!aNULL:ECDHE+AESGCM:@STRENGTH").err == ""
    refused = root.config("setprop", "qpsmtpd", "tlsCipher", "TLS_AES_128_GCM_SHA256", code=3)
    assert "names ciphers of TLS 1.3, which are always on" in refused.err


def test_a_domain_with_other_letters_than_dns_has(root: Root) -> None:
    """It is stored, with the name that programs will ask for; a name in that form gets no hint."""
    other = "mail and DNS have another name for it, which is xn--mnchen-3ya.test (stored as given)"
    assert root.db("domains", "set", "münchen.test", "domain").err == f"db: domains münchen.test: {other}\n"
    assert root.db("domains", "set", "xn--mnchen-3ya.test", "domain").err == ""


def test_all_names_below_a_domain(root: Root) -> None:
    """No form of a key means them to all files of mail: it is stored, with a hint. A host may be called so."""
    why = "gets no mail: make a domain for each name below example.net that is to get mail (stored as given)"
    for key in ("*.example.net", ".example.net"):
        assert root.db("domains", "set", key, "domain").err == f"db: domains {key} {why}\n"
    assert root.db("hosts", "set", "*.example.net", "host").err == ""


def test_names_that_mail_cannot_have(root: Root) -> None:
    """Names that no mail comes to are stored with a hint: localhost, a second spelling, and that of the junk mail."""
    kept = "(stored as given)"
    for name, why in (("Localhost.", "qmail needs the name for itself"), ("-x.org", "no mail can be addressed to")):
        assert why in root.db("domains", "set", name, "domain").err
    assert root.db("domains", "set", "Foo.org", "domain").err == ""
    same = f"db: domains foo.org. is for mail the same name as Foo.org, whose settings count {kept}\n"
    assert root.db("domains", "set", "foo.org.", "domain").err == same
    assert root.db("domains", "set", "foo.org", "domain").err == ""
    assert "same name as foo.org" in root.db("domains", "setprop", "Foo.org", "EmailTo", "admin").err
    root.db("accounts", "set", "ann", "user")
    junk = f"db: accounts ann-junkmail gets no mail: the junk mail of ann has this name {kept}\n"
    assert root.db("accounts", "set", "ann-junkmail", "user").err == junk
    assert root.db("accounts", "set", "ben-junkmail", "user").err == ""
    nowhere = f"db: accounts x@ gets no mail: it has no domain after the @ {kept}\n"
    assert root.db("accounts", "set", "x@", "pseudonym", "Account", "ann").err == nowhere
