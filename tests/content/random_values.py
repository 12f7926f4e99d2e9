"""Values that ``setprop`` takes, at random: for each property of a schema file one that its type allows."""

from __future__ import annotations

from hypothesis import strategies as st

from esmith.schema.model import Property
from esmith.schema.types import refusal
from tests.content.formats import MARKERS

LARGEST = 2**31 - 1
#: What has a meaning in one or another of the generated files, and harmless things between them.
_TOKENS = [
    "a",
    "b",
    "Z",
    "7",
    "-",
    "_",
    ".",
    ",",
    ":",
    ";",
    "#",
    "=",
    "|",
    "/",
    "\\",
    "'",
    '"',
    "`",
    "$",
    "${",
    "%",
    "&",
]
_TOKENS += ["<", ">", "(", ")", "[", "]", "*", "?", "!", "@", "+", "~", "^", " ", "yes", "include "]

_HOSTNAMES = st.sampled_from(["mx.example.net", "a.b.c.d", "localhost", "h", "x_y-z.org", "end.example."])
_HOSTS = _HOSTNAMES | st.sampled_from(["10.0.0.9", "fe80::1"])
_HOSTS_AND_PORTS = _HOSTNAMES | st.sampled_from(["10.0.0.9", "[10.0.0.9]", "mail.isp.net:587", "[10.0.0.9]:26"])
_ADDRESSES = st.ip_addresses(v=4).map(str)
_NETWORKS = st.tuples(_ADDRESSES, st.integers(8, 32)).map(lambda pair: f"{pair[0]}/{pair[1]}")
_MASKS = st.integers(8, 32).map(
    lambda length: ".".join(str((0xFFFFFFFF << 32 - length >> shift) & 255) for shift in (24, 16, 8, 0))
)
_ZONES = st.sampled_from(["zen.spamhaus.org", "multi.surbl.org", "b.example.net", "127.in-addr.example"])
_MASKED_ZONES = st.tuples(_ZONES, st.sampled_from(["", ":8", ":8-16-64"])).map("".join)
_MESSAGE_ZONES = st.tuples(_ZONES, st.sampled_from(["", ":Blocked - see us", ":2"])).map("".join)
_WORDS = st.sampled_from(["john", "group1", "tom", "/proc", "en", "x y"])


def _is_harmless(text: str) -> bool:
    """Whether a value is more than blanks, and holds nothing that test_random_settings takes for part of a fragment."""
    return bool(text.strip()) and not any(marker in text for marker in MARKERS)


_TEXT = st.lists(st.sampled_from(_TOKENS), min_size=1, max_size=8).map("".join).filter(_is_harmless)

#: The entries of lists, and texts that are lists of words in truth, by the property's name.
_ENTRIES = {
    "RBLList": _MESSAGE_ZONES,
    "SBLList": _ZONES,
    "UBLList": _MASKED_ZONES,
    "UnauthenticatedRelayClients": _ADDRESSES,
    "TrustedNetworks": _ADDRESSES | _NETWORKS,
}
_BY_NAME = {
    "OkLanguages": st.sampled_from(["all", "en", "en de", "en,de"]),
    "OkLocales": st.sampled_from(["all", "en", "en ja", "en,ja"]),
    "User": st.sampled_from(["clamav", "scanner", "a.b"]),
}


def values(prop: Property) -> st.SearchStrategy[str]:
    """Return the strategy for the values of a property."""
    if prop.name in _BY_NAME:
        return _BY_NAME[prop.name]
    return _by_type(prop) | st.just("") if refusal(prop, "") is None else _by_type(prop)


def _by_type(prop: Property) -> st.SearchStrategy[str]:
    least = int(prop.minimum) if prop.minimum is not None else -LARGEST
    most = int(prop.maximum) if prop.maximum is not None else LARGEST
    whole = st.integers(least, most).map(str) | st.integers(least, min(most, max(least, 0) + 20)).map(str)
    kinds: dict[str, st.SearchStrategy[str]] = {
        "enabled/disabled": st.sampled_from(["enabled", "disabled"]),
        "yes/no": st.sampled_from(["yes", "no"]),
        "choice": st.sampled_from(prop.values or [""]),
        "integer": whole,
        "number": whole | st.tuples(st.integers(max(least, 0), 99), st.integers(0, 999)).map("{0[0]}.{0[1]}".format),
        "size": (
            st.tuples(st.integers(0, 5000), st.sampled_from(["", "k", "K", "m", "M"]))
            .map("{0[0]}{0[1]}".format)
            .filter(lambda size: refusal(prop, size) is None)
        ),
        "port": st.integers(1, 65535).map(str),
        "list": st.lists(_ENTRIES.get(prop.name, _WORDS), min_size=1, max_size=4).map(prop.separator.join),
        "host": _HOSTS,
        "host:port": _HOSTS_AND_PORTS,
        "hostname": _HOSTNAMES,
        "account": st.sampled_from(["alias-localdelivery", "joe", "a.b", "x+y"]),
        "mailbox": st.sampled_from(
            ["joe", "tom", "a.b", "o'neill", "x:y", "info@test.com", "boss@example.com", "#a@b.c"]
        ),
        "domain": st.sampled_from(["example.net", "sub.test.com", ".example.org", "xn--mnchen-3ya.de"]),
        "address": _ADDRESSES,
        "ipv4": st.sampled_from(["192.0.2.7", "10.1.2.3"]),
        "netmask": _MASKS,
        "ciphers": st.sampled_from(["HIGH", "HIGH:!aNULL:!MD5", "ECDHE+AESGCM,ECDHE", "DEFAULT:NO-SUCH-CIPHER"]),
        "path": _TEXT.map(lambda text: "/" + text.strip()),
        "delivery": st.sampled_from(["| filter -x", "./Maildir/", "/var/spool/all", "joe", "&boss@example.com"]),
        "text": _TEXT.map(str.strip),
        "secret": _TEXT,
    }
    return kinds[prop.type]
