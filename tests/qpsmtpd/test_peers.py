"""peers: which plugins a connection gets."""

from __future__ import annotations

import smtplib
import subprocess
from pathlib import Path

import pytest

from tests.programs import path_of
from tests.qpsmtpd.conftest import Launch
from tests.qpsmtpd.daemon import PLUGINS, Daemon, needs_qpsmtpd, text_message

pytestmark = needs_qpsmtpd

RELAYING = ("relay", "rcpt_ok", "queue/qmail-queue")
#: Refuses everybody, so that a test sees that the list was used.
STRICT = ("relay", "badrcptto", "rcpt_ok", "queue/qmail-queue")
LOGIN = ("tom@example.com", "secret")


@pytest.fixture
def peers(shared: Daemon) -> Daemon:
    """Return a running daemon whose list for everybody refuses all mail to example.com."""
    _write_lists(shared)
    return shared


def _write_lists(daemon: Daemon) -> None:
    daemon.write("peers/0", *STRICT)
    daemon.write("peers/local", *RELAYING)
    daemon.write("badrcptto", "@example.com")


@pytest.mark.parametrize(
    ("files", "source", "taken"),
    [
        pytest.param([], "127.0.2.2", False, id="everybody"),
        pytest.param(["127.0.2.2"], "127.0.2.2", True, id="address"),
        pytest.param(["127.0.2"], "127.0.2.2", True, id="network"),
        pytest.param(["127"], "127.0.2.2", True, id="large network"),
        pytest.param(["127.0.2"], "127.0.20.2", False, id="network with the same beginning"),
        pytest.param(["127.0.2.2"], "127.0.2.20", False, id="address with the same beginning"),
    ],
)
def test_nearest_list_is_used(peers: Daemon, files: list[str], source: str, taken: bool) -> None:
    """The list of the address, of the longest network it is in, or the one for everybody is used."""
    for name in files:
        (peers.config / "peers" / name).symlink_to("local")
    assert peers.send(source=source).taken is taken


def test_address_goes_before_its_network(peers: Daemon) -> None:
    """A list for one address wins over the list of the network it is in."""
    (peers.config / "peers/127.0.2").symlink_to("local")
    (peers.config / "peers/127.0.2.9").symlink_to("0")
    assert peers.send(source="127.0.2.2").taken
    assert not peers.send(source="127.0.2.9").taken


def test_change_of_a_list_counts_from_the_next_connection(peers: Daemon) -> None:
    """A new list and a changed list need no restart."""
    assert not peers.send().taken
    (peers.config / "peers/127.0.2").symlink_to("local")
    assert peers.send().taken
    peers.write("peers/local", *STRICT)
    assert not peers.send().taken


def test_plugins_that_act_when_connecting_act(peers: Daemon) -> None:
    """A plugin of the list that refuses connections refuses, with its own words, and is named in the log."""
    peers.write("peers/0", "logging/logterse", "relay", "loadcheck max_load -1", "rcpt_ok", "queue/qmail-queue")
    sent = peers.send()
    assert (sent.stage, sent.code) == ("connect", 450)
    assert "load too high" in sent.text
    assert "`loadcheck`902`" in peers.wait_for_log("logging::logterse")


def test_relay_of_the_list_sets_who_may_relay(peers: Daemon) -> None:
    """The relay plugin of the list, which acts when connecting, is obeyed."""
    assert peers.send(recipients=["friend@elsewhere.net"], source="127.0.5.1").taken
    assert not peers.send(recipients=["friend@elsewhere.net"]).taken


def test_plugin_in_both_places_is_loaded_once(launch: Launch) -> None:
    """A plugin that config/plugins and the list both name gives its answers once; one named only there stays."""
    daemon = launch("hosts_allow", "peers", "whitelist_soft", "bcc all archive@example.com")
    _write_lists(daemon)
    daemon.write("peers/0", "whitelist_soft", *RELAYING)
    daemon.write("whitelisthosts", "127.0.2.2")
    assert daemon.send().taken
    assert daemon.only().recipients == ["tom@example.com", "archive@example.com"]
    assert daemon.log().count("whitelist_soft: pass, 127.0.2.2 is in whitelisthosts") == 1


def test_plugin_before_peers_has_one_turn(launch: Launch) -> None:
    """A plugin that acted on the connection before peers does not act again for being in the list too."""
    daemon = launch("whitelist_soft", "peers")
    _write_lists(daemon)
    daemon.write("peers/0", "whitelist_soft", *RELAYING)
    daemon.write("whitelisthosts", "127.0.2.2")
    assert daemon.send().taken
    assert daemon.log().count("whitelist_soft: pass, 127.0.2.2 is in whitelisthosts") == 1


def test_unusable_plugins_are_reported_when_the_daemon_starts(launch: Launch, tmp_path: Path) -> None:
    """A list that names a missing plugin is in the log before anybody connects, and does not stop the daemon."""
    folder = tmp_path / "service/config/peers"
    folder.mkdir(parents=True)
    (folder / "0").write_text("# tls\nrelay\n  no_such_plugin with arguments\n")
    daemon = launch("peers")
    assert f"{folder}/0: Plugin no_such_plugin not found" in daemon.log()


def test_lists_do_not_mix(peers: Daemon) -> None:
    """What one list sets for a plugin is not left over in another list that sets nothing."""
    peers.write("peers/0", "relay", "headers require From,Date", "rcpt_ok", "queue/qmail-queue")
    peers.write("peers/127.0.3", "relay", "headers", "rcpt_ok", "queue/qmail-queue")
    message = text_message(headers={"Date": None})
    assert not peers.send(message=message).taken
    assert peers.send(message=message, source="127.0.3.1").taken


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        pytest.param(["relay", "no_such_plugin"], "no_such_plugin not found", id="missing plugin"),
        pytest.param([], "no plugins in it", id="empty"),
        pytest.param(["relay", "rcpt_ok # café"], "unsafe characters", id="not ASCII"),
        pytest.param(None, "no plugins in it", id="link to nowhere"),
    ],
)
def test_unusable_list_defers_mail(peers: Daemon, lines: list[str] | None, complaint: str) -> None:
    """With a list that cannot be used the client is asked to come back, and the log says why; others are served."""
    (peers.config / "peers/127.0.7").symlink_to("local")
    if lines is None:
        (peers.config / "peers/127.0.2").symlink_to("gone")
    else:
        peers.write("peers/127.0.2", *lines)
    sent = peers.send()
    assert (sent.stage, sent.code) == ("connect", 450)
    assert complaint in peers.wait_for_log("peers: peers/127.0.2")
    assert peers.send(source="127.0.7.1").taken


def test_missing_lists_defer_mail(peers: Daemon) -> None:
    """Without even the list for everybody no mail is taken, and none refused for good."""
    (peers.config / "peers/0").unlink()
    assert peers.send().code == 450


def test_login_brings_the_local_list(peers: Daemon) -> None:
    """Who logged in from outside gets the rules of local networks, from the first mail on; a failed login does not."""
    peers.write("peers/0", "auth/auth_flat_file", "bcc mode bcc all outside@example.com", *STRICT)
    peers.write("peers/local", "auth/auth_flat_file", "bcc mode bcc all inside@example.com", *RELAYING)
    peers.write("flat_auth_pw", ":".join(LOGIN))
    assert peers.send(recipients=["tom@example.com", "friend@elsewhere.net"], login=LOGIN).taken
    assert peers.only().recipients == ["tom@example.com", "friend@elsewhere.net", "inside@example.com"]
    with pytest.raises(smtplib.SMTPAuthenticationError):
        peers.send(login=(LOGIN[0], "wrong"))
    assert not peers.send().taken


def test_broken_local_list_leaves_the_other_in_force(peers: Daemon) -> None:
    """If the rules of local networks cannot be used after a login, the rules from before still are."""
    peers.write("peers/0", "auth/auth_flat_file", *RELAYING)
    peers.write("peers/local", "no_such_plugin")
    peers.write("flat_auth_pw", ":".join(LOGIN))
    assert peers.send(recipients=["friend@elsewhere.net"], login=LOGIN).taken
    assert "no_such_plugin not found" in peers.wait_for_log("peers: peers/local")


def test_second_login_mail_keeps_the_list(peers: Daemon) -> None:
    """Further mails of the same connection are treated by the same list, also when it changed meanwhile."""
    peers.write("peers/0", "auth/auth_flat_file", *STRICT)
    peers.write("flat_auth_pw", ":".join(LOGIN))
    with peers.client() as smtp:
        smtp.connect("127.0.0.1", peers.port)
        smtp.login(*LOGIN)
        for _ in range(2):
            assert smtp.sendmail("tom@example.com", ["tom@example.com"], "From: tom\n\nx\n") == {}
    assert peers.log().count("using peers/local after login") == 1


@pytest.mark.program("openssl")
def test_encryption_and_login_together(launch: Launch, tmp_path: Path) -> None:
    """With tls in config/plugins and in the lists, as generated, a client encrypts, logs in and sends."""
    certificate = tmp_path / "cert.pem"
    make = [path_of("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
    subprocess.run([*make, "-keyout", certificate, "-out", certificate], check=True, capture_output=True, timeout=60)
    tls = f"tls {certificate} {certificate} {certificate}"
    daemon = launch("hosts_allow", "peers", tls)
    _write_lists(daemon)
    daemon.write("flat_auth_pw", ":".join(LOGIN))
    for name in ("0", "local"):
        daemon.write(f"peers/{name}", tls, "auth/auth_flat_file", *RELAYING)
    with smtplib.SMTP("127.0.0.1", daemon.port, "mx.sender.org", source_address=("127.0.2.2", 0)) as smtp:
        code, text = smtp.ehlo()
        assert (code, text.upper().count(b"STARTTLS")) == (250, 1)
        smtp.starttls()
        smtp.login(*LOGIN)
        for _ in range(2):
            assert smtp.sendmail("tom@example.com", ["friend@elsewhere.net"], text_message()) == {}
    assert [queued.recipients for queued in daemon.queued()] == [["friend@elsewhere.net"]] * 2


ADDRESSES = {
    "2001:db8::5": ["2001:db8::5", "2001:db8:0:0:0:0:0:5", "2001:db8:0:0:0:0:0", "2001:db8", "2001"],
    "::1": ["::1", "0:0:0:0:0:0:0:1", "127.0.0.1"],
    "fe80::aB:0:1": ["fe80::ab:0:1", "fe80:0:0:0:0:ab:0:1", "fe80:0:0:0:0:ab"],
}
#: Asks the plugin itself, since no IPv6 client can be had everywhere; after each question one more file is there.
ASK = """
use Qpsmtpd::SMTP;
my $qp = bless {}, 'Qpsmtpd';
my $plugin = $qp->_load_plugin('peers', shift =~ /(.*)/);
$plugin->{_qp} = $qp;
my $address = shift;
for my $name (@ARGV, undef) {
    print $plugin->list_for($address), "\\n";
    Qpsmtpd->_restart(restart => 1);
    "$ENV{QPSMTPD_CONFIG}/peers/$name" =~ /(.*)/ and open my $file, '>', $1 if defined $name;
}
"""


@pytest.mark.parametrize(("address", "names"), ADDRESSES.items())
def test_ipv6_addresses_have_lists_too(tmp_path: Path, address: str, names: list[str]) -> None:
    """An IPv6 address is looked up as written, then in full and group by group; the nearest file wins."""
    (tmp_path / "peers").mkdir()
    farthest_first = names[::-1]
    done = subprocess.run(
        ["perl", "-T", "-e", ASK, str(PLUGINS), address, *farthest_first],
        env={"QPSMTPD_CONFIG": str(tmp_path), "QMAIL": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["peers/0", *[f"peers/{name}" for name in farthest_first]]


def test_who_asks_for_esmith_services_is_not_logged(peers: Daemon) -> None:
    """After the name of esmith services the log has no line of the dialogue; after another name it has."""
    name = "esmith-services.localhost"
    (peers.config / "peers/127.0.0.1").symlink_to("local")
    assert peers.send(helo=name, source="127.0.0.1").taken
    (asked,) = {line.split()[0] for line in peers.log().splitlines() if "from Unknown [127.0.0.1]" in line}
    lines = [line for line in peers.log().splitlines() if line.startswith(f"{asked} ")]
    assert not any("mail from" in line.lower() or "rcpt" in line.lower() for line in lines), lines
    assert peers.send(helo="localhost", source="127.0.0.1").taken
    assert peers.log().lower().count("dispatching rcpt to") == 1
