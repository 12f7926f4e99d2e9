"""The generated configuration of a small office, as a real qpsmtpd reads it.

The daemon works in the root's own configuration directory. What differs from a system in production:

- address, port and user of the process, the DNS it asks (perl's -M), QMAIL for the root's qmail, and QMAILQUEUE for a
  program that keeps what it gets;
- by custom fragments: spool_dir, below the test's folder; plugin_dirs, where our plugins are still in the repository;
  10check_earlytalker, only to save the second it waits for each client;
- by settings: no virus scanner, no spam filter, no plugin for TNEF, none of which are installed; MaxLoad beyond what a
  busy machine reaches;
- a local network 127.0.5.0, and its link in peers unless the product made it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands import Root, copy_file
from tests.programs import requires_program
from tests.qpsmtpd.daemon import DEBIAN_PLUGINS, PLUGINS, Daemon, text_message
from tests.qpsmtpd.dns import FakeDNS

CONFIG = "/var/service/qpsmtpd/config"
LOCAL, OUTSIDE = "127.0.5.1", "127.0.2.2"
SETTINGS = [
    ("qpsmtpd", "VirusScan", "disabled"),
    ("qpsmtpd", "MaxLoad", "1000"),
    ("spamassassin", "status", "disabled"),
    ("smtpd", "tnef2mime", "disabled"),
]


class Office:
    """The office's root and the qpsmtpd that reads it."""

    def __init__(self, root: Root, daemon: Daemon) -> None:
        self.root = root
        self.daemon = daemon
        self.send = daemon.send

    def set(self, *words: str) -> None:
        """Change a setting, signal the event, and nothing else."""
        self.root.config("setprop", *words)
        self.root.signal("email-update")


@pytest.fixture(scope="module")
def _adapted(tmp_path_factory: pytest.TempPathFactory, _office: Path) -> Path:
    """Return the root of the office with the changes listed above, made once."""
    folder = tmp_path_factory.mktemp("adapted")
    root = Root(folder / "root")
    shutil.copytree(_office, root.path, symlinks=True, copy_function=copy_file)
    for words in SETTINGS:
        root.config("setprop", *words)
    root.db("networks", "set", "127.0.5.0", "network", "Mask", "255.255.255.0")
    root.custom(f"{CONFIG}/spool_dir/10spool", f"{folder}/spool\n")
    root.custom(f"{CONFIG}/plugin_dirs/10plugins", f"{DEBIAN_PLUGINS}\n{PLUGINS}\n")
    root.custom(f"{CONFIG}/peers/0/10check_earlytalker", "# no need to wait\n")
    root.signal("email-update")
    link = root.file(f"{CONFIG}/peers/127.0.5")
    if not link.is_symlink():
        link.symlink_to("local")
    (folder / "spool").mkdir(mode=0o700)
    return root.path


@pytest.fixture
def system(_adapted: Path, copy_root: Callable[[Path], Root], tmp_path: Path, dns: FakeDNS) -> Iterator[Office]:
    """Return the running office."""
    requires_program("qpsmtpd-forkserver", "qpsmtpd")
    root = copy_root(_adapted)
    daemon = Daemon(tmp_path, dns, root.file(CONFIG), root.file("/var/qmail"))
    daemon.start()
    yield Office(root, daemon)
    daemon.stop()


def test_mail_flows_as_installed(system: Office) -> None:
    """The shipped settings take mail for the office only, and the daemon understands every line of them."""
    sent = system.send(recipients=["tom@example.com", "nobody@example.com", "friend@elsewhere.net"])
    assert sent.taken
    assert {to: code for to, (code, _) in sent.refused.items()} == {
        "nobody@example.com": 550,
        "friend@elsewhere.net": 550,
    }
    assert system.daemon.only().recipients == ["tom@example.com"]
    assert system.send(source=LOCAL).taken
    log = system.daemon.log()
    assert "peers: using peers/0" in log
    assert "peers: using peers/127.0.5" in log
    assert [
        line for line in log.splitlines() if "FATAL" in line or "Bad arguments" in line or "nrecognized" in line
    ] == []


def test_dnsbl(system: Office, dns: FakeDNS) -> None:
    """A client on a block list is refused from the event on, and other clients are not."""
    dns.add("2.2.0.127.zen.spamhaus.org", "TXT", "listed for a test")
    dns.host("127.0.2.3", "other.sender.org")
    assert system.send().taken
    system.set("qpsmtpd", "DNSBL", "enabled")
    sent = system.send()
    assert (sent.taken, "listed for a test" in sent.text) == (False, True)
    assert system.send(source="127.0.2.3", helo="other.sender.org").taken
    assert system.send(source=LOCAL).taken


def test_helo_policy(system: Office) -> None:
    """A greeting that does not fit the client's address is refused once the policy is strict."""
    assert system.send(helo="winpc").taken
    system.set("qpsmtpd", "HeloPolicy", "strict")
    sent = system.send(helo="winpc")
    assert (sent.taken, "not fully qualified" in sent.text) == (False, True)
    assert system.send().taken


def test_largest_message(system: Office) -> None:
    """A message larger than MaxMessageSize is refused."""
    message = text_message("x" * 70 + "\n" * 3000)
    assert system.send(message=message).taken
    system.set("qmail", "MaxMessageSize", "2000")
    assert system.send(message=message).code == 552
    assert system.send().taken


def test_blocked_pair_of_the_page(system: Office) -> None:
    """The page's fragment for check_badmailfromto blocks the pair, and no other mail of either."""
    root = system.root
    assert system.send().taken
    fragment = root.custom(f"{CONFIG}/plugins/31check_badmailfromto", "check_badmailfromto\n")
    custom = root.file(f"/etc/e-smith/templates-custom{CONFIG}/peers/0/31check_badmailfromto")
    custom.symlink_to(fragment)
    root.custom("/var/qmail/control/badmailfromto/template-begin", "someone@sender.org\ttom@example.com\n")
    root.expand("/var/qmail/control/badmailfromto")
    root.signal("email-update")
    sent = system.send(recipients=["tom@example.com", "jack@example.com"])
    assert (sent.taken, list(sent.refused)) == (True, ["tom@example.com"])
    assert system.send("other@sender.org").taken


def test_relaying_for_the_local_network(system: Office) -> None:
    """The local network may send to other domains once it need not log in; others still may not."""
    friend = ["friend@elsewhere.net"]
    assert not system.send("tom@example.com", friend, source=LOCAL).taken
    system.set("qpsmtpd", "RelayRequiresAuth", "disabled")
    assert system.send("tom@example.com", friend, source=LOCAL).taken
    assert not system.send("tom@sender.org", friend).taken


def test_internal_account(system: Office) -> None:
    """An account that is visible inside only gets no mail from outside."""
    assert system.send().taken
    system.root.db("accounts", "setprop", "tom", "Visible", "internal")
    system.set("qpsmtpd", "RelayRequiresAuth", "disabled")
    assert system.send().code == 550
    assert system.send(source=LOCAL).taken


def test_headers_check_turned_off(system: Office) -> None:
    """The page's comment in the place of 17check_basicheaders lets mail without a date in, on that side only."""
    no_date = text_message(headers={"Date": None})
    assert [system.send(message=no_date, source=source).code for source in (OUTSIDE, LOCAL)] == [552, 552]
    for kind, codes in (("local", [552, 250]), ("0", [250, 250])):
        fragment = f"{CONFIG}/peers/{kind}/17check_basicheaders"
        system.root.custom(fragment, "# 17check_basicheaders disabled by custom template\n")
        system.root.signal("email-update")
        assert [system.send(message=no_date, source=source).code for source in (OUTSIDE, LOCAL)] == codes


def test_copies(system: Office) -> None:
    """With Bcc, mail from both sides is copied to the local account maillog."""
    system.set("qpsmtpd", "Bcc", "enabled")
    for source in (OUTSIDE, LOCAL):
        assert system.send(source=source).taken
        queued = system.daemon.queued()[-1]
        assert queued.recipients == ["tom@example.com", "maillog@localhost"]
        assert queued.message["X-Copied-To"] == "maillog"


def test_disclaimer_outbound_only(system: Office) -> None:
    """The disclaimer goes to what the local network sends to others, and to nothing else."""
    system.root.config("setprop", "qpsmtpd", "RelayRequiresAuth", "disabled")
    (system.root.file(CONFIG) / "disclaimer").write_text("Example Ltd.\n")
    system.set("smtpd", "disclaimer", "enabled")
    for recipient, source, added in (
        ("friend@elsewhere.net", LOCAL, True),
        ("jack@example.com", LOCAL, False),
        ("jack@example.com", OUTSIDE, False),
    ):
        assert system.send("tom@sender.org", [recipient], source=source).taken
        assert ("Example Ltd." in system.daemon.queued()[-1].body) is added
