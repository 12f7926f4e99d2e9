"""Records of an import that are found to be in order at once: of none of them there is anything to report."""

from __future__ import annotations

import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.errors import RefusedError
from esmith.schema.check import check_key
from esmith.schema.settings import judge_record, set_properties
from esmith.schema.silent import Silent
from esmith.store.memory import Remembered
from esmith.store.model import Record
from tests.examples import examples
from tests.schema.kit import Desk
from tests.store.stores import AUTHOR, put

KEYS = st.sampled_from(
    [
        "alice",
        "Alice",
        "bob-junkmail",
        "alias",
        "amdin",
        "example.com",
        "example.com.",
        "a b",
        "é",
        "x@example.com",
        "é.com",
    ]
) | st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=12)
NAMES = st.sampled_from(
    ["EmailForward", "ForwardAddress", "Uid", "Account", "Members", "Nmae", "FirstName", "Note", "SystemPrimaryDomain"]
    + ["MailServer", "Content", "VPNClientAccess", "PasswordSet", "HostType", "InternalIP", "Mask", "emailforward"]
)
VALUES = st.sampled_from(
    [
        "",
        "local",
        "both",
        "yes",
        "no",
        "maybe",
        "5000",
        "-1",
        "alice",
        "nobody",
        "a@example.com",
        "<name>",
        "é.com",
        "10.0.0.1",
    ]
)
TYPES = st.sampled_from(["user", "group", "pseudonym", "domain", "host", "network", "usre", "other", "ibay"])


@given(
    database=st.sampled_from(["accounts", "domains", "hosts", "networks", "own"]),
    records=st.lists(
        st.builds(Record, KEYS, TYPES, st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)), min_size=1, max_size=6
    ),
)
@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_to_be_reported_of_a_silent_record(shipped: Desk, database: str, records: list[Record]) -> None:
    """A record that is silent is allowed, and there is no hint about it."""
    stored = []
    for record in records:
        with contextlib.suppress(RefusedError):
            put(shipped.store, database, record.key, record.type, record.props)
            stored.append(record.key)
    schema = shipped.schema
    with shipped.store.snapshot() as snapshot:
        look = Remembered(snapshot)
        silent = Silent(schema, look)
        for key in dict.fromkeys(stored):
            found = look.record(database, key)
            assert found is not None
            if silent.is_silent(database, key, look.texts(database)[key]):
                check_key(schema, database, key, found.type)
                assert judge_record(look, schema, database, found) == ([], {})


#: Of the configuration: a service with a port, one without, a record with a value, and what no schema file knows.
SETTINGS = st.sampled_from(["qpsmtpd", "sshd", "clamav", "fetchmail", "DomainName", "own"])
NAMES_THERE = st.sampled_from(
    [
        "status",
        "TCPPort",
        "access",
        "Bcc",
        "MaxFiles",
        "SecondaryMailServer",
        "DNSBL",
        "SBLList",
        "RBLList",
        "Own",
        "stauts",
    ]
)


@given(
    type=TYPES | st.sampled_from(["service", "configuration"]),
    place=st.tuples(st.sampled_from(["accounts", "domains", "hosts", "own"]), KEYS, NAMES)
    | st.tuples(st.just("configuration"), SETTINGS, NAMES_THERE),
    value=VALUES | st.sampled_from(["enabled", "26", "0", "<b>", "x<y>", "a,b", "zen.spamhaus.org"]),
)
@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_to_be_reported_of_a_silent_setting(
    shipped: Desk, type: str, place: tuple[str, str, str], value: str
) -> None:
    """A setting that is silent is allowed, and there is no hint about it."""
    database, key, prop = place
    with contextlib.suppress(RefusedError):
        put(shipped.store, database, key, type)
    with shipped.store.transaction(AUTHOR) as transaction:
        if Silent(shipped.schema, transaction).is_silent_setting(database, key, prop, value):
            assert set_properties(transaction, shipped.schema, database, key, {prop: value}) == []


def test_most_records_of_an_import_are_silent(shipped: Desk) -> None:
    """Users, and pseudonyms of them, as a server has them, are found to be in order at once."""
    put(shipped.store, "accounts", "user1", "user", {"FirstName": "A", "EmailForward": "local", "Uid": "5001"})
    put(shipped.store, "accounts", "a.b1", "pseudonym", {"Account": "user1", "Changeable": "yes"})
    put(shipped.store, "accounts", "a.b2", "pseudonym", {"Account": "nobody", "Changeable": "yes"})
    with shipped.store.snapshot() as snapshot:
        look = Remembered(snapshot)
        silent = Silent(shipped.schema, look)
        found = {
            record.key: silent.is_silent("accounts", record.key, look.texts("accounts")[record.key])
            for record in look.records("accounts")
        }
    assert found == {"user1": True, "a.b1": True, "a.b2": False}


def test_most_settings_of_a_batch_are_silent(shipped: Desk) -> None:
    """Settings of hosts, domains and users are in order at once, but those of names that mail takes for others."""
    places = [("hosts", "h1.example.com", "host", "HostType", "Local"), ("accounts", "User", "user", "FirstName", "A")]
    places += [("domains", key, "domain", "MailServer", "localhost") for key in ("a.example.com", "B.example.com")]
    places += [("accounts", "user1-JunkMail", "pseudonym", "Account", "admin")]
    for database, key, type, *_ in places:
        put(shipped.store, database, key, type)
    with shipped.store.transaction(AUTHOR) as transaction:
        silent = Silent(shipped.schema, transaction)
        found = {key: silent.is_silent_setting(database, key, *rest) for database, key, _, *rest in places}
    assert found == {
        "h1.example.com": True,
        "User": True,
        "a.example.com": True,
        "B.example.com": False,
        "user1-JunkMail": False,
    }
