"""Settings of older versions: each kind of migration, and each shipped one (docs/schema.md#the-migrations)."""

from __future__ import annotations

import tomllib

import pytest

from esmith.schema.lists import entries
from esmith.schema.migrate import migrated_value
from esmith.schema.model import Property
from esmith.store.model import Record
from tests.schema.kit import Desk

ENTRIES = {
    "": [],
    "a.example": ["a.example"],
    "a.example,b.example": ["a.example", "b.example"],
    "a.example:b.example": ["a.example", "b.example"],
    "a.example:b.example,c.example": ["a.example", "b.example", "c.example"],
    " a.example , b.example ": ["a.example", "b.example"],
    "a.example,,b.example:": ["a.example", "b.example:"],
    "multi.surbl.org:8-16-64-128,black.uribl.com": ["multi.surbl.org:8-16-64-128", "black.uribl.com"],
    "multi.surbl.org:8": ["multi.surbl.org:8"],
    "zone.example:127.0.0.2": ["zone.example:127.0.0.2"],
    "zone.example:Blocked - see http://x.example/y,b.example": ["zone.example:Blocked - see http://x.example/y"]
    + ["b.example"],
    "multi.surbl.org:8-16:black.uribl.com": ["multi.surbl.org:8-16", "black.uribl.com"],
}


@pytest.mark.parametrize(("value", "found"), ENTRIES.items(), ids=ENTRIES.keys())
def test_entries(value: str, found: list[str]) -> None:
    """Commas separate; a colon does before a host name, not before a bit mask, an address or a message."""
    assert entries(value) == found


#: Words of a property, value before, value after.
VALUES = {
    "replaced": ('replace-values = { "0" = "disabled" }', "0", "disabled"),
    "not replaced": ('replace-values = { "0" = "disabled" }', "00", "00"),
    "replaced by nothing": ('replace-values = { "none" = "" }', "none", ""),
    "raised": ('raise-to = "600"', "80", "600"),
    "raised from nought": ('raise-to = "600"', "0", "600"),
    "equal": ('raise-to = "600"', "600", "600"),
    "above": ('raise-to = "600"', "601", "601"),
    "no number": ('raise-to = "600"', "much", "much"),
    "empty": ('raise-to = "600"', "", ""),
    "superscript": ('raise-to = "600"', "²", "²"),
    "more digits than int() takes": ('raise-to = "600"', "9" * 5000, "9" * 5000),
    "dropped": ('type = "list"\nobsolete-values = ["b.x"]', "a.x,b.x,c.x", "a.x,c.x"),
    "dropped at the ends": ('type = "list"\nobsolete-values = ["a.x", "c.x"]', "a.x,b.x,c.x", "b.x"),
    "all dropped": ('type = "list"\nobsolete-values = ["a.x"]', "a.x", ""),
    "dropped by pattern": ('type = "list"\nobsolete-values = ["*.b.x"]', "a.x,c.b.x,d.c.b.x,b.x", "a.x,b.x"),
    "nothing dropped": ('type = "list"\nobsolete-values = ["b.x"]', "a.x, ab.x", "a.x, ab.x"),
    "entry replaced": ('type = "list"\nreplace-values = { "a.x" = "z.x" }', "a.x,b.x", "z.x,b.x"),
    "entry replaced by one there is": ('type = "list"\nreplace-values = { "a.x" = "b.x" }', "a.x,b.x", "b.x"),
    "other separator": ('type = "list"\nseparator = ";"\nobsolete-values = ["b.x"]', "a.x,b.x,c.x", "a.x;c.x"),
    "no list": ('type = "text"\nobsolete-values = ["b.x"]', "b.x", "b.x"),
}


@pytest.mark.parametrize(("words", "before", "after"), VALUES.values(), ids=VALUES.keys())
def test_values(words: str, before: str, after: str) -> None:
    """A value is brought to what this version expects, and stays to the byte where nothing is obsolete."""
    assert migrated_value(Property("p", tomllib.loads(words)), before) == after


RENAMED = """
type = "service"
renamed-from = ["older", "oldest"]
[properties.New]
default = "default"
renamed-from = ["Old", "Older"]
replace-values = { "0" = "disabled" }
[properties.Gone]
removed = true
"""

#: Records before, records after.
RECORDS: dict[str, tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]] = {
    "renamed property": ({"rec": {"Old": "x"}}, {"rec": {"New": "x"}}),
    "the nearest old name": ({"rec": {"Old": "x", "Older": "y"}}, {"rec": {"New": "x"}}),
    "renamed and replaced": ({"rec": {"Older": "0"}}, {"rec": {"New": "disabled"}}),
    "the new name is there": ({"rec": {"Old": "x", "New": "y"}}, {"rec": {"New": "y"}}),
    "the new name is there and empty": ({"rec": {"Old": "x", "New": ""}}, {"rec": {"New": ""}}),
    "an empty old value": ({"rec": {"Old": ""}}, {"rec": {"New": ""}}),
    "removed": ({"rec": {"Gone": "x", "New": "y"}}, {"rec": {"New": "y"}}),
    "renamed record": ({"older": {"New": "x", "Other": "y"}}, {"rec": {"New": "x", "Other": "y"}}),
    "renamed record and property": ({"oldest": {"Old": "x"}}, {"rec": {"New": "x"}}),
    "the new record is there": ({"older": {"New": "x"}, "rec": {"New": "y"}}, {"rec": {"New": "y"}}),
    "neighbours": ({"rec2": {"Old": "x", "Gone": "y"}}, {"rec": {"New": "default"}, "rec2": {"Old": "x", "Gone": "y"}}),
}


@pytest.mark.parametrize(("before", "after"), RECORDS.values(), ids=RECORDS.keys())
def test_records(desk: Desk, before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> None:
    """Properties and records are renamed and removed; what already has the new name stays; in one revision."""
    desk.file("t/rec.toml", RENAMED)
    for key, props in before.items():
        desk.put("t", key, "service", props)
    revision = desk.revision()
    desk.initialize()
    with desk.store.snapshot() as snapshot:
        found = list(snapshot.records("t"))
    assert found == [Record(key, "service", dict(sorted(props.items()))) for key, props in sorted(after.items())]
    assert desk.revision() == revision + 1
    assert (desk.initialize()[0], desk.revision()) == ([], revision + 1)


def test_migrations_of_a_type(desk: Desk) -> None:
    """A file for a type migrates every record of that type and no other."""
    desk.file("t/@user.toml", 'type = "user"\n[properties.F]\nreplace-values = { "procmail" = "local" }\n')
    for key, type in (("alice", "user"), ("bob", "user"), ("admin", "system")):
        desk.put("t", key, type, {"F": "procmail"})
    desk.initialize()
    assert [desk.props("t", key)["F"] for key in ("alice", "bob", "admin")] == ["local", "local", "procmail"]


def test_a_value_is_migrated(desk: Desk) -> None:
    """A record without properties is migrated by its value."""
    desk.file("t/Mode.toml", '[value]\nreplace-values = { "off" = "" }\n')
    desk.put("t", "Mode", "off")
    desk.initialize()
    assert desk.record("t", "Mode") == Record("Mode", "", {})


OBSOLETE_RBL = "combined.njabl.org:list.dsbl.org:multihop.dsbl.org:dnsbl.ahbl.org"
OBSOLETE_SBL = (
    "blackhole.securitysage.com:bulk.rhs.mailpolice.com:fraud.rhs.mailpolice.com:porn.rhs.mailpolice.com:"
    "adult.rhs.mailpolice.com:bogusmx.rfc-ignorant.org:ex.dnsbl.org"
)
#: The lists that versions 7 and 8 shipped.
SME8_RBL = (
    "bl.spamcop.net:combined.njabl.org:dnsbl.ahbl.org:dnsbl-1.uceprotect.net:dnsbl-2.uceprotect.net:list.dsbl.org:"
    "multihop.dsbl.org:psbl.surriel.com:zen.spamhaus.org"
)
SME8_SBL = (
    "bogusmx.rfc-ignorant.org:multi.surbl.org:black.uribl.com:rhsbl.sorbs.net:bulk.rhs.mailpolice.com:"
    "fraud.rhs.mailpolice.com:porn.rhs.mailpolice.com:adult.rhs.mailpolice.com:ex.dnsbl.org"
)
PRUNED_RBL = "bl.spamcop.net,dnsbl-1.uceprotect.net,dnsbl-2.uceprotect.net,psbl.surriel.com,zen.spamhaus.org"

#: Fragment of the original: record, properties before, properties after (None: gone).
D2: dict[str, tuple[str, dict[str, str], dict[str, str | None]]] = {
    "20ordb.org": (
        "qpsmtpd",
        {"RBLList": "relays.ordb.org:bl.spamcop.net:x.ordb.net:ordb.org:ordb.net"},
        {"RBLList": "bl.spamcop.net"},
    ),
    "20ordb.org, like names stay": (
        "qpsmtpd",
        {"RBLList": "relays.ordb.org,notordb.org,ordb.org.example.com"},
        {"RBLList": "notordb.org,ordb.org.example.com"},
    ),
    "20ordb.org, no list": ("qpsmtpd", {}, {"RBLList": PRUNED_RBL}),
    "20ordb.org, empty list": ("qpsmtpd", {"RBLList": ""}, {"RBLList": ""}),
    "20spamhaus": (
        "qpsmtpd",
        {"RBLList": "bl.spamcop.net:sbl-xbl.spamhaus.org"},
        {"RBLList": "bl.spamcop.net,zen.spamhaus.org"},
    ),
    "20spamhaus, zen is there": (
        "qpsmtpd",
        {"RBLList": "zen.spamhaus.org:bl.spamcop.net:sbl-xbl.spamhaus.org"},
        {"RBLList": "zen.spamhaus.org,bl.spamcop.net"},
    ),
    "20securitysage": (
        "qpsmtpd",
        {"SBLList": "blackhole.securitysage.com:multi.surbl.org"},
        {"SBLList": "multi.surbl.org"},
    ),
    "obsolete RBLList": ("qpsmtpd", {"RBLList": f"bl.spamcop.net:{OBSOLETE_RBL}"}, {"RBLList": "bl.spamcop.net"}),
    "obsolete SBLList": ("qpsmtpd", {"SBLList": f"{OBSOLETE_SBL}:dbl.spamhaus.org"}, {"SBLList": "dbl.spamhaus.org"}),
    "the RBLList of version 8": ("qpsmtpd", {"RBLList": SME8_RBL}, {"RBLList": PRUNED_RBL}),
    "the SBLList of version 8": (
        "qpsmtpd",
        {"SBLList": SME8_SBL},
        {"SBLList": "multi.surbl.org,black.uribl.com"},
    ),
    "colons become commas": (
        "qpsmtpd",
        {"RBLList": "bl.spamcop.net:zen.spamhaus.org", "SBLList": "multi.surbl.org:black.uribl.com"},
        {"RBLList": "bl.spamcop.net,zen.spamhaus.org", "SBLList": "multi.surbl.org,black.uribl.com"},
    ),
    "colons of masks and messages stay": (
        "qpsmtpd",
        {
            "RBLList": "b.barracudacentral.org:Blocked - see http://x.example/?ip=%IP%,zen.spamhaus.org",
            "UBLList": "multi.surbl.org:8-16,black.uribl.com",
        },
        {
            "RBLList": "b.barracudacentral.org:Blocked - see http://x.example/?ip=%IP%,zen.spamhaus.org",
            "UBLList": "multi.surbl.org:8-16,black.uribl.com",
        },
    ),
    "20RequireResolvableFromHost": (
        "qpsmtpd",
        {"RequireResolvableFromHost": "yes"},
        {"RequireResolvableFromHost": None},
    ),
    "imaps limits": (
        "imaps",
        {
            "ConcurrencyLimit": "400",
            "ConcurrencyLimitPerIP": "6",
            "ProcessMemoryLimit": "1",
            "checkConcurrencyLimit": "1",
        },
        {
            "ConcurrencyLimit": None,
            "ConcurrencyLimitPerIP": None,
            "ProcessMemoryLimit": None,
            "checkConcurrencyLimit": None,
        },
    ),
    "imap keeps its limits": ("imap", {"ConcurrencyLimitPerIP": "6"}, {"ConcurrencyLimitPerIP": "6"}),
    "20smtpProxy": ("smtpd", {"Proxy": "enabled"}, {"Proxy": "blocked", "Authentication": "enabled"}),
    "20smtpProxy, disabled stays": ("smtpd", {"Proxy": "disabled"}, {"Proxy": "disabled"}),
    "20smtpd-auth": ("smtpd", {"authentication": "disabled"}, {"authentication": None, "Authentication": "disabled"}),
    "20smtp-auth-proxy-Debug": ("smtp-auth-proxy", {"Debug": "0"}, {"Debug": "disabled"}),
    "10spamassassin, rewrite_subject": (
        "spamassassin",
        {"rewrite_subject": "1"},
        {"rewrite_subject": None, "SubjectTag": "enabled"},
    ),
    "10spamassassin, switched off": (
        "spamassassin",
        {"rewrite_subject": "0", "status": "0"},
        {"rewrite_subject": None, "SubjectTag": "disabled", "status": "disabled"},
    ),
    "10spamassassin, lower case": (
        "spamassassin",
        {"use_bayes": "1", "ok_languages": "en de", "ok_locales": "en", "use_auto_whitelist": "1"},
        {
            "use_bayes": None,
            "UseBayes": "1",
            "ok_languages": None,
            "OkLanguages": "en de",
            "ok_locales": None,
            "OkLocales": "en",
            "use_auto_whitelist": None,
            "UseAutoWhitelist": "1",
        },
    ),
    "20sortspam": (
        "qmail",
        {"DeliveryType": "procmail", "DeliveryInstruction": "x"},
        {"DeliveryType": None, "DeliveryInstruction": None},
    ),
    "40clamav93": (
        "clamav",
        {"ArchiveMaxFileSize": "20M", "ArchiveMaxRecursion": "9", "ArchiveMaxFiles": "99"},
        {
            "ArchiveMaxFileSize": None,
            "MaxFileSize": "20M",
            "ArchiveMaxRecursion": None,
            "MaxRecursion": "9",
            "ArchiveMaxFiles": None,
            "MaxFiles": "99",
        },
    ),
    "40clamavDatabaseMirror": (
        "clamav",
        {"DatabaseMirror": "db.us.clamav.net"},
        {"DatabaseMirror": "db.local.clamav.net"},
    ),
    "40clamavDatabaseMirror, another": ("clamav", {"DatabaseMirror": "m.example"}, {"DatabaseMirror": "m.example"}),
    "clamdMemLimit": ("clamd", {"MemLimit": "80000000"}, {"MemLimit": "4000000000"}),
    "clamdMemLimit, the older default": ("clamd", {"MemLimit": "600000000"}, {"MemLimit": "4000000000"}),
    "clamdMemLimit, more": ("clamd", {"MemLimit": "900000000"}, {"MemLimit": "900000000"}),
    "PhpMagicQuotes": ("php", {"MagicQuotes": "On"}, {"MagicQuotes": None}),
    "10SetAccessDefaults": ("imap", {}, {"access": "private"}),
    "10SetAccessDefaults, set": ("qpsmtpd", {"access": "private"}, {"access": "private"}),
}


@pytest.mark.parametrize(("key", "before", "after"), D2.values(), ids=D2.keys())
def test_each_shipped_migration(shipped: Desk, key: str, before: dict[str, str], after: dict[str, str | None]) -> None:
    """Each migrate fragment of the original that can be written as a key or two is done by the shipped files."""
    shipped.put("configuration", key, "service", before)
    shipped.initialize()
    props = shipped.props("configuration", key)
    assert {name: props.get(name) for name in after} == after
    revision = shipped.revision()
    assert revision == 2, "one for the record, one for everything that was done"
    assert (shipped.initialize()[0], shipped.revision()) == ([], revision), "the second time there is nothing to do"


def test_30popd(shipped: Desk) -> None:
    """The record popd becomes pop3, with its settings."""
    shipped.put("configuration", "popd", "service", {"status": "disabled", "access": "public"})
    shipped.initialize()
    assert shipped.record("configuration", "popd") is None
    assert shipped.props("configuration", "pop3") == {"access": "public", "status": "disabled", "TCPPort": "110"}


@pytest.mark.parametrize(("key", "type"), [("alice", "user"), ("admin", "system")])
def test_30emailforward(shipped: Desk, key: str, type: str) -> None:
    """EmailForward procmail becomes local, for users and the administrator."""
    shipped.put("accounts", key, type, {"EmailForward": "procmail"})
    shipped.put("accounts", "other", type, {"EmailForward": "both"})
    shipped.initialize()
    assert shipped.props("accounts", key)["EmailForward"] == "local"
    assert shipped.props("accounts", "other")["EmailForward"] == "both"


def test_horde_password(shipped: Desk) -> None:
    """A missing password of webmail's database is made, 57 characters long; one that is set stays."""
    shipped.put("configuration", "horde", "service")
    shipped.initialize()
    assert len(shipped.props("configuration", "horde")["DbPassword"]) == 57
    shipped.put("configuration", "horde", "service", {"DbPassword": "mine"})
    shipped.initialize()
    assert shipped.props("configuration", "horde")["DbPassword"] == "mine"


def test_10systemprimarydomain(shipped: Desk) -> None:
    """The primary domain has a record, marked as such."""
    shipped.put("configuration", "DomainName", "example.org")
    shipped.initialize()
    props = shipped.props("domains", "example.org")
    assert (props["SystemPrimaryDomain"], props["Removable"]) == ("yes", "no")


def test_a_whole_old_system(shipped: Desk) -> None:
    """All migrations together are one revision, and the second run makes none."""
    merged: dict[str, dict[str, str]] = {}
    for key, before, _ in D2.values():
        merged.setdefault(key, {}).update(before)
    for key, props in merged.items():
        shipped.put("configuration", key, "service", props)
    shipped.put("configuration", "popd", "service", {"status": "disabled"})
    shipped.put("accounts", "alice", "user", {"EmailForward": "procmail"})
    revision = shipped.revision()
    changes, warnings = shipped.initialize()
    assert {change.database for change in changes} >= {"configuration", "accounts", "domains"}
    assert warnings == []
    assert shipped.revision() == revision + 1
    assert (shipped.initialize()[0], shipped.revision()) == ([], revision + 1)
