"""resolver_limits: what is asked of name servers that do not answer."""

from __future__ import annotations

import re

from tests.qpsmtpd.conftest import Launch
from tests.qpsmtpd.daemon import needs_qpsmtpd
from tests.qpsmtpd.dns import FakeDNS

pytestmark = needs_qpsmtpd

LIMITS = "resolver_limits seconds 1 attempts 1"
REST = ("relay", "resolvable_fromhost", "sender_permitted_from reject 1", "rcpt_ok", "queue/qmail-queue")
CLIENT = "2.2.0.127.in-addr.arpa"


def test_no_server_answers(launch: Launch, dns: FakeDNS) -> None:
    """After one name and the root without an answer no name is asked of the rest of the connection; it is logged."""
    daemon = launch(LIMITS, *REST)
    daemon.write("require_resolvable_fromhost", "1")
    dns.unanswered = re.compile(".*")
    sent = daemon.send()
    assert (sent.stage, sent.code) == ("mail", 450)
    assert set(dns.asked) == {(CLIENT, "PTR"), ("", "NS")}
    assert "no name server answers (127.0.0.1)" in daemon.wait_for_log("resolver_limits: error")


def test_names_of_the_sender_are_not_answered(launch: Launch, dns: FakeDNS) -> None:
    """Where the root is answered, all is asked: whose names are slow does not decide for other names."""
    daemon = launch(LIMITS, *REST)
    daemon.write("require_resolvable_fromhost", "1")
    dns.unanswered = re.compile(re.escape(CLIENT))
    assert daemon.send().taken
    assert ("", "NS") in dns.asked
    assert ("sender.org", "MX") in dns.asked
    assert "no name server answers" not in daemon.log()


def test_the_next_connection_asks_again(launch: Launch, dns: FakeDNS) -> None:
    """That no server answered counts for one connection."""
    daemon = launch(LIMITS, *REST)
    daemon.write("require_resolvable_fromhost", "1")
    dns.unanswered = re.compile(".*")
    assert not daemon.send().taken
    dns.unanswered = None
    assert daemon.send().taken


def test_wrong_arguments(launch: Launch) -> None:
    """What is no argument is logged, and the rest goes on."""
    daemon = launch("resolver_limits seconds none attempts 1", *REST)
    assert daemon.send().taken
    assert "argument seconds none ignored" in daemon.log()
