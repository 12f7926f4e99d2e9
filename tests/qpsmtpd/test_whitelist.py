"""whitelist_soft: clients and senders that are exempt from checks."""

from __future__ import annotations

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import needs_qpsmtpd

pytestmark = needs_qpsmtpd

BAD = {"badmailfrom": ["@sender.org"]}


@pytest.mark.parametrize(
    ("name", "line", "exempt"),
    [
        pytest.param("whitelisthosts", "127.0.2.2", True, id="address"),
        pytest.param("whitelisthosts", "127.0.2.", True, id="prefix with a dot"),
        pytest.param("whitelisthosts", "127.0", True, id="prefix"),
        pytest.param("whitelisthosts", "127.0.2.0/24", True, id="network"),
        pytest.param("whitelisthosts", "127.0.3.0/23", True, id="network not on a byte boundary"),
        pytest.param("whitelisthosts", "0.0.0.0/0", True, id="everybody"),
        pytest.param("whitelisthosts", "127.0.2.22", False, id="longer address"),
        pytest.param("whitelisthosts", "12", False, id="half a number"),
        pytest.param("whitelisthosts", "127.0.4.0/23", False, id="other network"),
        pytest.param("whitelisthosts", "127.0.2.2/33", False, id="no network"),
        pytest.param("whitelisthelo", "MX.sender.org", True, id="greeting"),
        pytest.param("whitelisthelo", "sender.org", False, id="part of the greeting"),
        pytest.param("whitelistsenders", "Someone@sender.org", True, id="sender"),
        pytest.param("whitelistsenders", "sender.org", True, id="host of the sender"),
        pytest.param("whitelistsenders", "other@sender.org", False, id="other sender"),
        pytest.param("whitelistsenders", "org", False, id="part of the host"),
    ],
)
def test_listed_are_exempt(serve: Serve, name: str, line: str, exempt: bool) -> None:
    """Only who is on a white list gets past a check that comes later."""
    daemon = serve("whitelist_soft", "badmailfrom", files={**BAD, name: [line]})
    assert daemon.send().taken is exempt


def test_other_connections_are_not_exempt(serve: Serve) -> None:
    """The mark of a sender is for one message, that of a client for one connection."""
    daemon = serve("whitelist_soft", "badmailfrom", files={**BAD, "whitelistsenders": ["friend@sender.org"]})
    with daemon.client() as smtp:
        smtp.connect("127.0.0.1", daemon.port)
        smtp.ehlo()
        assert smtp.mail("friend@sender.org")[0] == 250
        smtp.rset()
        assert smtp.mail("someone@sender.org")[0] == 550


@pytest.mark.parametrize(
    ("name", "line"),
    [("whitelisthosts", "127.0.2.2"), ("whitelisthelo", "mx.sender.org"), ("whitelistsenders", "someone@sender.org")],
)
def test_white_list_is_no_permission_to_relay(serve: Serve, name: str, line: str) -> None:
    """Who is on a white list, with what may be a forged sender, cannot send to other people's domains."""
    daemon = serve("whitelist_soft", files={name: [line]})
    sent = daemon.send(recipients=["tom@example.com", "friend@elsewhere.net"])
    assert sent.taken
    assert sent.refused["friend@elsewhere.net"][0] == 550


def test_relaying_clients_may_still_relay(serve: Serve) -> None:
    """A client that may relay anyway can be on a white list as well."""
    daemon = serve("whitelist_soft", files={"whitelisthosts": ["127.0.5.1"]})
    assert daemon.send(recipients=["friend@elsewhere.net"], source="127.0.5.1").taken
