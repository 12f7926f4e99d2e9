"""What each type of property accepts and refuses."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esmith.errors import RefusedError
from esmith.schema import types
from esmith.schema.check import check_properties, check_record
from esmith.schema.model import Property
from esmith.schema.types import TYPES, refusal
from tests.schema.kit import Desk

#: For each property of a schema file: what is accepted, what is refused, and part of the reason.
TABLE: dict[str, tuple[list[str], list[str], str]] = {
    'type = "enabled/disabled"': (
        ["enabled", "disabled"],
        ["", "Enabled", "enable", "yes", "1", "enabled ", " enabled", "enabled,disabled"],
        "is not one of enabled, disabled",
    ),
    'type = "yes/no"': (["yes", "no"], ["", "Yes", "y", "true", "1", "enabled"], "is not one of yes, no"),
    'type = "choice"\nvalues = ["public", "private"]': (
        ["public", "private"],
        ["", "Public", "localhost", "public,private"],
        "is not one of public, private",
    ),
    'type = "choice"\nvalues = ["", "x"]': (["", "x"], ["y"], "is not one of '', x"),
    'type = "integer"': (
        ["0", "7", "-1", "007", "12345678901234567890", "9" * 5000],
        ["", "-", "+1", "1.0", "1e3", "0x10", "1 ", " 1", "1_000", "1,000", "١", "²", "ten"],
        "is not a whole number",
    ),
    'type = "integer"\nmin = 1\nmax = 65535': (
        ["1", "25", "65535"],
        ["0", "-1", "-" + "9" * 5000],
        "is too small; the least is 1",
    ),
    'type = "integer"\nmax = 65535': (
        ["-5", "65535"],
        ["65536", "99999999999", "9" * 5000],
        "is too large; the most is 65535",
    ),
    'type = "integer"\nmin = 0\nempty = true': (["", "0"], [" ", "x"], "is not a whole number"),
    'type = "number"': (
        ["0", "4", "4.5", "-1.25", "0.10"],
        ["", ".5", "5.", "1e3", "nan", "inf", "1,5", "5 ", "+1", "1.2.3"],
        "is not a number",
    ),
    'type = "number"\nmin = 0\nmax = 20': (["0", "19.99", "20", "20.0"], ["20.01", "21"], "is too large"),
    'type = "number"\nmin = 0.5': (["0.5"], ["0.49", "-1"], "is too small; the least is 0.5"),
    'type = "size"': (
        ["0", "25000000", "500k", "500K", "15m", "15M", "1g", "1G"],
        ["", "M", "-1", "1.5M", "15MB", "15 M", "15T", "M15", "k", "15kk"],
        "is not a size such as 15M, 500k or 25000000",
    ),
    'type = "port"': (["1", "25", "65535"], ["", "smtp", "25 ", "2.5"], "is not a whole number"),
    'type = "port" # bounds': ([], ["0", "-1"], "is too small; the least is 1"),
    'type = "port" # the largest': ([], ["65536", "9" * 5000], "is too large; the most is 65535"),
    'type = "size"\nmin = 8388608': (
        ["8M", "8192k", "8388608", "1G"],
        ["0", "7M", "8191K"],
        "the least is 8388608 bytes",
    ),
    'type = "size"\nmax = 1024': (["1k", "1024"], ["1025", "2k", "9" * 5000], "is too large; the most is 1024 bytes"),
    'type = "size"\nvalues = ["-1"]': (["-1", "32M"], ["-2", "", "- 1"], "is not a size such as"),
    'type = "list"': (
        ["a", "a,b", "a, b", "multi.surbl.org:8-16", "zone:Blocked - see x"],
        ["", ",", "a,", ",a", "a,,b", "a, ,b"],
        "has an empty entry",
    ),
    'type = "list"\nseparator = ";"': (["a", "a;b", "a,b", ","], ["", "a;", "a;;b"], "has an empty entry"),
    'type = "list"\nempty = true': (["", "a"], [",", "a,"], "has an empty entry"),
    'type = "host"': (
        [
            "localhost",
            "mail.example.com",
            "192.0.2.1",
            "2001:db8::1",
            "_dmarc.example.com",
            "x-1.example",
            "example.com.",
        ]
        + ["a.b.c.d", "x" * 63 + ".test"],
        ["", " ", "a b", "a,b", "a|b", "a/b", "user@host", "-host", "host-", "a..b", ".host", "http://host", "host;x"]
        + ["a\tb", "mail.example.com:587", "[2001:db8::1]", "x" * 64 + ".test", "a." * 126 + "ab"],
        "is not a host name or an IP address, as mail.example.com",
    ),
    'type = "host" # DNS': (
        [],
        ["münchen.test"],
        "has letters that DNS does not know; its name there is xn--mnchen-3ya.test",
    ),
    'type = "host" # IPv4': (["192.0.2.9"], ["192.0.2.300", "1.2.3", "192.0.2.01", "7"], "is not an IPv4 address"),
    'type = "host:port"': (
        ["localhost", "mail.example.com:587", "192.0.2.1:25", "[192.0.2.1]", "[192.0.2.1]:25", "a.b.c.d:1", "h:65535"],
        ["", " ", "a b", "user@host", "-host", ":25", "http:", "a/b:25", "a b:25"],
        "",
    ),
    'type = "host:port" # port': (
        [],
        ["host:", "h:0", "h:65536", "h:x", "h:1e3", "http:h"],
        "has no port from 1 to 65535",
    ),
    'type = "host:port" # brackets': (
        [],
        ["[smtp.isp.example]", "[h]:25"],
        "has brackets, which are for IPv4 addresses",
    ),
    'type = "host:port" # URL': ([], ["http://h", "smtp://mail.example.com:25"], "is a URL; give the name alone"),
    'type = "host:port" # IPv6': ([], ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:25"], "is an IPv6 address"),
    'type = "hostname"': (
        ["localhost", "mail.example.com", "x_y", "example.com."],
        ["", "a b", "host:25", "[h]", "a@b", ".x", "*.x"],
        "is not a host name, as mail.example.com",
    ),
    'type = "hostname" # address': ([], ["192.0.2.1", "2001:db8::1"], "is an address; a name such as"),
    'type = "address"': (
        ["192.0.2.1", "0.0.0.0", "2001:db8::1", "::"],
        ["", "192.0.2", "192.0.2.256", "192.0.2.1/24", "192.0.2.01", "1", "host", "192.0.2.1:25", "[::1]", " ::1"],
        "is not an IP address",
    ),
    'type = "ipv4"': (
        ["192.0.2.1", "0.0.0.0"],
        ["", "192.0.2", "192.0.2.256", "192.0.2.1/24", "192.0.2.01", "host", "[::1]"],
        "is not an IPv4 address",
    ),
    'type = "ipv4" # IPv6': ([], ["2001:db8::1", "::ffff:192.0.2.1"], "is an IPv6 address; only IPv4 is possible here"),
    'type = "netmask"': (
        ["255.255.255.0", "255.255.255.255", "255.0.0.0", "0.0.0.0", "255.255.252.0"],
        ["", "255.0.255.0", "0.0.0.255", "0.255.255.255", "255.255.255", "33", "-1", "x", "255.255.255.0/24"],
        "is not a netmask such as 255.255.255.0",
    ),
    'type = "domain"': (
        ["example.com", "localhost", "a_b.example", "-a.com", "example.com.", ".example.com", "*.example.com"]
        + ["münchen.de", "192.0.2.1", "x" * 253],
        ["", ".", "..", "ex ample", "a/b", "../x", "a:b", "a@b", "a,b", "a\tb", "a\u2028b", "**.x", "x" * 254],
        "is not the name of a domain or host, as mail.example.com",
    ),
    'type = "mail-domain"': (
        ["example.com", "a_b.example", ".example.com", "*.example.com", "münchen.de"],
        ["", ".", "ex ample", "a/b", "a:b", "a@b", "**.x"],
        "is not the name of a domain or host, as mail.example.com",
    ),
    'type = "account"': (
        ["tom", "first.last", "...", ".x", "a:b", "USER", "münch", "u@x", "-x", "O'Neill", "x" * 200],
        ["", ".", "..", "a/b", "/", "../x", "a b", "a\tb", "a\xa0b"],
        "is not a name without blanks and '/'",
    ),
    'type = "account" # length': (["é" * 100], ["x" * 201, "é" * 101], "is too long; a name may have 200 bytes"),
    'type = "mailbox"': (
        ["sales", "first.last", "boss@test.com", "a/b@test.com", "@test.com", "boss@", "x" * 190 + "@example.com"],
        ["", ".", "..", "a/b", "a b"],
        "is not a name without blanks and '/'",
    ),
    'type = "mailbox" # address': (["a@b"], ["a b@test.com", "a@b c", "a@\tb"], "is not an address without blanks"),
    'type = "path"': (["/", "/var/log", "/a b/é"], ["", "var", "./x", "~/x", " /x"], "is not an absolute path"),
    'type = "ciphers"': (
        ["HIGH", "HIGH:!SSLv2", "DEFAULT", "ECDHE-RSA-AES128-GCM-SHA256", "HIGH:RC4-SHA", "HIGH:NO-SUCH-CIPHER"]
        + ["HIGH,kRSA", "HIGH kRSA", "ALL:!ADH:!LOW:!SSLv2:!EXP:!MEDIUM:RC4+RSA:+HIGH"],
        [
            "",
            " ",
            "RC4-SHA",
            "HIHG",
            "SSLv2",
            "!HIGH",
            "# all",
            "a b",
            "é",
            "HIGH\0",
            "\udce9",
        ],
        "names no cipher that OpenSSL of this machine offers; 'openssl ciphers' lists them",
    ),
    'type = "ciphers"\nempty = true': (["", "HIGH"], ["HIHG"], "names no cipher that OpenSSL"),
    'type = "delivery"': (["", "| filter", "./Maildir/", "tom"], [], ""),
    'type = "text"': (["", " ", "anything | at = all", "é"], [], ""),
    'type = "secret"': (["", " ", "hunter2|="], [], ""),
    "": (["", "anything"], [], ""),
}

ACCEPTED = [(words, value) for words, (accepted, _, _) in TABLE.items() for value in accepted]
REFUSED = [(words, value, reason) for words, (_, refused, reason) in TABLE.items() for value in refused]


def prop(words: str) -> Property:
    """Return the property that a schema file declares with these words."""
    return Property("p", tomllib.loads(words))


@pytest.mark.parametrize(("words", "value"), ACCEPTED, ids=lambda text: text.replace("\n", " ") or "(empty)")
def test_accepted(words: str, value: str) -> None:
    """The value is one the type allows."""
    assert refusal(prop(words), value) is None


@pytest.mark.parametrize(("words", "value", "reason"), REFUSED, ids=lambda text: text.replace("\n", " ") or "(empty)")
def test_refused(words: str, value: str, reason: str) -> None:
    """The value is one the type does not allow, and the reason reads after it."""
    assert reason in (refusal(prop(words), value) or "")


#: What the functions accept that do without expressions, since importing those takes too long, as expressions.
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
FORMS: dict[str, tuple[Callable[[str], object], str]] = {
    "whole": (types._is_whole, "-?[0-9]+"),
    "digits": (types._are_digits, "[0-9]+"),
    "ipv4": (types._looks_like_ipv4, "[0-9.]+"),
    "domain": (types._is_domain, r"(\*?\.)?[\w-][\w.-]*"),
    "host": (types._is_host, rf"({_LABEL}\.)*{_LABEL}\.?"),
    "integer": (lambda value: types._integer(Property("p", {}), value) is None, "(?!-0+$)-?[0-9]+"),
    "number": (lambda value: types._number(Property("p", {}), value) is None, r"-?[0-9]+(\.[0-9]+)?"),
    "size": (lambda value: types._size(Property("p", {}), value) is None, "[0-9]+[kKmMgG]?"),
}


@pytest.mark.parametrize("form", FORMS)
@given(value=st.text(st.sampled_from("09aZé٣_-.*k\n :"), max_size=8) | st.text(max_size=5))
@example(value="a" * 63)
@example(value="a" * 64)
@example(value="a" * 62 + "-")
@example(value="-0.0")
@example(value="K")
def test_forms(form: str, value: str) -> None:
    """A value has the form that an expression describes."""
    has_form, expression = FORMS[form]
    assert bool(has_form(value)) == (re.fullmatch(expression, value) is not None)


def test_every_type_is_in_the_table() -> None:
    """The table above has every type there is, with values that are accepted and, but for texts, refused ones."""
    found = {tomllib.loads(words).get("type", "text") for words in TABLE}
    assert found == set(TYPES)


def test_an_empty_default_allows_the_empty_value() -> None:
    """A property whose default is empty may be set to nothing again."""
    assert refusal(prop('type = "host"\ndefault = ""'), "") is None
    assert refusal(prop('type = "host"\ndefault = "x"'), "") is not None


SERVICE = """
type = "service"
[properties.status]
type = "enabled/disabled"
[properties.Password]
type = "choice"
values = ["a"]
[properties.Old]
removed = true
"""


@pytest.fixture
def service(desk: Desk) -> Desk:
    """Return a root whose schema knows one record, one type and one value."""
    desk.file("t/rec.toml", SERVICE)
    desk.file("t/@user.toml", 'type = "user"\n[properties.Forward]\ntype = "choice"\nvalues = ["local", "both"]\n')
    desk.file("t/Scalar.toml", '[value]\ntype = "integer"\nmin = 3\n')
    desk.file("t/@service.toml", '[properties.status]\ntype = "yes/no"\n[properties.Port]\ntype = "integer"\n')
    desk.file(
        "t/wild.toml", '[properties."*"]\ntype = "choice"\nvalues = ["White"]\n[properties.Note]\ntype = "text"\n'
    )
    return desk


@pytest.mark.parametrize(
    ("key", "type", "props", "place"),
    [
        ("rec", "service", {"status": "maybe"}, "t rec status"),
        ("rec", "service", {"other": "x", "status": "maybe"}, "t rec status"),
        ("rec", "other", {"status": "maybe"}, "t rec status"),
        ("alice", "user", {"Forward": "nowhere"}, "t alice Forward"),
        ("rec", "service", {"Port": "x"}, "t rec Port"),
        ("wild", "list", {"*@example.com": "Grey"}, "t wild *@example.com"),
        ("Scalar", "2", {}, "t Scalar"),
        ("Scalar", "two", {}, "t Scalar"),
    ],
)
def test_a_record_is_checked(service: Desk, key: str, type: str, props: dict[str, str], place: str) -> None:
    """A record is checked by its own file, then by that of its type; the refusal names the place."""
    with pytest.raises(RefusedError) as caught:
        check_record(service.schema, "t", key, type, props)
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("database", "key", "type", "props"),
    [
        ("t", "rec", "service", {"status": "enabled", "Port": "25", "unknown": "x"}),
        ("t", "alice", "user", {"Forward": "both"}),
        ("t", "alice", "group", {"Forward": "nowhere"}),
        ("t", "unknown", "other", {"status": "maybe"}),
        ("u", "rec", "service", {"status": "maybe"}),
        ("t", "wild", "list", {"*@example.com": "White", "Note": "x"}),
        ("t", "Scalar", "3", {}),
        ("t", "Scalar", "text", {"p": "x"}),
        ("t", "a/b", "../../etc", {"status": "maybe"}),
        ("t", "@user", "other", {"Forward": "nowhere"}),
    ],
)
def test_what_is_not_known_is_accepted(
    service: Desk, database: str, key: str, type: str, props: dict[str, str]
) -> None:
    """Allowed values, and unknown properties, records, types and databases, pass without a hint."""
    assert check_record(service.schema, database, key, type, props) == []


def test_own_file_comes_before_that_of_the_type(service: Desk) -> None:
    """Where both say something of a property, the record's own file holds."""
    assert check_properties(service.schema, "t", "rec", "service", {"status": "enabled"}) == []
    with pytest.raises(RefusedError, match="is not one of yes, no"):
        check_properties(service.schema, "t", "other", "service", {"status": "enabled"})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Status", "t rec has no property 'Status'; did you mean 'status'? (stored as given)"),
        ("statsu", "t rec has no property 'statsu'; did you mean 'status'? (stored as given)"),
        ("Pasword", "t rec has no property 'Pasword'; did you mean 'Password'? (stored as given)"),
        ("Old", "t rec: Old is no longer used; the next console-save removes it"),
        ("Quite", None),
        ("x", None),
    ],
)
def test_hints(service: Desk, name: str, hint: str | None) -> None:
    """An unknown property that is close to a known one gives a hint, one that is not close gives none."""
    assert check_properties(service.schema, "t", "rec", "service", {name: "x"}) == ([hint] if hint else [])


def test_secrets(desk: Desk) -> None:
    """A property of type secret is one, by the record's own file or by that of its type; others are not."""
    desk.file("t/rec.toml", '[properties.Passwd]\ntype = "secret"\n[properties.User]\ntype = "text"\n')
    desk.file("t/@vpn.toml", '[properties.Key]\ntype = "secret"\n')
    schema = desk.schema
    assert schema.is_secret("t", "rec", "service", "Passwd")
    assert schema.is_secret("t", "rec", None, "Passwd")
    assert schema.is_secret("t", "office", "vpn", "Key")
    for key, type, name in (("rec", "x", "User"), ("rec", "x", "Other"), ("office", "vpn", "User"), ("o", "x", "Key")):
        assert not schema.is_secret("t", key, type, name)
