"""Initialising databases: migrations, then defaults, then forced values, in one transaction."""

from __future__ import annotations

import pytest

from esmith.errors import EsmithError, SchemaError
from esmith.store.model import Record
from tests.commands import Root
from tests.schema.kit import Desk
from tests.store.stores import AUTHOR, contents

REC = """
type = "service"
[properties.status]
type = "enabled/disabled"
default = "enabled"
[properties.Empty]
default = ""
[properties.Forced]
force = "always"
[properties.Optional]
type = "integer"
"""


def test_a_new_record_gets_its_defaults(desk: Desk) -> None:
    """A missing record is made with its type, defaults and forced values; properties without a default stay away."""
    desk.file("t/rec.toml", REC)
    changes, warnings = desk.initialize()
    assert desk.record("t", "rec") == Record("rec", "service", {"Empty": "", "Forced": "always", "status": "enabled"})
    assert (len(changes), warnings) == (4, [])


@pytest.mark.parametrize("value", ["disabled", "", "nonsense"], ids=["set", "empty", "not allowed"])
def test_what_is_set_stays(desk: Desk, value: str) -> None:
    """A property that exists keeps its value: an empty one counts as set, and so does one that is not allowed."""
    desk.file("t/rec.toml", REC)
    desk.put("t", "rec", "service", {"status": value, "Other": "x"})
    desk.initialize()
    assert desk.props("t", "rec") == {"Empty": "", "Forced": "always", "Other": "x", "status": value}


def test_a_type_that_is_set_stays(desk: Desk) -> None:
    """A record that has another type keeps it."""
    desk.file("t/rec.toml", REC)
    desk.put("t", "rec", "other")
    desk.initialize()
    record = desk.record("t", "rec")
    assert record is not None
    assert record.type == "other"
    assert record.props["status"] == "enabled"


def test_forced_values_are_always_written(desk: Desk) -> None:
    """A forced value replaces what was set, the empty value too."""
    desk.file("t/rec.toml", REC)
    for value in ("mine", ""):
        desk.put("t", "rec", "service", {"Forced": value})
        desk.initialize()
        assert desk.props("t", "rec")["Forced"] == "always"


def test_a_deleted_property_comes_back(desk: Desk) -> None:
    """A default that was deleted is written again the next time."""
    desk.file("t/rec.toml", REC)
    desk.initialize()
    with desk.store.transaction(AUTHOR) as transaction:
        transaction.delete_prop("t", "rec", "status")
    changes, _ = desk.initialize()
    assert [(change.prop, change.old, change.new) for change in changes] == [("status", None, "enabled")]


def test_a_value(desk: Desk) -> None:
    """A record without properties gets its default value; one that is set, even to nothing, keeps it."""
    desk.file("t/Name.toml", '[value]\ndefault = "example.com"\n')
    desk.file("t/Forced.toml", '[value]\nforce = "x"\n')
    desk.file("t/Without.toml", '[value]\ntype = "integer"\n')
    desk.initialize()
    assert desk.record("t", "Name") == Record("Name", "example.com", {})
    assert desk.record("t", "Without") is None
    for value in ("mine", ""):
        desk.put("t", "Name", value)
        desk.put("t", "Forced", value)
        desk.initialize()
        assert desk.record("t", "Name") == Record("Name", value, {})
        assert desk.record("t", "Forced") == Record("Forced", "x", {})


def test_a_record_that_is_not_made(desk: Desk) -> None:
    """A record with ``create = false`` is not made, but has its defaults when somebody made it."""
    desk.file("t/card.toml", 'type = "interface"\ncreate = false\n[properties.MTU]\ndefault = "1500"\n')
    desk.initialize()
    assert desk.record("t", "card") is None
    desk.put("t", "card", "interface")
    desk.initialize()
    assert desk.props("t", "card") == {"MTU": "1500"}


def test_records_of_a_type(desk: Desk) -> None:
    """A file for a type gives defaults to all its records, to no other, and makes none."""
    desk.file("t/@user.toml", 'type = "user"\n[properties.Forward]\ndefault = "local"\n[properties.F]\nforce = "f"\n')
    desk.initialize()
    assert contents(desk.store) == {"t": []}
    desk.put("t", "alice", "user")
    desk.put("t", "bob", "user", {"Forward": "both"})
    desk.put("t", "staff", "group")
    desk.put("t", "carol", "user-deleted")
    desk.initialize()
    assert desk.props("t", "alice") == {"F": "f", "Forward": "local"}
    assert desk.props("t", "bob") == {"F": "f", "Forward": "both"}
    assert desk.props("t", "staff") == desk.props("t", "carol") == {}


def test_generated_secrets(desk: Desk) -> None:
    """A missing secret is made of letters and digits, different each time; one that exists stays, even empty."""
    desk.file("t/a.toml", 'type = "s"\n[properties.P]\ntype = "secret"\ngenerate = 57\n')
    desk.file("t/b.toml", 'type = "s"\n[properties.P]\ntype = "secret"\ngenerate = 57\n')
    desk.put("t", "c", "s", {"P": ""})
    desk.file("t/c.toml", 'type = "s"\n[properties.P]\ntype = "secret"\ngenerate = 57\n')
    desk.initialize()
    first, second = desk.props("t", "a")["P"], desk.props("t", "b")["P"]
    assert (len(first), first.isalnum(), first.isascii()) == (57, True, True)
    assert first != second
    desk.initialize()
    assert (desk.props("t", "a")["P"], desk.props("t", "c")["P"]) == (first, "")


DOMAIN = """
type = "domain"
ensure-from = "configuration:DomainName"
[ensure]
Primary = "yes"
Description = "Primary domain"
[properties.Nameservers]
default = "internet"
"""


def test_an_ensured_record(desk: Desk) -> None:
    """The record that a setting names is made with the ensured values and its defaults; later it is left alone."""
    desk.file("domains/@domain.toml", DOMAIN)
    desk.file("configuration/DomainName.toml", '[value]\ndefault = "example.com"\n')
    desk.initialize()
    made = {"Description": "Primary domain", "Nameservers": "internet", "Primary": "yes"}
    assert desk.record("domains", "example.com") == Record("example.com", "domain", made)
    desk.put("domains", "example.com", "domain", {"Description": "Mine", "Primary": "no"})
    desk.initialize()
    assert desk.props("domains", "example.com") == made | {"Description": "Mine", "Primary": "no"}


@pytest.mark.parametrize("name", [None, ""], ids=["missing", "empty"])
def test_no_ensured_record_without_a_name(desk: Desk, name: str | None) -> None:
    """Where the setting is missing or empty no record is made."""
    desk.file("domains/@domain.toml", DOMAIN)
    if name is not None:
        desk.put("configuration", "DomainName", name)
    desk.initialize()
    with desk.store.snapshot() as snapshot:
        assert (snapshot.has_database("domains"), snapshot.keys("domains")) == (True, [])


def test_one_transaction(desk: Desk) -> None:
    """Everything, in all databases, is one revision; a second run changes nothing and makes none."""
    desk.file("a/rec.toml", REC)
    desk.file("b/rec.toml", REC)
    desk.file("empty/@user.toml", 'type = "user"\n')
    changes, _ = desk.initialize()
    assert ({change.database for change in changes}, desk.revision()) == ({"a", "b"}, 1)
    with desk.store.snapshot() as snapshot:
        assert snapshot.databases() == ["a", "b", "empty"]
    assert desk.initialize() == ([], [])
    assert desk.revision() == 1


def test_nothing_when_a_file_is_broken(desk: Desk) -> None:
    """One broken schema file, whichever, keeps everything as it was."""
    desk.file("a/rec.toml", REC)
    desk.file("b/rec.toml", "broken = 1\n")
    with pytest.raises(SchemaError, match="unknown key 'broken'"):
        desk.initialize()
    with desk.store.snapshot() as snapshot:
        assert (snapshot.databases(), snapshot.revision()) == ([], 0)


def test_a_default_the_store_refuses(desk: Desk) -> None:
    """A default with a newline, which could not be stored, is an error that changes nothing."""
    desk.file("a/rec.toml", 'type = "s"\n[properties.a]\ndefault = "x"\n[properties.b]\ndefault = "x\\ny"\n')
    with pytest.raises(EsmithError, match="a newline"):
        desk.initialize()
    assert desk.record("a", "rec") is None


def test_the_command(root: Root) -> None:
    """``esmith initialize-databases`` names what it wrote, not the values, and nothing the second time."""
    root.config("delprop", "qpsmtpd", "LogLevel")
    root.config("setprop", "imaps", "ConcurrencyLimit", "400")
    answer = root.esmith("initialize-databases")
    assert answer.out == ("configuration imaps ConcurrencyLimit: removed\nconfiguration qpsmtpd LogLevel: set\n")
    assert root.esmith("initialize-databases").out == ""
    assert "esmith initialize-databases" in root.esmith("history", "--limit", "1").out.splitlines()[0]


@pytest.mark.parametrize("event", ["post-install", "post-upgrade", "console-save", "bootstrap-console-save"])
def test_the_events_that_initialise(root: Root, event: str) -> None:
    """post-install, post-upgrade, console-save and bootstrap-console-save initialise the databases first."""
    root.config("delprop", "qpsmtpd", "LogLevel")
    root.config("setprop", "imaps", "ConcurrencyLimit", "400")
    root.signal(event)
    assert root.config("getprop", "qpsmtpd", "LogLevel").out == "6\n"
    root.config("getprop", "imaps", "ConcurrencyLimit", code=1)


def test_email_update_does_not_initialise(root: Root) -> None:
    """email-update leaves the databases alone (docs/schema.md#when-it-is-applied)."""
    root.config("delprop", "qpsmtpd", "LogLevel")
    root.config("setprop", "imaps", "ConcurrencyLimit", "400")
    before = root.config("print").out
    root.signal("email-update")
    assert root.config("print").out == before
