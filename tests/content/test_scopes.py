"""What belongs to one machine by nature, and what the servers of a fleet may share (db/README.md)."""

from __future__ import annotations

import tempfile
import tomllib
from functools import cache
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.schema.model import Property, RecordSchema
from esmith.schema.secrecy import looks_secret
from tests.schema.kit import SHIPPED

TABLE = Path(__file__).with_name("scopes.toml")
#: What the name of a user is called where its password is a property of the same record.
_USERS = ("user", "username", "userid", "account", "partnerid")
#: The tables that are about no single record.
_WHOLE, _VALUES = "whole records", "records without properties"


@cache
def files() -> list[RecordSchema]:
    """Return what each shipped schema file says."""
    with tempfile.TemporaryDirectory() as root:
        Path(root, "etc/e-smith").mkdir(parents=True)
        Path(root, "etc/e-smith/db").symlink_to(SHIPPED)
        schema = Schema(Layout(root))
        return [file for database in schema.databases() for file in schema.files(database)]


def properties() -> list[tuple[RecordSchema, Property]]:
    """Return each property with the file that has it; "" is the value of a record without properties."""
    return [
        (file, prop) for file in files() for prop in [*file.properties.values(), *([file.value] if file.value else [])]
    ]


def found() -> dict[str, dict[str, object]]:
    """Return what the schema files say, as the table has it, without reasons."""
    tables: dict[str, dict[str, object]] = {}
    whole: set[str] = set()
    values: dict[str, set[str]] = {"shared": set(), "host": set()}
    for file in files():
        name = f"{file.database} {file.key}"
        if file.own_scope == "host":
            whole.add(name)
        elif file.value is not None:
            values[file.scope_of("")].add(file.key)
        else:
            scopes = {prop: file.scope_of(prop) for prop in file.properties}
            tables[name] = {one: {prop for prop, scope in scopes.items() if scope == one} for one in ("shared", "host")}
    return {_WHOLE: {"host": whole}, _VALUES: dict(values), **tables}


def wanted() -> dict[str, dict[str, object]]:
    """Return what the table says, in the same form."""
    with TABLE.open("rb") as file:
        table = tomllib.load(file)
    whole = table.pop(_WHOLE)
    tables: dict[str, dict[str, object]] = {_WHOLE: {"host": set(whole)}}
    for name, row in table.items():
        tables[name] = {"shared": set(row["shared"]), "host": set(row.get("host", {}))}
    return tables


def test_the_table_says_what_each_schema_file_does() -> None:
    """Each property stands in scopes.toml, below what its schema file says: its author decides whose the value is."""
    there, table = found(), wanted()
    assert {name: row for name, row in there.items() if row != table.get(name)} == {
        name: row for name, row in table.items() if row != there.get(name)
    }


def test_each_that_belongs_to_one_machine_has_a_reason() -> None:
    """The table says why a value would be wrong on another server."""
    with TABLE.open("rb") as file:
        table = tomllib.load(file)
    reasons = [*table.pop(_WHOLE).values(), *(why for row in table.values() for why in row.get("host", {}).values())]
    assert len(reasons) > 30
    assert all(len(why.split()) > 1 for why in reasons)


def test_what_the_engine_makes_or_counts_belongs_to_the_machine() -> None:
    """A value that the engine gives by itself, as a generated password or a Uid, never leaves the machine."""
    made = [(file, prop) for file, prop in properties() if prop.assigned or prop.generate is not None]
    assert len(made) > 10
    assert [f"{file.key} {prop.name}" for file, prop in made if file.scope_of(prop.name) != "host"] == []


def test_secrets_belong_to_the_machine() -> None:
    """What is shown masked, by its type or by its name, never leaves the machine."""
    secrets = [(file, prop) for file, prop in properties() if prop.secret or _looks_secret(file, prop)]
    assert len(secrets) >= 5
    assert [f"{file.key} {prop.name}" for file, prop in secrets if file.scope_of(prop.name) != "host"] == []


def _looks_secret(file: RecordSchema, prop: Property) -> bool:
    is_free = prop.type == "text" and not file.database.startswith("spamassassin")
    return is_free and not prop.removed and looks_secret(prop.name or file.key)


def test_the_user_of_a_secret_belongs_to_the_machine() -> None:
    """A user name whose password stays on the machine stays there, too: without it the password is of no use."""
    users = [
        (file, prop)
        for file, prop in properties()
        if any(other.secret for other in file.properties.values())
        if prop.type == "text" and prop.name.lower().endswith(_USERS)
    ]
    assert len(users) >= 3
    assert [f"{file.key} {prop.name}" for file, prop in users if file.scope_of(prop.name) != "host"] == []


def test_what_only_matters_beside_a_value_of_the_machine_is_the_machines() -> None:
    """A property that is shown only for a value that belongs to the machine belongs to it as well."""
    beside = [(file, prop, prop.shown_if.partition("=")[0]) for file, prop in properties() if prop.shown_if]
    own = [(file, prop) for file, prop, other in beside if " " not in other and file.scope_of(other) == "host"]
    assert own
    assert [f"{file.key} {prop.name}" for file, prop in own if file.scope_of(prop.name) != "host"] == []


@pytest.mark.parametrize(
    ("database", "key", "prop"),
    [
        ("configuration", "InternalInterface", "MyOwn"),
        ("networks", "@network", ""),
        ("hosts", "@host", "HostType"),
        ("configuration", "SystemName", ""),
        ("configuration", "smtp-auth-proxy", "Passwd"),
        ("accounts", "@user", "Uid"),
    ],
)
def test_it_is_the_machines(database: str, key: str, prop: str) -> None:
    """Names, addresses, cards, networks and numbers are this machine's, with properties of theirs that nobody knows."""
    (file,) = [file for file in files() if (file.database, file.key) == (database, key)]
    assert file.scope_of(prop) == "host"


@pytest.mark.parametrize(
    ("database", "key", "prop"),
    [
        ("configuration", "qpsmtpd", ""),
        ("configuration", "qpsmtpd", "DNSBL"),
        ("configuration", "qpsmtpd", "MyOwn"),
        ("configuration", "DomainName", ""),
        ("accounts", "@user", ""),
        ("wbl", "badmailfrom", "spam@example.com"),
    ],
)
def test_it_may_be_shared(database: str, key: str, prop: str) -> None:
    """What a mail server does with mail may be the same on several, also properties that nobody knows."""
    (file,) = [file for file in files() if (file.database, file.key) == (database, key)]
    assert file.scope_of(prop) == "shared"
