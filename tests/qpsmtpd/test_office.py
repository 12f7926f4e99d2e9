"""The generated configuration of a small office, as a real qpsmtpd reads it.

The daemon works in the root's own configuration directory. What differs from a system in production:

- address, port and user of the process, the DNS it asks (perl's -M), QMAIL for the root's qmail, and QMAILQUEUE for a
  program that keeps what it gets;
- by custom fragments: spool_dir, below the test's folder; plugin_dirs, since our plugins are below the root;
  10check_earlytalker, only to save the second it waits for each client;
- by settings: no virus scanner and no spam filter, which the tests of this file do not run; MaxLoad beyond what a busy
  machine reaches;
- a local network 127.0.5.0.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands import Root, copy_file
from tests.programs import path_of
from tests.qpsmtpd.daemon import DEBIAN_PLUGINS, Daemon, needs_qpsmtpd, text_message
from tests.qpsmtpd.dns import FakeDNS

pytestmark = needs_qpsmtpd

CONFIG = "/var/service/qpsmtpd/config"
OURS = "/usr/share/e-smith/qpsmtpd/plugins"
TEMPLATES = "/etc/e-smith/templates"
LOCAL, OUTSIDE = "127.0.5.1", "127.0.2.2"
SETTINGS = [
    ("qpsmtpd", "VirusScan", "disabled"),
    ("qpsmtpd", "MaxLoad", "1000"),
    ("spamassassin", "status", "disabled"),
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
    root.custom(f"{CONFIG}/plugin_dirs/10plugins", f"{root.file(OURS)}\n{DEBIAN_PLUGINS}\n")
    root.custom(f"{CONFIG}/peers/0/10check_earlytalker", "# no need to wait\n")
    root.signal("email-update")
    (folder / "spool").mkdir(mode=0o700)
    return root.path


@pytest.fixture
def system(_adapted: Path, copy_root: Callable[[Path], Root], tmp_path: Path, dns: FakeDNS) -> Iterator[Office]:
    """Return the running office."""
    path_of("qpsmtpd-forkserver")
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
    assert _complaints(system) == []


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


#: What administrators put into lists of plugins (docs/page.md, blocks 11, 37, 38, 46, 59, 69 and 78).
OVERRIDES = {
    "0/30spf": "sender_permitted_from spf_deny 1",
    "local/17check_basicheaders": "# 17check_basicheaders disabled by custom template",
    "0/17check_basicheaders": "# 17check_basicheaders disabled by custom template",
    "0/31check_badmailfromto": "check_badmailfromto",
    "local/31check_badmailfromto": "check_badmailfromto",
    "local/69dkim_sign": "dkim_sign keys dkim",
}


def test_overrides_of_the_page(system: Office, dns: FakeDNS) -> None:
    """With all that the page puts into the lists the daemon starts, and takes mail from both sides, until SPF fails."""
    root = system.root
    for name, line in OVERRIDES.items():
        root.custom(f"{CONFIG}/peers/{name}", line + "\n")
    stock = root.read(f"{TEMPLATES}{CONFIG}/peers/0/13bcc")
    root.custom(f"{CONFIG}/peers/0/13bcc", stock.replace(" all ", " outgoing "))
    stock = root.read(f"{TEMPLATES}{CONFIG}/peers/0/05auth_cvm_unix_local")
    root.custom(f"{CONFIG}/peers/local/05auth_cvm_unix_local", stock)
    system.set("qpsmtpd", "Bcc", "enabled")
    for name, line in OVERRIDES.items():
        assert line in root.lines(f"{CONFIG}/peers/{name.split('/')[0]}")
    system.daemon.stop()
    system.daemon.start()
    no_date = text_message(headers={"Date": None})
    assert [system.send(message=no_date, source=source).code for source in (OUTSIDE, LOCAL)] == [250, 250]
    assert [queued.recipients[1:] for queued in system.daemon.queued()] == [[], ["maillog@localhost"]]
    dns.add("sender.org", "TXT", "v=spf1 -all")
    assert [system.send(source=source).code for source in (OUTSIDE, LOCAL)] == [550, 250]
    assert _complaints(system) == []


def test_everything_turned_on(system: Office) -> None:
    """The daemon understands every line that settings add to the lists, and mail still flows."""
    for name in ("DNSBL", "RHSBL", "URIBL", "Karma", "Bcc", "PatternsScan", "DMARCReject", "DKIMSigning", "VirusScan"):
        system.root.config("setprop", "qpsmtpd", name, "enabled")
    system.root.config("setprop", "smtpd", "disclaimer", "enabled", "MaxDateOffset", "7")
    system.root.config("setprop", "clamd", "status", "disabled")
    system.root.config("setprop", "spamassassin", "Sensitivity", "custom", "RejectLevel", "12", "SubjectTag", "enabled")
    system.set("qpsmtpd", "HeloPolicy", "rfc", "SPFRejectPolicy", "4")
    system.daemon.stop()
    system.daemon.start()
    assert [system.send(source=source).code for source in (OUTSIDE, LOCAL)] == [552, 250]
    system.set("qpsmtpd", "SPFRejectPolicy", "1")
    assert system.send().taken
    assert _complaints(system) == []


def test_spf_without_a_dmarc_policy(system: Office, dns: FakeDNS) -> None:
    """SPFRejectPolicy decides about mail that fails SPF, unless the sender's domain has a policy of its own."""
    dns.add("sender.org", "TXT", "v=spf1 -all")
    assert system.send().taken
    system.set("qpsmtpd", "SPFRejectPolicy", "1")
    assert system.send().code == 552
    dns.add("_dmarc.sender.org", "TXT", "v=DMARC1; p=none")
    assert system.send().taken


def test_white_list(system: Office, dns: FakeDNS) -> None:
    """A client on the white list passes the block lists, and may relay no more than before."""
    dns.add("2.2.0.127.zen.spamhaus.org", "TXT", "listed for a test")
    system.set("qpsmtpd", "DNSBL", "enabled")
    assert not system.send().taken
    system.root.db("wbl", "set", "whitelisthosts", "list", OUTSIDE, "White")
    system.root.signal("email-update")
    assert system.send().taken
    assert system.send(recipients=["friend@elsewhere.net"]).code == 550


def test_entries_of_lists_are_what_people_mean(system: Office) -> None:
    """Entries with stars and pluses refuse whom they name; one that is no expression stops no other, and no mail."""
    root = system.root
    root.db("accounts", "set", "sales+int", "pseudonym", "Account", "tom", "Visible", "internal")
    root.db("accounts", "set", "salesint", "pseudonym", "Account", "tom")
    root.db("wbl", "setprop", "badmailfrom", "*@wild.org", "Black", "^a(b", "Black", "x+y@sender.org", "Black")
    root.db("wbl", "setprop", "badhelo", "[192.0.2.1]", "Black", "*.dyn.org", "Black")
    answer = root.signal("email-update")
    assert "'^a(b' is left out: it is no regular expression of Perl" in answer.err
    for sender, taken in (("a@wild.org", False), ("x+y@sender.org", False), ("xxy@sender.org", True)):
        assert system.send(sender).taken is taken, sender
    sent = system.send(recipients=["sales+int@example.com", "salesint@example.com"])
    assert (sent.taken, list(sent.refused)) == (True, ["sales+int@example.com"])
    assert not system.send(helo="h1.dyn.org").taken
    assert _complaints(system) == []


def test_a_refused_name_server_stops_no_mail(system: Office, dns: FakeDNS) -> None:
    """With all block lists of the defaults, mail passes while they refuse to answer, and the log says why."""
    for name in ("DNSBL", "RHSBL", "URIBL"):
        system.root.config("setprop", "qpsmtpd", name, "enabled")
    system.set("qpsmtpd", "SBLList", "dbl.spamhaus.org:Listed by DBL,black.uribl.com")
    for name in ("2.2.0.127.zen.spamhaus.org", "sender.org.dbl.spamhaus.org"):
        dns.add(name, "A", "127.255.255.254")
        dns.add(name, "TXT", "you are refused")
    for name in ("sender.org.black.uribl.com", "link.com.black.uribl.com", "link.com.multi.surbl.org"):
        dns.add(name, "A", "127.0.0.1")
    system.daemon.stop()
    system.daemon.start()
    message = text_message("http://www.link.com/\n")
    assert system.send(message=message).taken
    for zone in ("zen.spamhaus.org", "dbl.spamhaus.org", "black.uribl.com", "multi.surbl.org"):
        system.daemon.wait_for_log(f"error, {zone} answers 127.")
    dns.add("someone.org.dbl.spamhaus.org", "A", "127.0.1.2")
    dns.add("someone.org", "A", "192.0.2.11")
    assert not system.send("a@someone.org", message=message).taken


def test_networks_come_and_go(system: Office) -> None:
    """A client is local from the event on that makes its network, until it is deleted; the gateway never is."""
    root, address = system.root, "127.0.6.9"
    root.config("set", "GatewayIP", "127.0.6.1")
    for kind, event, used in (
        ("network", "network-create", "127.0.6"),
        ("network-deleted", "network-delete", "0"),
    ):
        root.db("networks", "set", "127.0.6.0", kind, "Mask", "255.255.255.0")
        root.signal(event, "127.0.6.0")
        system.send(source=address)
        assert f"peers: using peers/{used}\n" in system.daemon.log()
    root.db("networks", "set", "127.0.6.0", "network", "Mask", "255.255.255.0")
    root.signal("network-create", "127.0.6.0")
    system.send(source="127.0.6.1")
    system.daemon.wait_for_log("peers: using peers/127.0.6.1")
    assert root.file(f"{CONFIG}/peers/127.0.6.1").readlink() == Path("0")


def test_missing_plugins_stop_nothing(system: Office) -> None:
    """Where some of Debian's plugins are missing the daemon starts without them, and takes mail."""
    root = system.root
    stock = "/usr/share/qpsmtpd/plugins"
    for path in DEBIAN_PLUGINS.rglob("*"):
        name = str(path.relative_to(DEBIAN_PLUGINS))
        if path.is_file() and name not in ("headers", "loadcheck", "hosts_allow"):
            link = root.file(f"{stock}/{name}")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    shutil.rmtree(root.file(f"/etc/e-smith/templates-custom{CONFIG}/plugin_dirs"))
    answer = root.signal("email-update")
    assert "the plugin headers is left out" in answer.err
    assert "# relay: this plugin needs the package libnet-ip-perl, which is not installed" in root.lines(
        f"{CONFIG}/peers/0"
    )
    system.daemon.write("plugin_dirs", str(root.file(OURS)), str(root.file(stock)))
    system.daemon.stop()
    system.daemon.start()
    no_date = text_message(headers={"Date": None})
    assert [system.send(message=no_date, source=source).code for source in (OUTSIDE, LOCAL)] == [250, 250]
    assert _complaints(system) == []


def _complaints(system: Office) -> list[str]:
    words = ("FATAL", "Bad arguments", "nrecognized", "no plugins in it", "not found")
    return [line for line in system.daemon.log().splitlines() if any(word in line for word in words)]
