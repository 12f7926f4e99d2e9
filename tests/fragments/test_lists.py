"""Lists in one value, and networks on octet boundaries."""

from __future__ import annotations

import pytest

from esmith.fragments.helpers import network_prefixes
from esmith.patterns.perl import refusal
from esmith.schema.lists import entries
from tests.fragments.kit import Trees

ENTRIES = {
    "": [],
    "  ": [],
    "a.example": ["a.example"],
    "a.example,b.example": ["a.example", "b.example"],
    " a.example , b.example ": ["a.example", "b.example"],
    ",a.example,,b.example,": ["a.example", "b.example"],
    "a.example:b.example:c.example": ["a.example", "b.example", "c.example"],
    "a.example:b.example,c.example": ["a.example", "b.example", "c.example"],
    "a.example: b.example": ["a.example", "b.example"],
    "multi.surbl.org:8-16-64-128,black.uribl.com,rhsbl.sorbs.net": [
        "multi.surbl.org:8-16-64-128",
        "black.uribl.com",
        "rhsbl.sorbs.net",
    ],
    "multi.surbl.org:64": ["multi.surbl.org:64"],
    "zen.spamhaus.org:127.0.0.2": ["zen.spamhaus.org:127.0.0.2"],
    "b.barracudacentral.org:Blocked - see http://www.barracudacentral.org/reputation?ip=%IP%,a.example": [
        "b.barracudacentral.org:Blocked - see http://www.barracudacentral.org/reputation?ip=%IP%",
        "a.example",
    ],
    "a.example:Blocked. Go away.": ["a.example:Blocked. Go away."],
    "a.example:blocked": ["a.example:blocked"],
    "a.example:8:b.example": ["a.example:8", "b.example"],
    "dnsbl-1.uceprotect.net:list_1.example.org.": ["dnsbl-1.uceprotect.net", "list_1.example.org."],
}


@pytest.mark.parametrize(("value", "expected"), ENTRIES.items(), ids=ENTRIES.keys())
def test_entries(trees: Trees, value: str, expected: list[str]) -> None:
    """A comma separates; a colon only before a host name, as it also introduces a bit mask or a message."""
    assert entries(value) == expected
    trees.snapshot.contents["configuration"]["qpsmtpd"] = ("service", {"RBLList": value})
    text = trees.expand("{% for zone in qpsmtpd.RBLList | entries %}\n{{ zone }}\n{% endfor %}")
    assert text.splitlines() == expected


PREFIXES = {
    ("192.168.1.0", "255.255.255.0"): ["192.168.1."],
    ("192.168.1.77", "255.255.255.0"): ["192.168.1."],
    ("10.0.0.0", "255.255.0.0"): ["10.0."],
    ("10.0.0.0", "255.0.0.0"): ["10."],
    ("192.168.4.0", "255.255.252.0"): ["192.168.4.", "192.168.5.", "192.168.6.", "192.168.7."],
    ("172.16.0.0", "255.254.0.0"): ["172.16.", "172.17."],
    ("128.0.0.0", "254.0.0.0"): ["128.", "129."],
    ("203.0.113.5", "255.255.255.255"): ["203.0.113.5"],
    ("203.0.113.4", "255.255.255.254"): ["203.0.113.4", "203.0.113.5"],
    ("203.0.113.7", "255.255.255.252"): ["203.0.113.4", "203.0.113.5", "203.0.113.6", "203.0.113.7"],
}


@pytest.mark.parametrize(("network", "expected"), PREFIXES.items(), ids=map("/".join, PREFIXES))
def test_network_prefixes(network: tuple[str, str], expected: list[str]) -> None:
    """A network becomes the prefixes that cover it on octet boundaries; one of fewer than four octets ends in a dot."""
    assert network_prefixes(*network) == expected


@pytest.mark.parametrize(("mask", "count"), [("255.255.255.128", 128), ("255.255.128.0", 128), ("255.128.0.0", 128)])
def test_network_prefixes_of_half_an_octet(mask: str, count: int) -> None:
    """Half of an octet is covered by 128 prefixes, all different."""
    found = network_prefixes("10.0.0.0", mask)
    assert (len(found), len(set(found))) == (count, count)
    assert found[0].startswith("10.0")


@pytest.mark.parametrize("network", [("", ""), ("10.0.0", "255.0.0.0"), ("10.0.0.0", "255.0.255.0"), ("::1", "64")])
def test_no_network(network: tuple[str, str]) -> None:
    """What is not an IPv4 network is refused, not guessed at."""
    with pytest.raises(ValueError):
        network_prefixes(*network)


def test_without_perl_python_says_what_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no perl, an expression that Python does not know either is refused, and the reason names perl."""
    monkeypatch.setenv("PATH", "/nonexistent")
    asked = refusal.__wrapped__  # what was asked before is remembered
    assert asked("^a.*b$") == ""
    assert "perl, which would know, is not installed" in asked("^a(b")
