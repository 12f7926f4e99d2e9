"""peers: which plugins a connection gets."""

from __future__ import annotations

import smtplib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.programs import requires_program
from tests.qpsmtpd.daemon import DEBIAN_PLUGINS, PLUGINS, Daemon

RELAYING = ("relay", "rcpt_ok", "queue/qmail-queue")
#: Refuses everybody, so that a test sees that the list was used.
STRICT = ("relay", "badrcptto", "rcpt_ok", "queue/qmail-queue")
Start = Callable[..., Daemon]
LOGIN = ("tom@example.com", "secret")


@pytest.fixture
def peers(unstarted: Daemon) -> Daemon:
    """Return a daemon, not started, whose list for everybody refuses all mail to example.com."""
    unstarted.write("peers/0", *STRICT)
    unstarted.write("peers/local", *RELAYING)
    unstarted.write("badrcptto", "@example.com")
    unstarted.write("relayclients", "127.0.5.")
    return unstarted


@pytest.fixture
def start(peers: Daemon, launch: Callable[[], Daemon]) -> Start:
    """Return a function that starts it with peers, and what it is given, in config/plugins."""

    def start(*after: str) -> Daemon:
        peers.write("plugins", "hosts_allow", "peers", *after)
        return launch()

    return start


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
def test_nearest_list_is_used(start: Start, peers: Daemon, files: list[str], source: str, taken: bool) -> None:
    """The list of the address, of the longest network it is in, or the one for everybody is used."""
    for name in files:
        (peers.config / "peers" / name).symlink_to("local")
    assert start().send(source=source).taken is taken


def test_address_goes_before_its_network(start: Start, peers: Daemon) -> None:
    """A list for one address wins over the list of the network it is in."""
    (peers.config / "peers/127.0.2").symlink_to("local")
    (peers.config / "peers/127.0.2.9").symlink_to("0")
    daemon = start()
    assert daemon.send(source="127.0.2.2").taken
    assert not daemon.send(source="127.0.2.9").taken


def test_change_of_a_list_counts_from_the_next_connection(start: Start, peers: Daemon) -> None:
    """A new list and a changed list need no restart."""
    daemon = start()
    assert not daemon.send().taken
    (peers.config / "peers/127.0.2").symlink_to("local")
    assert daemon.send().taken
    peers.write("peers/local", *STRICT)
    assert not daemon.send().taken


def test_plugins_that_act_when_connecting_act(start: Start, peers: Daemon) -> None:
    """A plugin of the list that refuses connections refuses, with its own words, and is named in the log."""
    peers.write("peers/0", "logging/logterse", "relay", "loadcheck max_load -1", "rcpt_ok", "queue/qmail-queue")
    daemon = start()
    sent = daemon.send()
    assert (sent.stage, sent.code) == ("connect", 450)
    assert "load too high" in sent.text
    assert "`loadcheck`902`" in daemon.wait_for_log("logging::logterse")


def test_relay_of_the_list_sets_who_may_relay(start: Start, peers: Daemon) -> None:
    """The relay plugin of the list, which acts when connecting, is obeyed."""
    daemon = start()
    assert daemon.send(recipients=["friend@elsewhere.net"], source="127.0.5.1").taken
    assert not daemon.send(recipients=["friend@elsewhere.net"]).taken


def test_plugin_in_both_places_is_loaded_once(start: Start, peers: Daemon) -> None:
    """A plugin that config/plugins and the list both name gives its answers once; one named only there stays."""
    peers.write("peers/0", "whitelist_soft", *RELAYING)
    daemon = start("whitelist_soft", "bcc all archive@example.com")
    peers.write("whitelisthosts", "127.0.2.2")
    assert daemon.send().taken
    assert daemon.only().recipients == ["tom@example.com", "archive@example.com"]
    assert daemon.log().count("whitelist_soft: pass, 127.0.2.2 is in whitelisthosts") == 1


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        pytest.param(["relay", "no_such_plugin"], "no_such_plugin not found", id="missing plugin"),
        pytest.param([], "no plugins in it", id="empty"),
        pytest.param(["relay", "rcpt_ok # café"], "unsafe characters", id="not ASCII"),
        pytest.param(None, "no plugins in it", id="link to nowhere"),
    ],
)
def test_unusable_list_defers_mail(start: Start, peers: Daemon, lines: list[str] | None, complaint: str) -> None:
    """With a list that cannot be used the client is asked to come back, and the log says why; others are served."""
    (peers.config / "peers/127.0.7").symlink_to("local")
    if lines is None:
        (peers.config / "peers/127.0.2").symlink_to("gone")
    else:
        peers.write("peers/127.0.2", *lines)
    daemon = start()
    sent = daemon.send()
    assert (sent.stage, sent.code) == ("connect", 450)
    assert complaint in daemon.wait_for_log("peers: peers/127.0.2")
    assert daemon.send(source="127.0.7.1").taken


def test_missing_lists_defer_mail(start: Start, peers: Daemon) -> None:
    """Without even the list for everybody no mail is taken, and none refused for good."""
    (peers.config / "peers/0").unlink()
    assert start().send().code == 450


def test_login_brings_the_local_list(start: Start, peers: Daemon) -> None:
    """Who logged in from outside gets the rules of local networks, from the first mail on; a failed login does not."""
    peers.write("peers/0", "auth/auth_flat_file", "bcc mode bcc all outside@example.com", *STRICT)
    peers.write("peers/local", "auth/auth_flat_file", "bcc mode bcc all inside@example.com", *RELAYING)
    peers.write("flat_auth_pw", ":".join(LOGIN))
    daemon = start()
    assert daemon.send(recipients=["tom@example.com", "friend@elsewhere.net"], login=LOGIN).taken
    assert daemon.only().recipients == ["tom@example.com", "friend@elsewhere.net", "inside@example.com"]
    with pytest.raises(smtplib.SMTPAuthenticationError):
        daemon.send(login=(LOGIN[0], "wrong"))
    assert not daemon.send().taken


def test_broken_local_list_leaves_the_other_in_force(start: Start, peers: Daemon) -> None:
    """If the rules of local networks cannot be used after a login, the rules from before still are."""
    peers.write("peers/0", "auth/auth_flat_file", *RELAYING)
    peers.write("peers/local", "no_such_plugin")
    peers.write("flat_auth_pw", ":".join(LOGIN))
    daemon = start()
    assert daemon.send(recipients=["friend@elsewhere.net"], login=LOGIN).taken
    assert "no_such_plugin not found" in daemon.wait_for_log("peers: peers/local")


def test_second_login_mail_keeps_the_list(start: Start, peers: Daemon) -> None:
    """Further mails of the same connection are treated by the same list, also when it changed meanwhile."""
    peers.write("peers/0", "auth/auth_flat_file", *STRICT)
    peers.write("flat_auth_pw", ":".join(LOGIN))
    daemon = start()
    with daemon.client() as smtp:
        smtp.connect("127.0.0.1", daemon.port)
        smtp.login(*LOGIN)
        for _ in range(2):
            assert smtp.sendmail("tom@example.com", ["tom@example.com"], "From: tom\n\nx\n") == {}
    assert daemon.log().count("using peers/local after login") == 1


ADDRESSES = {
    "2001:db8::5": ["2001:db8::5", "2001:db8:0:0:0:0:0:5", "2001:db8:0:0:0:0:0", "2001:db8", "2001"],
    "::1": ["::1", "0:0:0:0:0:0:0:1", "0", "127.0.0.1"],
    "fe80::aB:0:1": ["fe80::ab:0:1", "fe80:0:0:0:0:ab:0:1", "fe80:0:0:0:0:ab"],
}


@pytest.mark.parametrize(("address", "names"), ADDRESSES.items())
def test_ipv6_addresses_have_lists_too(tmp_path: Path, address: str, names: list[str]) -> None:
    """An IPv6 address is looked up as written, then in full and group by group."""
    requires_program("qpsmtpd-forkserver", "qpsmtpd")
    folder = tmp_path / "peers"
    folder.mkdir()
    found = [_list_for(tmp_path, address)]
    assert found == ["peers/0"]
    for name in reversed(names):
        (folder / name).touch()
        assert _list_for(tmp_path, address) == f"peers/{name}"


def _list_for(config: Path, address: str) -> str:
    """Ask the plugin itself: no IPv6 client can be had everywhere."""
    script = f"""
        use Qpsmtpd::SMTP;
        my $qp = bless {{}}, 'Qpsmtpd';
        my $plugin = $qp->_load_plugin('peers', '{PLUGINS}', '{DEBIAN_PLUGINS}');
        $plugin->{{_qp}} = $qp;
        print $plugin->list_for('{address}');
    """
    done = subprocess.run(
        ["perl", "-T", "-e", script],
        env={"QPSMTPD_CONFIG": str(config), "QMAIL": str(config), "PATH": "/usr/bin:/bin"},
        cwd=config,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout
