"""Entries of lists, as the real plugins of qpsmtpd read what the templates write of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.patterns import LISTS
from esmith.patterns.lists import READERS, list_lines
from tests.examples import examples
from tests.qpsmtpd.asked import Asked
from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import needs_qpsmtpd

pytestmark = needs_qpsmtpd

#: How many random lists each property is tried with.
EXAMPLES = 200
random = settings(
    max_examples=examples(EXAMPLES), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

#: What a name before the @ may be made of (RFC 5321), and what makes a pattern of an entry of
#: badmailfrom.
ATEXT = "abX1.!#$%&'*+-/=?^_`{|}~"
MARKS = "*?^"
#: Domains that differ little.
DOMAINS = ["dom.test", "domxtest", "sub.dom.test", "xdom.test", "dom.test.org", "a.b.dom.test", "dom-1.test"]
#: What nobody would take for an address, or a pattern.
ANYTHING = st.text(alphabet="ab.@*?+^$!%/\\()[]{}|#-: \"'0é", min_size=1, max_size=12)


def local_parts(letters: str) -> st.SearchStrategy[str]:
    """Return names before the @."""
    texts = st.text(alphabet=letters, min_size=1, max_size=6)
    return texts.filter(lambda text: text.strip(".") == text and ".." not in text and ".+" not in text)


def addresses(letters: str = ATEXT) -> st.SearchStrategy[str]:
    """Return addresses that SMTP allows."""
    return st.builds("{}@{}".format, local_parts(letters), st.sampled_from(DOMAINS))


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """Return a perl with the plugins."""
    found = Asked()
    yield found
    found.close()


def written(name: str, entries: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the lines of a list, and the warnings."""
    warnings: list[str] = []
    return list_lines(name, entries, warnings.append), warnings


def neighbours(address: str) -> list[str]:
    """Return addresses that look like one: what an expression made of it would match besides."""
    name, domain = address.split("@")
    found = [f"x{address}", f"{name}x@{domain}", f"{name}-ext@{domain}", f"{name}@{domain}.org", f"{name}@x.{domain}"]
    found += [f"{name[:at]}x{name[at + 1 :]}@{domain}" for at in range(len(name))]
    found += [f"{name[:at]}{name[at + 1 :]}@{domain}" for at in range(len(name)) if len(name) > 1]
    found += [f"{name}@{domain.replace('.', 'x', 1)}", address.swapcase()]
    return [one for one in found if not one.startswith(".") and ".@" not in one and ".." not in one]


@random
@given(entries=st.lists(addresses(), min_size=1, max_size=4))
def test_a_recipient_is_that_one_address(asked: Asked, entries: list[str]) -> None:
    """badrcptto holds the addresses of accounts: whatever signs they have, these are refused and no other."""
    texts = sorted({*entries, *(near for entry in entries for near in neighbours(entry))})
    lines, warnings = written("badrcptto", entries)
    known = {entry.lower() for entry in entries}
    assert asked.says("badrcptto", lines, texts) == {text: "1" if text.lower() in known else "0" for text in texts}
    assert warnings == []


@random
@given(entries=st.lists(addresses("".join(set(ATEXT) - set(MARKS))), min_size=1, max_size=4))
def test_a_sender_without_stars_is_that_one_address(asked: Asked, entries: list[str]) -> None:
    """An address in badmailfrom is that address, also where qpsmtpd alone would take it for an expression."""
    texts = sorted({*entries, *(near for entry in entries for near in neighbours(entry))})
    lines, warnings = written("badmailfrom", entries)
    known = {entry.lower() for entry in entries}
    assert asked.says("badmailfrom", lines, texts) == {text: "1" if text.lower() in known else "0" for text in texts}
    assert warnings == []


GLOBS = st.one_of(
    st.sampled_from(["*@{}", "*.{}", "*@*.{}", "@*.{}", "@{}", "{}", "*{}", ".{}"]).flatmap(
        lambda form: st.sampled_from(DOMAINS).map(form.format)
    ),
    st.builds("{}@{}".format, st.text(alphabet="ab*?1", min_size=1, max_size=4), st.sampled_from([*DOMAINS, "*.test"])),
)


def covers(glob: str, text: str) -> bool:
    """Return whether a glob covers all of a text."""
    if not glob:
        return not text
    if glob[0] == "*":
        return covers(glob[1:], text) or bool(text) and covers(glob, text[1:])
    return bool(text) and glob[0] in ("?", text[0]) and covers(glob[1:], text[1:])


def meant(entry: str) -> str:
    """Return the glob of a whole address that somebody meant."""
    if entry.startswith((".", "@*", "@")):
        return f"*{entry}"
    return entry if "@" in entry or "*" in entry else f"*@{entry}"


@random
@given(entry=GLOBS, others=st.lists(addresses("ab1"), max_size=4))
def test_a_star_is_what_people_mean_by_it(asked: Asked, entry: str, others: list[str]) -> None:
    """Stars, domains and their subdomains refuse the senders that people mean, and no others."""
    texts = sorted({*others, *(f"{name}@{domain}" for name in ("a", "ab", "b1") for domain in DOMAINS)})
    lines, warnings = written("badmailfrom", [entry])
    expected = {text: "1" if covers(meant(entry), text) else "0" for text in texts}
    assert asked.says("badmailfrom", lines, texts) == expected, lines
    assert warnings == []


#: What each list is asked about.
TEXTS = {
    "badmailfrom": [f"a@{domain}" for domain in DOMAINS],
    "badrcptto": [f"a@{domain}" for domain in DOMAINS],
    "badhelo": [*DOMAINS, "[192.0.2.1]", "a b"],
    "whitelistsenders": [f"a@{domain}" for domain in DOMAINS],
    "whitelisthelo": DOMAINS,
    "whitelisthosts": ["192.0.2.1", "2001:db8::1"],
    "relayclients": ["192.0.2.1", "2001:db8::1"],
}


@pytest.mark.parametrize("name", TEXTS)
@random
@given(entries=st.lists(ANYTHING, max_size=4))
def test_no_entry_stops_a_plugin(asked: Asked, name: str, entries: list[str]) -> None:
    """Whatever stands in a setting, the plugin reads the list; what it could not read is left out with a warning."""
    lines, warnings = written(name, entries)
    assert "error" not in asked.says(name, lines, TEXTS[name]).values(), lines
    assert all("is left out" in warning for warning in warnings)
    if name in ("badmailfrom", "badhelo"):  # what is left out is what perl does not take, or nothing at all
        known = ("Perl", "is empty", "is a URL", "has < and >")
        assert all(any(word in warning for word in known) for warning in warnings)


#: Their readers are in test_block_lists.py and tests/daemons/test_spamassassin.py.
ELSEWHERE = ("dnsbl_zones", "rhsbl_zones", "uribl_zones", "spamassassin", "trusted_networks")


def test_the_lists_are_those_that_are_asked_about() -> None:
    """Each list that a program reads has its reader here, or in the tests of that program."""
    assert set(READERS) == set(LISTS) == {*TEXTS, *ELSEWHERE}


EXPRESSIONS = [
    r"^a\.",
    r"!\.test$",
    r"(a)\1",
    r"(b)(c)\2",
    "a|b",
    "^[0-9]+-",
    r"x$",
    "(?i)^DOM",
    r"\.(org|net)$",
    "*.dom.test",
]
GREETINGS = ["a.test", "aa.example", "bcc.example", "x", "dom.test", "1-2.org", "s.dom.test", "host.net", "xx"]


@random
@given(
    expressions=st.lists(st.sampled_from(EXPRESSIONS), max_size=4),
    names=st.lists(st.sampled_from(GREETINGS), max_size=2),
)
def test_greetings_are_compared_with_all_expressions(asked: Asked, expressions: list[str], names: list[str]) -> None:
    """Several expressions in badhelo refuse what each of them alone refuses, though qpsmtpd looks at one only."""
    alone = [asked.says("badhelo", written("badhelo", [entry])[0], GREETINGS) for entry in [*expressions, *names]]
    together = asked.says("badhelo", written("badhelo", [*expressions, *names])[0], GREETINGS)
    assert together == {text: max((one[text] for one in alone), default="0") for text in GREETINGS}


@pytest.mark.parametrize("name", ["relayclients", "whitelisthosts"])
@random
@given(
    bits=st.integers(0, 2**32 - 1),
    length=st.integers(16, 32),
    form=st.sampled_from(["{network}", "{address}", "{address}/{network.prefixlen}"]),
    six=st.booleans(),
)
def test_clients_are_those_of_the_network(
    asked: Asked, name: str, bits: int, length: int, form: str, six: bool
) -> None:
    """An address or a network, of IPv4 or IPv6, is all of its addresses, the first and the last too, and no other."""
    base = (
        f"2001:db8::{bits >> 16:x}:{bits & 65535:x}/{length + 96}" if six else f"{ipaddress.IPv4Address(bits)}/{length}"
    )
    network = ipaddress.ip_network(base, strict=False)
    entry = form.format(network=network, address=base.partition("/")[0])
    known = ipaddress.ip_network(entry, strict=False)
    first, last = int(network.network_address), int(network.broadcast_address)
    numbers = {first, last, (first + last) // 2, first - 1, last + 1, *(int(a) for a in (known[0], known[-1]))}
    kind = ipaddress.IPv6Address if six else ipaddress.IPv4Address
    clients = [kind(number) for number in sorted(numbers) if 0 < number < 2 ** (128 if six else 32)]
    lines, warnings = written(name, [entry])
    says = asked.says(name, lines, [str(client) for client in clients])
    assert says == {str(client): "1" if client in known else "0" for client in clients}, lines
    assert warnings == []


@pytest.mark.parametrize(
    ("name", "entry", "listed", "others"),
    [
        ("whitelistsenders", "*@dom.test", ["a@dom.test"], ["a@sub.dom.test"]),
        ("whitelistsenders", "*.dom.test", ["a@sub.dom.test"], ["a@dom.test"]),
        ("whitelistsenders", "a+b@dom.test", ["A+b@dom.test"], ["aab@dom.test"]),
        ("whitelisthelo", "*.dom.test", ["mx.dom.test"], ["dom.test", "mxdom.test"]),
        ("whitelisthosts", "192.168.1.*", ["192.168.1.7"], ["192.168.11.7"]),
        ("relayclients", "192.168.1", ["192.168.1.7"], ["192.168.11.7"]),
        ("relayclients", "192.168.1.0/255.255.255.0", ["192.168.1.0", "192.168.1.255"], ["192.168.2.0"]),
        ("badhelo", "[192.0.2.1]", ["[192.0.2.1]"], ["192.0.2.2", "mx1.dom.test"]),
        ("badhelo", "host+1", ["host+1"], ["hostt1"]),
        ("badmailfrom", '"a(b"@dom.test', ['"a(b"@dom.test'], ["b@dom.test"]),
        ("badmailfrom", "/spam/", ["my-spam@dom.test"], ["a@dom.test"]),
        ("badmailfrom", "^Spam.*@", ["spam1@dom.test"], ["a@dom.test"]),
        ("badmailfrom", "*", ["a@dom.test"], []),
    ],
)
def test_what_entries_mean(asked: Asked, name: str, entry: str, listed: list[str], others: list[str]) -> None:
    """What people write is what they mean."""
    says = asked.says(name, written(name, [entry])[0], listed + others)
    assert says == dict.fromkeys(listed, "1") | dict.fromkeys(others, "0")


@pytest.mark.parametrize(
    ("name", "entry", "reason"),
    [
        ("badmailfrom", "^a(b@", "Unmatched ("),
        ("badmailfrom", "^(?{ 1 })", "Eval-group not allowed"),
        ("badhelo", "[bad", "Unmatched ["),
        ("whitelistsenders", "a*@dom.test", "is a pattern"),
        ("whitelisthosts", "mx.dom.test", "is no address"),
        ("relayclients", "0.0.0.0/0", "anybody could send"),
        ("relayclients", "::/0", "anybody could send"),
        ("spamassassin", "^a@b$", "is a regular expression"),
        ("spamassassin", "a@b c@d", "has a blank"),
        ("relayclients", "fe80::1%eth0", "is no address"),
        ("badmailfrom", "Jane <jane@dom.test>", "give the address alone: jane@dom.test"),
        ("badmailfrom", "http://spam.test", "is a URL; give the domain alone"),
        ("dnsbl_zones", "a.test b.test", "commas separate the names of lists"),
        ("dnsbl_zones", "https://zen.spamhaus.org/", "is a URL; give the name of the list alone"),
        ("dnsbl_zones", "192.0.2.1", "does not begin with the name of a block list"),
        ("dnsbl_zones", "2001:db8::1", "does not begin with the name of a block list"),
        ("dnsbl_zones", "zen", "does not begin with the name of a block list"),
        ("dnsbl_zones", "-zen.test", "does not begin with the name of a block list"),
        ("dnsbl_zones", "münchen.test", "its name there is xn--mnchen-3ya.test"),
        ("rhsbl_zones", "http://dbl.test", "is a URL"),
        ("uribl_zones", "a.test b.test:8", "commas separate the names of lists"),
        ("uribl_zones", "https://multi.surbl.org/", "is a URL"),
        ("uribl_zones", "16", "does not begin with the name of a block list"),
        ("trusted_networks", "10.0.0.1/33", "is no address"),
        ("trusted_networks", "*", "is no address"),
        ("trusted_networks", "münchen.test", "is no address"),
    ],
)
def test_what_is_left_out(name: str, entry: str, reason: str) -> None:
    """An entry that no reader could read, or that would do harm, is not written, and a warning says why."""
    lines, warnings = written(
        name,
        [
            "good.test" if "hosts" not in name and "clients" not in name and "networks" not in name else "192.0.2.1",
            entry,
        ],
    )
    assert len(lines) == 1
    assert len(warnings) == 1
    assert repr(entry) in warnings[0]
    assert reason in warnings[0]


def test_through_smtp(serve: Serve) -> None:
    """A list with every kind of entry refuses by SMTP what it names, and nothing else."""
    lines, _ = written("badmailfrom", ["*@wild.test", "sales+int@sender.org", "^a(b", "x*y@sender.org"])
    recipients, _ = written("badrcptto", ["sales+int@example.com", "x*y@example.com"])
    greetings, _ = written("badhelo", ["[127.0.2.2]", "*.dyn.test", "^evil"])
    files = {"badmailfrom": lines, "badrcptto": recipients, "badhelo": greetings}
    daemon = serve("helo policy lenient reject 1", "badmailfrom", "badrcptto", files=files)
    for sender, taken in (
        ("a@wild.test", False),
        ("sales+int@sender.org", False),
        ("salesint@sender.org", True),
        ("xzy@sender.org", False),
        ("someone@sender.org", True),
    ):
        assert daemon.send(sender).taken is taken, sender
    sent = daemon.send(recipients=["sales+int@example.com", "x*y@example.com", "xzy@example.com", "saless@example.com"])
    assert (sent.taken, list(sent.refused)) == (True, ["sales+int@example.com", "x*y@example.com"])
    for greeting, taken in (
        ("h1.dyn.test", False),
        ("evil.test", False),
        ("[127.0.2.2]", False),
        ("mx.sender.org", True),
    ):
        assert daemon.send(helo=greeting).taken is taken, greeting
    assert "FATAL" not in daemon.log()
