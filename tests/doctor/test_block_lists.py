"""Block lists that list everybody, nobody, or do not answer."""

from __future__ import annotations

import errno
import os
import shlex
import socket

import pytest

from tests.commands import Root
from tests.doctor.kit import Zone, bad, make_case, name_server, shown

LISTED, CLEAN = "2.0.0.127", "1.0.0.127"


def _found(root: Root, zone: Zone) -> list[str]:
    with name_server(zone) as address:
        return shown(bad(make_case(root, resolver=address), "block-lists"))


@pytest.fixture
def asking(office: Root) -> Root:
    """The office, which asks one list of addresses and one of domains."""
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled")
    office.config("setprop", "qpsmtpd", "RBLList", "bl.example.net:go away", "SBLList", "dbl.example.net")
    return office


@pytest.mark.parametrize(
    ("listed", "clean", "expected"),
    [
        (["127.0.0.2"], [], []),
        (["127.0.0.2"], ["127.0.0.2"], ["failing: the block list bl.example.net of RBLList lists everybody"]),
        ([], [], ["warning: the block list bl.example.net of RBLList lists nobody"]),
        (["198.51.100.7"], [], ["warning: the block list bl.example.net of RBLList lists nobody"]),
        (
            ["127.255.255.254"],
            ["127.255.255.254"],
            ["warning: the block list bl.example.net of RBLList refuses to answer"],
        ),
    ],
)
def test_a_list_of_addresses(asking: Root, listed: list[str], clean: list[str], expected: list[str]) -> None:
    """127.0.0.2 has to be listed and 127.0.0.1 must not be (RFC 5782, 5); other answers are no list."""
    zone = {
        (f"{LISTED}.bl.example.net", "A"): listed,
        (f"{CLEAN}.bl.example.net", "A"): clean,
        ("test.dbl.example.net", "A"): ["127.0.1.2"],
    }
    assert _found(asking, zone) == expected


def test_a_list_of_domains(asking: Root) -> None:
    """Of a list of domains these are the names TEST and INVALID."""
    zone: Zone = {(f"{LISTED}.bl.example.net", "A"): ["127.0.0.2"], ("invalid.dbl.example.net", "A"): ["127.0.1.2"]}
    assert _found(asking, zone) == ["failing: the block list dbl.example.net of SBLList lists everybody"]


def test_the_cure_takes_the_list_out(asking: Root) -> None:
    """The command that is shown takes only that list out, and is accepted."""
    asking.config("setprop", "qpsmtpd", "RBLList", "good.example.net,bl.example.net:go away")
    zone: Zone = {(f"{LISTED}.{name}.example.net", "A"): ["127.0.0.2"] for name in ("bl", "good")}
    zone |= {(f"{CLEAN}.bl.example.net", "A"): ["127.0.0.2"], ("test.dbl.example.net", "A"): ["127.0.1.2"]}
    with name_server(zone) as address:
        (finding,) = bad(make_case(asking, resolver=address), "block-lists")
    assert finding.cure[0] == "config setprop qpsmtpd RBLList good.example.net"


def test_a_list_that_is_closed(asking: Root) -> None:
    """A list that is known to be closed is failing, and is not asked."""
    asking.config("setprop", "--force", "qpsmtpd", "RBLList", "dnsbl.sorbs.net")
    zone: Zone = {("test.dbl.example.net", "A"): ["127.0.1.2"]}
    (found,) = _found(asking, zone)
    assert found.startswith("failing: dnsbl.sorbs.net of RBLList was closed")


def test_what_nobody_asks(office: Root) -> None:
    """Lists that are switched off are not asked."""
    assert _found(office, {}) == ["skipped: block lists of RBLList", "skipped: block lists of SBLList"]


def test_all_bad_ones_are_taken_out_at_once(asking: Root) -> None:
    """The same commands cure all bad lists: one for each would bring the others back."""
    asking.config("setprop", "qpsmtpd", "RBLList", "one.example.net,good.example.net,two.example.net:go away")
    zone: Zone = {(f"{LISTED}.{name}.example.net", "A"): ["127.0.0.2"] for name in ("one", "two", "good")}
    zone |= {(f"{CLEAN}.{name}.example.net", "A"): ["127.0.0.2"] for name in ("one", "two")}
    zone |= {("test.dbl.example.net", "A"): ["127.0.1.2"]}
    with name_server(zone) as address:
        found = [
            one for one in bad(make_case(asking, resolver=address), "block-lists") if "lists everybody" in one.what
        ]
    assert len(found) == 2
    assert found[0].cure == found[1].cure
    words = shlex.split(found[0].cure[0])
    asking.config(*words[1:])
    assert "two" not in asking.config("getprop", "qpsmtpd", "RBLList").out
    assert "good" in asking.config("getprop", "qpsmtpd", "RBLList").out


def test_a_name_server_that_gets_no_answers(asking: Root) -> None:
    """Where no list at all gives its test entry that is the name server, and one finding."""
    asking.config("setprop", "qpsmtpd", "RBLList", "one.example.net,two.example.net")
    zone: Zone = {("test.dbl.example.net", "A"): ["127.0.1.2"]}
    assert _found(asking, zone) == [
        "warning: by this name server none of 2 block lists of RBLList gives its test entry"
    ]


def test_a_line_that_is_down(asking: Root) -> None:
    """Where the name server answers about none of them they were not looked at: the server is not blamed."""
    asking.config("setprop", "qpsmtpd", "RBLList", "one.example.net,two.example.net", "RHSBL", "disabled")
    silent = [f"{entry}.{name}.example.net" for entry in (LISTED, CLEAN) for name in ("one", "two")]
    with name_server({}, silent=silent) as address:
        case = make_case(asking, resolver=address)
        case.resolver._resolver.lifetime = 0.2
        assert shown(bad(case, "block-lists"))[0] == "skipped: 2 block lists of RBLList"


def test_a_network_that_is_not_there(asking: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no server can be reached the reason is that of the system."""
    monkeypatch.setattr(socket.socket, "sendto", _unreachable)
    (found, *_) = bad(make_case(asking, resolver="192.0.2.1"), "block-lists")
    assert found.why == "offline: no name server answers (192.0.2.1: network is unreachable)"


def _unreachable(*_: object) -> int:
    raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
