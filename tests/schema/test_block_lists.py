"""Block lists that are closed: which they are, how upgrades drop them, and what setprop says."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.layout import Layout
from esmith.schema.lists import entries, zone_of
from esmith.schema.load import Schema
from esmith.schema.migrate import migrated_value
from tests.commands import Root
from tests.examples import examples

FILE = Path(__file__).parents[2] / "db/block-lists.toml"
CLOSED = tomllib.loads(FILE.read_text())["closed"]
LISTS = ("RBLList", "SBLList", "UBLList")
DEAD = [
    *("rhsbl.sorbs.net", "dnsbl.sorbs.net", "sorbs.net", "bl.spamcannibal.org", "bogusmx.rfc-ignorant.org"),
    *("combined.njabl.org", "ix.dnsbl.manitu.net", "RHSBL.Sorbs.net.", "relays.ordb.org", "dnsbl.ahbl.org"),
]
ALIVE = [
    "zen.spamhaus.org",
    "multi.surbl.org",
    "black.uribl.com",
    "sorbs.net.example",
    "notsorbs.net",
    "dnsbl.manitu.net",
]
AFTER = ["", ":Listed - see http://x.example/?ip=%IP%", ":8-16-64", ":Not you"]


@pytest.mark.parametrize("row", CLOSED, ids=lambda row: row["zones"][0])
def test_each_row_has_its_date_and_source(row: dict[str, str]) -> None:
    """Each closed list has since when, what became of it, and a source that can be looked up."""
    assert re.fullmatch(r"\d{4}(-\d\d){0,2}", row["since"])
    assert row["fate"].startswith("was ")
    assert "http" in row["source"] or "SME Server" in row["source"]


def test_no_default_is_a_closed_list(root: Root) -> None:
    """A new server asks no list that is closed."""
    for name in LISTS:
        zones = [zone_of(entry) for entry in entries(root.config("getprop", "qpsmtpd", name).out.strip())]
        assert zones
        assert [zone for zone in zones if _is_closed(zone)] == []


def _is_closed(zone: str) -> bool:
    return any(fnmatchcase(zone, pattern) for row in CLOSED for pattern in row["zones"])


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    found=st.lists(st.tuples(st.sampled_from([*DEAD, *ALIVE]), st.sampled_from(AFTER)), max_size=8, unique=True),
    name=st.sampled_from(LISTS),
)
def test_an_upgrade_drops_closed_lists_and_nothing_else(root: Root, found: list[tuple[str, str]], name: str) -> None:
    """Whatever the list, closed ones go, also with a message or a mask; others stay, in their order."""
    record = Schema(Layout(str(root.path))).file("configuration", "qpsmtpd")
    assert record is not None
    value = ",".join(zone + after for zone, after in found)
    expected = ",".join(zone + after for zone, after in found if zone not in DEAD)
    assert migrated_value(record.properties[name], value) == expected


@pytest.mark.parametrize(("name", "switch"), [("RBLList", "DNSBL"), ("SBLList", "RHSBL"), ("UBLList", "URIBL")])
def test_an_empty_list_names_its_switch(root: Root, name: str, switch: str) -> None:
    """When an upgrade leaves no list, the note names the property to disable; it exists."""
    root.config("setprop", "qpsmtpd", name, "sorbs.net")
    note = root.esmith("initialize-databases").err.splitlines()[-1]
    assert note.endswith(f"{name}: the list is empty now; name another block list, or disable {switch}")
    assert root.config("getprop", "qpsmtpd", switch).out in ("enabled\n", "disabled\n")


def test_what_the_page_types_is_stored_with_a_hint(root: Root) -> None:
    """setprop stores a closed list, names it and says since when; only the migrations drop it."""
    words = ("setprop", "qpsmtpd", "SBLList", "multi.surbl.org:rhsbl.sorbs.net:dbl.spamhaus.org")
    answer = root.config(*words)
    assert "the block list rhsbl.sorbs.net was closed and holds no data (since 2024-06-05)" in answer.err
    assert answer.err.count("\n") == 1
    assert root.config("getprop", "qpsmtpd", "SBLList").out == f"{words[-1]}\n"
    root.signal("email-update")
    assert "rhsbl.sorbs.net" in root.lines("/var/service/qpsmtpd/config/rhsbl_zones")
    root.run("esmith", "initialize-databases")
    assert root.config("getprop", "qpsmtpd", "SBLList").out == "multi.surbl.org,dbl.spamhaus.org\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (
            "db wbl setprop badmailfrom *@wild.test Black",
            "'*@wild.test' stands for all senders of the domain wild.test",
        ),
        ("db wbl setprop badmailfrom tom@dom.test Black", ""),
        ("db wbl setprop badmailfrom sales+int@dom.test Black", ""),
        ("db wbl setprop badhelo [a Black", "is no regular expression of Perl"),
        ("db wbl setprop whitelistsenders a*@dom.test White", "the file will be without it"),
        ("db spamassassin setprop wbl.global dom.test White", "stands for all addresses of the form *@dom.test"),
        ("db spamassassin setprop wbl.global *@dom.test White", ""),
        ("config setprop qpsmtpd UnauthenticatedRelayClients 192.168.1.7,0.0.0.0/0", "'0.0.0.0/0' is every address"),
        ("config setprop qpsmtpd RBLList zen.spamhaus.org", ""),
    ],
)
def test_setprop_says_what_an_entry_means(root: Root, words: str, hint: str) -> None:
    """An entry that means more than it says, or that is left out, is stored with a hint; others without one."""
    answer = root.run(*words.split())
    assert hint in answer.err
    assert bool(answer.err) is bool(hint)
    assert answer.out == ""
