"""The engine's own checks: what each accepts and refuses, and which line it names."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import copytree

import pytest

from esmith.checks import own
from esmith.checks.staged import StagedTree
from esmith.errors import TemplateError, UntrustedError
from esmith.layout import Layout
from esmith.schema.addresses import address_fault
from tests.documents import HOME

CONTROL = "/var/qmail/control"
CONFIG = "/var/service/qpsmtpd/config"
ASSIGN = "/var/qmail/users/assign"
DOT_QMAIL = "/var/qmail/alias/.qmail-list"
PLUGINS = ("/usr/share/qpsmtpd/plugins", "/usr/share/e-smith/qpsmtpd/plugins")


@pytest.fixture
def tree(tmp_path: Path) -> StagedTree:
    """Return a root with two plugin directories."""
    for directory, plugin in zip(PLUGINS, ("relay", "virus/clamav"), strict=True):
        place = tmp_path / directory[1:] / plugin
        place.parent.mkdir(parents=True)
        place.touch()
    copytree(HOME / "checks", tmp_path / "etc/e-smith/checks")
    (tmp_path / f"{CONFIG}/plugin_dirs"[1:]).parent.mkdir(parents=True)
    (tmp_path / f"{CONFIG}/plugin_dirs"[1:]).write_text("# where\n" + "".join(f"{place}\n" for place in PLUGINS))
    return StagedTree(Layout(str(tmp_path)))


def findings(tree: StagedTree, name: str, path: str, content: str | bytes) -> own.Findings:
    """Return what a check finds in a file."""
    rule = own.Rules(tree.layout).find(name, path)
    assert rule is not None
    return rule(own.File(path, content if isinstance(content, bytes) else content.encode(), tree))


GOOD = {
    ("qmail-control", f"{CONTROL}/databytes"): ["15000000\n", "0\n", "20", ""],
    ("qmail-control", f"{CONTROL}/me"): ["mail.example.com\n", "localhost\n", ""],
    ("qmail-control", f"{CONTROL}/bouncefrom"): ["MAILER-DAEMON\n"],
    ("qmail-control", f"{CONTROL}/smtpgreeting"): ["mail.example.com Welcome, friend\n"],
    ("qmail-control", f"{CONTROL}/rcpthosts"): [
        "example.com\n.example.com\n# a comment\n\n",
        "test.com  \n[192.0.2.1]\n[2001:db8::1]\n",
        "",
    ],
    ("qmail-control", f"{CONTROL}/locals"): ["localhost\nexample.com\n"],
    ("qmail-control", f"{CONTROL}/virtualdomains"): [
        "example.com:alias-localdelivery\n.example.com:alias\nuser@example.com:\n:alias-all\n"
    ],
    ("qmail-control", f"{CONTROL}/smtproutes"): [
        "",
        ":smart.example.com\n",
        "example.com:[192.0.2.1]:26\n.test.com:relay.test.com:587\nlocal.test:\n",
    ],
    ("qmail-control", f"{CONTROL}/badmailfromto"): ["a@b.c\td@e.f\n# no\n"],
    ("qmail-users", ASSIGN): [
        ".\n",
        "=tom:tom:500:500:/home/tom:::\n+tom-:tom:500:500:/home/tom:-::\n+:alias:7790:2107:/var/qmail/alias:-::\n.\n",
    ],
    ("dot-qmail", DOT_QMAIL): [
        "",
        "# a comment\n|bouncesaying 'no'\n./Maildir/\n/var/mail/tom\n&tom\n&tom@example.com\ntom\n+list\n\n",
        "&o'neil+list@example.com\n&a b\n",
        "&tom@localhost\n&tom@[192.0.2.1]\ntom@example.com.\n&a.b..c@host_1.example\n&100%a@x.org\n# a@b@c\n|a <x@y>\n",
    ],
    ("qpsmtpd", f"{CONFIG}/plugins"): [
        "# é\nrelay only 1\n\nrelay:2\nvirus/clamav  max=1\n$include more\nMy::Plugin a\n"
    ],
    ("qpsmtpd", f"{CONFIG}/peers/0"): ["relay\n"],
    ("qpsmtpd", f"{CONFIG}/loglevel"): ["# why\n6\n"],
    ("qpsmtpd", f"{CONFIG}/tls_ciphers"): ["# why\nHIGH:!SSLv2\n", "", "HIGH\nRC4-SHA\n"],
    ("qpsmtpd", f"{CONFIG}/plugin_dirs"): ["/usr/share/qpsmtpd/plugins\n"],
    ("qpsmtpd", f"{CONFIG}/badhelo"): ["aol.com\nyahoo.com\n.*spam\n!ok$\n", ""],
    ("qpsmtpd", f"{CONFIG}/badmailfromto"): ["a@b.c\td@e.f\n"],
    ("qpsmtpd", f"{CONFIG}/relayclients"): ["127.0.0.\n10.\n192.168.1.7\n192.168.0.0/16\n2001:db8::1\n2001:db8::/32\n"],
    ("qpsmtpd", f"{CONFIG}/norelayclients"): ["192.168.1.254\n192.168.2.\n2001:db8:\n"],
}

#: What is wrong with an address is decided by one rule, for settings and for .qmail files.
NO_ADDRESSES: tuple[str, ...] = ("x@y..org", "x@", "@y.org", "<x@y.org>", "a b@c.org", "ann@x@y.org", "jös@x.org")
NO_ADDRESSES += ('r"@z.org', "x@-y.org", "x@[1.2.3]", "x@münchen.test", "x@1.2.3.400", "Ann <ann@x.org>")

#: The check, the file, a text, the line that is wrong, and a word of the complaint.
BAD = [
    ("qmail-control", f"{CONTROL}/databytes", "15M\n", 1, "no whole number"),
    ("qmail-control", f"{CONTROL}/concurrencylocal", "-1\n", 1, "no whole number"),
    ("qmail-control", f"{CONTROL}/queuelifetime", "20\n30\n", 2, "only the first line"),
    ("qmail-control", f"{CONTROL}/timeoutconnect", "\n20\n", 1, "first line is empty"),
    ("qmail-control", f"{CONTROL}/me", "a.example.com b\n", 1, "does not belong"),
    ("qmail-control", f"{CONTROL}/defaulthost", "tom@example.com\n", 1, "no host name"),
    ("qmail-control", f"{CONTROL}/bouncefrom", "MAILER DAEMON\n", 1, "does not belong"),
    ("qmail-control", f"{CONTROL}/smtpgreeting", "a\x07\n", 1, "does not belong"),
    ("qmail-control", f"{CONTROL}/rcpthosts", "example.com\ntest.com other.com\n", 2, "one host name"),
    ("qmail-control", f"{CONTROL}/locals", "tom@example.com\n", 1, "one host name"),
    ("qmail-control", f"{CONTROL}/virtualdomains", "a.com:x\nexample.com\n", 2, "domain:prefix"),
    ("qmail-control", f"{CONTROL}/smtproutes", "smart.example.com\n", 1, "domain:relay"),
    ("qmail-control", f"{CONTROL}/smtproutes", ":smart.example.com:smtp\n", 1, "domain:relay"),
    ("qmail-control", f"{CONTROL}/smtproutes", ":smart.example.com:25 user word\n", 1, "domain:relay"),
    ("qmail-control", f"{CONTROL}/badmailfromto", "a@b.c   d@e.f\n", 1, "not separated by one tab"),
    ("qmail-users", ASSIGN, "=tom:tom:500:500:/home/tom:::\n", 1, "last line is not a dot"),
    ("qmail-users", ASSIGN, "", 0, "last line is not a dot"),
    ("qmail-users", ASSIGN, "=tom:tom:500:500:/home/tom::\n.\n", 1, "seven fields"),
    ("qmail-users", ASSIGN, "=tom:tom:500:500:/home/tom::::\n.\n", 1, "seven fields"),
    ("qmail-users", ASSIGN, "tom:tom:500:500:/home/tom:::\n.\n", 1, "neither with = nor with +"),
    ("qmail-users", ASSIGN, ".\n\n", 2, "after the line"),
    ("qmail-users", ASSIGN, "\n.\n", 1, "neither with = nor with +"),
    ("qmail-users", ASSIGN, "=tom:tom::500:/home/tom:::\n.\n", 1, "number that is none"),
    ("qmail-users", ASSIGN, "=tom:tom:500:500:home:::\n.\n", 1, "no absolute path"),
    ("qmail-users", ASSIGN, "=:tom:500:500:/home:::\n.\n", 1, "names no user"),
    ("dot-qmail", DOT_QMAIL, "\n./Maildir/\n", 1, "first line is empty"),
    ("dot-qmail", DOT_QMAIL, "  \n", 1, "first line is empty"),
    ("dot-qmail", DOT_QMAIL, "&tom\n tom\n", 2, "no comment, program, mailbox or address"),
    ("dot-qmail", DOT_QMAIL, "tom, jack\n", 1, "no comment"),
    ("dot-qmail", DOT_QMAIL, "&tom, jack\n", 1, "no comment"),
    ("dot-qmail", DOT_QMAIL, "& tom\n", 1, "no comment"),
    ("dot-qmail", DOT_QMAIL, "+other\n", 1, "no comment"),
    ("dot-qmail", DOT_QMAIL, "&\n", 1, "no comment"),
    ("dot-qmail", DOT_QMAIL, "&tom\r\n", 1, "control character"),
    ("dot-qmail", DOT_QMAIL, "&tom\n&<x@y.org>\n", 2, "has < and >"),
    ("qpsmtpd", f"{CONFIG}/plugins", "relay\nrelay é\n", 2, "not printable ASCII"),
    ("qpsmtpd", f"{CONFIG}/plugins", "relay\tonly 1\n", 1, "not printable ASCII"),
    ("qpsmtpd", f"{CONFIG}/peers/0", "relay # never\n", 1, "comment at its end"),
    ("qpsmtpd", f"{CONFIG}/peers/local", "# x\n\nrelay\nno/such\n", 4, "there is no plugin no/such"),
    ("qpsmtpd", f"{CONFIG}/logging", "logging/none\n", 1, "there is no plugin"),
    ("qpsmtpd", f"{CONFIG}/loglevel", "9\n", 1, "higher than 8"),
    ("qpsmtpd", f"{CONFIG}/tls_ciphers", "# old\nRC4-SHA\n", 2, "'RC4-SHA' names no cipher that OpenSSL"),
    ("qpsmtpd", f"{CONFIG}/loglevel", f"{'9' * 5000}\n", 1, "higher than 8"),
    ("qpsmtpd", f"{CONFIG}/relayclients", "².\n", 1, "no address"),
    ("qpsmtpd", f"{CONFIG}/databytes", "1 2\n", 1, "no whole number"),
    ("qpsmtpd", f"{CONFIG}/plugin_dirs", "plugins\n", 1, "no absolute path"),
    ("qpsmtpd", f"{CONFIG}/badhelo", "aol.com\n^x\nyahoo.com\n", 3, "after the pattern"),
    ("qpsmtpd", f"{CONFIG}/badhelo", "aol.com\n!x)\n", 2, "'x)' is no regular expression of Perl"),
    ("qpsmtpd", f"{CONFIG}/badmailfrom", "@a.test\n^a$ no thanks (\n^a(b go\n", 3, "'^a(b' is no regular expression"),
    ("qpsmtpd", f"{CONFIG}/badrcptto", "a@b.test\n*x\n", 2, "is no regular expression of Perl"),
    ("qpsmtpd", f"{CONFIG}/badmailfromto", "a@b.c \td@e.f\n", 1, "not separated by one tab"),
    ("qpsmtpd", f"{CONFIG}/badmailfromto", "a@b.c\n", 1, "not a sender, a tab and a recipient"),
    ("qpsmtpd", f"{CONFIG}/badmailfromto", "b.c\td@e.f\n", 1, "without @"),
    ("qpsmtpd", f"{CONFIG}/relayclients", "127.0.0.\n127.0.1\n", 2, "no prefix that ends in a dot"),
    ("qpsmtpd", f"{CONFIG}/relayclients", "10.0.0.0/255.255.0.0\n", 1, "no network"),
    ("qpsmtpd", f"{CONFIG}/relayclients", "300.\n", 1, "no address"),
    ("qpsmtpd", f"{CONFIG}/norelayclients", "10.0.0.0/8\n", 1, "no address"),
]


@pytest.mark.parametrize(("name", "path"), GOOD, ids=[path for _, path in GOOD])
def test_what_a_program_reads_is_accepted(tree: StagedTree, name: str, path: str) -> None:
    """Every form that the manual of a file allows passes."""
    for text in GOOD[name, path]:
        found = findings(tree, name, path, text)
        assert (found.faults, found.unknown) == ([], ""), text


@pytest.mark.parametrize(("name", "path", "text", "line", "word"), BAD)
def test_what_a_program_misreads_is_refused(
    tree: StagedTree, name: str, path: str, text: str, line: int, word: str
) -> None:
    """A line that its program would refuse, ignore or take for something else is named, and no other one."""
    faults = findings(tree, name, path, text).faults
    assert [number for number, _ in faults] == [line]
    assert word in faults[0][1]


# Without the mark a blank is no part of an address.
@pytest.mark.parametrize("line", [*map("&{}".format, NO_ADDRESSES), *(one for one in NO_ADDRESSES if " " not in one)])
def test_one_rule_says_what_an_address_is(tree: StagedTree, line: str) -> None:
    """What is left out of a ForwardAddress is refused in a .qmail file, with the same reason."""
    fault = address_fault(line.removeprefix("&"))
    assert fault
    assert findings(tree, "dot-qmail", DOT_QMAIL, f"./Maildir/\n{line}\n").faults == [(2, f"{line!r} {fault}")]


def test_bytes_that_are_no_text_are_a_fault(tree: StagedTree) -> None:
    """A plugin line with a byte that is not UTF-8 is refused, and shown so that it can be printed."""
    ((number, text),) = findings(tree, "qpsmtpd", f"{CONFIG}/plugins", b"relay \xff\n").faults
    assert number == 1
    assert text.encode("ascii")


def test_plugins_are_not_judged_without_their_directories(tree: StagedTree) -> None:
    """Where a plugin directory is missing nobody knows what is in it; what else is wrong is still found."""
    place = Path(tree.layout.under(PLUGINS[0]))
    (place / "relay").rename(place.parent / "relay")
    place.rmdir()
    found = findings(tree, "qpsmtpd", f"{CONFIG}/plugins", "no/such\nrelay # x\n")
    assert PLUGINS[0] in found.unknown
    assert [number for number, _ in found.faults] == [2]


def test_plugins_are_not_judged_without_plugin_dirs(tree: StagedTree) -> None:
    """Without plugin_dirs qpsmtpd looks beside its own program, and nothing is known of that directory."""
    Path(tree.layout.under(f"{CONFIG}/plugin_dirs")).unlink()
    assert "names no directory" in findings(tree, "qpsmtpd", f"{CONFIG}/plugins", "relay\n").unknown


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("qpsmtpd", f"{CONFIG}/signatures_patterns"),
        ("qpsmtpd", "/var/service/qpsmtpd/runenv/PORT"),
        ("qmail-control", f"{CONTROL}/badmailfrom"),
        ("qmail-users", "/var/qmail/users/include"),
        ("dot-qmail", "/home/e-smith/files/users/tom/.procmailrc"),
    ],
)
def test_a_file_without_rule_has_no_verdict(tree: StagedTree, name: str, path: str) -> None:
    """A file whose format is free, or of another program, is not reported as checked."""
    assert own.Rules(tree.layout).find(name, path) is None


MINE = """\
from esmith.checks.own.file import Findings

def rule_for(path):
    return lambda file: Findings.of("mine", [(1, file.content.decode())])
"""


def _rules(root: Path, text: str, mode: int = 0o644) -> own.Rules:
    place = root / "etc/e-smith/checks/my_own.py"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    place.chmod(mode)
    return own.Rules(Layout(str(root)))


def test_a_file_makes_a_check(tmp_path: Path) -> None:
    """A file in the directory of checks is one, and nothing is written beside it when it is used."""
    rule = _rules(tmp_path, MINE).find("my-own", "/etc/x")
    assert rule is not None
    layout = Layout(str(tmp_path))
    assert rule(own.File("/etc/x", b"abc", StagedTree(layout))) == own.Findings("mine", [(1, "abc")])
    assert [path.name for path in (tmp_path / "etc/e-smith/checks").iterdir()] == ["my_own.py"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def rule_for(:\n", ":1: failed while it was loaded: SyntaxError"),
        ("import esmith.nothing\n", ":1: failed while it was loaded: ModuleNotFoundError: No module named"),
        ("\nnothing\n", ":2: failed while it was loaded: NameError"),
        ("raise SystemExit(0)\n", ":1: failed while it was loaded: SystemExit"),
        ("rule = 1\n", ": has no function rule_for"),
        ("def rule_for(path):\n    return nothing\n", ":2: failed while it checked /etc/x: NameError"),
    ],
)
def test_a_broken_check_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    """A file that is not a check is named, with what is wrong."""
    with pytest.raises(TemplateError, match=f"my_own.py{message}"):
        _rules(tmp_path, text).find("my-own", "/etc/x")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 5", "AttributeError"),
        ("return int('x')", "ValueError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("return Findings('mine', [1])", "TypeError"),
        ("return Findings('mine', [('a', 'b')])", "ValueError"),
    ],
)
def test_a_rule_that_fails_is_an_error(tmp_path: Path, body: str, message: str) -> None:
    """Whatever a rule raises or returns, the error names the check and the file it looked at."""
    text = f"def rule_for(path):\n    def rule(file):\n        {body}\n    return rule\n"
    text = f"from esmith.checks.own.file import Findings\n{text}"
    rule = _rules(tmp_path, text).find("my-own", "/etc/x")
    assert rule is not None
    with pytest.raises(TemplateError, match=f"my_own.py.*: failed while it checked /etc/x: {message}"):
        rule(own.File("/etc/x", b"abc", StagedTree(Layout(str(tmp_path)))))


@pytest.mark.parametrize("text", ["while 1:\n    pass\n", "def rule_for(path):\n    while 1:\n        pass\n"])
def test_a_check_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A check without an end is ended, and the error names it."""
    monkeypatch.setattr("esmith.checks.own.SECONDS", 0.2)
    with pytest.raises(TemplateError, match="my_own.py:.*did not end within 0.2 s"):
        _rules(tmp_path, text).find("my-own", "/etc/x")


LEAKING = """\
import os, sys
from esmith.checks.own.file import Findings

def leak():
    print("noise")
    print("noise", file=sys.stderr)
    os.environ["ESMITH_ROOT"] = "/elsewhere"
    del os.environ["PATH"]
    os.chdir("/")
    os.umask(0)

leak()

def rule_for(path):
    leak()
    return rule

def rule(file):
    leak()
    return Findings("mine")
"""


def _surroundings() -> tuple[dict[str, str], str, int]:
    umask = os.umask(0o022)
    os.umask(umask)
    return dict(os.environ), os.getcwd(), umask


def test_a_check_changes_nothing_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a check prints is discarded; the environment, the directory and the umask are afterwards as before."""
    monkeypatch.chdir(tmp_path)
    before = _surroundings()
    rules = _rules(tmp_path, LEAKING)
    rule = rules.find("my-own", "/etc/x")
    assert rule is not None
    assert _surroundings() == before
    rule(own.File("/etc/x", b"abc", StagedTree(Layout(str(tmp_path)))))
    assert _surroundings() == before
    assert capsys.readouterr() == ("", "")


def test_a_check_that_others_may_write_is_not_run(tmp_path: Path) -> None:
    """What somebody else could have written is not loaded."""
    with pytest.raises(UntrustedError, match="may be written by everybody"):
        _rules(tmp_path, "raise SystemExit(1)\n", 0o666).find("my-own", "/etc/x")
