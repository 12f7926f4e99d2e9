"""Block lists as the real dnsbl, rhsbl and uribl ask them: answers that list nothing refuse no mail."""

from __future__ import annotations

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import Daemon, needs_qpsmtpd, text_message
from tests.qpsmtpd.dns import FakeDNS

pytestmark = needs_qpsmtpd

FILES = {
    "dnsbl_zones": ["zen.spamhaus.org", "b.barracudacentral.org:Blocked"],
    "rhsbl_zones": ["dbl.spamhaus.org", "black.uribl.com Listed by URIBL"],
    "uribl_zones": ["multi.surbl.org", "dbl.spamhaus.org", "black.uribl.com 2"],
}
LINK = text_message("Look at http://www.link.com/ now\n")
#: The plugin, the zones it asks, and the name that is asked there.
PLUGINS = {
    "dnsbl reject 1": (["zen.spamhaus.org", "b.barracudacentral.org"], "2.2.0.127"),
    "rhsbl reject 1": (["dbl.spamhaus.org", "black.uribl.com"], "sender.org"),
    "uribl action deny": (["multi.surbl.org", "dbl.spamhaus.org", "black.uribl.com"], "link.com"),
}
#: What lists answer whom they refuse (docs/daemons.md#block-lists), and a web server to which a sold domain leads.
REFUSALS = ["127.0.0.1", "127.255.255.252", "127.255.255.254", "127.255.255.255", "203.0.113.80"]


def _answering(serve: Serve, dns: FakeDNS, line: str, answers: dict[str, str]) -> Daemon:
    """Return the daemon with a plugin, whose lists give the answers, with a text each."""
    _, name = PLUGINS[line]
    for zone, address in answers.items():
        dns.add(f"{name}.{zone}", "A", address)
        dns.add(f"{name}.{zone}", "TXT", f"text of {zone}")
    return serve("block_list_answers", line, files=FILES)


@pytest.mark.parametrize("address", REFUSALS)
@pytest.mark.parametrize("line", PLUGINS)
def test_a_refused_name_server_blocks_no_mail(serve: Serve, dns: FakeDNS, line: str, address: str) -> None:
    """When every list refuses to answer, mail is taken, and the log names each list and its answer."""
    zones, _ = PLUGINS[line]
    daemon = _answering(serve, dns, line, dict.fromkeys(zones, address))
    assert daemon.send(message=LINK).taken
    for zone in zones:
        daemon.wait_for_log(f"error, {zone} answers {address}")


@pytest.mark.parametrize("line", PLUGINS)
def test_what_is_listed_is_refused(serve: Serve, dns: FakeDNS, line: str) -> None:
    """A listed client, domain or link is refused as ever, by each list, while the others refuse to answer."""
    zones, _ = PLUGINS[line]
    for listing in zones:
        dns.forget()
        dns.host("127.0.2.2", "mx.sender.org")
        answers = {zone: "127.0.0.2" if zone == listing else "127.255.255.254" for zone in zones}
        daemon = _answering(serve, dns, line, answers)
        sent = daemon.send(message=LINK)
        assert not sent.taken, listing
        assert sent.code in (550, 552, 554), sent


@pytest.mark.parametrize("line", PLUGINS)
def test_without_the_plugin_such_answers_refuse_mail(serve: Serve, dns: FakeDNS, line: str) -> None:
    """qpsmtpd's own plugins take a refusal for a listing: what ours is for."""
    zones, name = PLUGINS[line]
    dns.add(f"{name}.{zones[1]}", "A", "127.255.255.254")
    dns.add(f"{name}.{zones[1]}", "TXT", "Error: open resolver")
    # The shared daemon compiled our plugin, but only a list that names it sets it up.
    assert not serve(line, files=FILES).send(message=LINK).taken


def test_other_errors_can_be_named(serve: Serve, dns: FakeDNS) -> None:
    """The argument says which answers are errors: addresses, and beginnings of addresses."""
    dns.add("2.2.0.127.zen.spamhaus.org", "A", "127.0.9.3")
    for errors, taken in (("127.0.9.", True), ("127.0.9.3", True), ("127.0.0.1", False)):
        daemon = serve(
            f"block_list_answers errors {errors}", "dnsbl reject 1", files={"dnsbl_zones": ["zen.spamhaus.org:x"]}
        )
        assert daemon.send().taken is taken, errors


def test_a_text_alone_counts(serve: Serve, dns: FakeDNS) -> None:
    """A list that gives a text and no address lists, as before."""
    dns.add("2.2.0.127.zen.spamhaus.org", "TXT", "listed for a test")
    sent = serve("block_list_answers", "dnsbl reject 1", files=FILES).send()
    assert "listed for a test" in sent.text


def test_other_names_are_not_looked_at(serve: Serve, dns: FakeDNS) -> None:
    """Lookups that are not of a block list, such as those of helo, go on as they do without the plugin."""
    dns.add("mx.sender.org", "A", "127.0.2.2")
    daemon = serve("block_list_answers", "helo policy rfc reject 1", files=FILES)
    assert daemon.send().taken
    assert daemon.send(helo="nobody.sender.org").code == 550
