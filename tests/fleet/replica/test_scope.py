"""What is of one host by its nature, in the shipped schema: it is never sent."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from esmith.fleet.replica import applying, checking
from esmith.fleet.replica.scope import Scopes
from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.store.model import Record
from esmith.store.protocol import Store
from tests.fleet.replica.fleet import AUTHOR, HOSTS, Fleet, make_member
from tests.schema.kit import SHIPPED

#: Database, key, type and the property.
Setting = tuple[str, str, str, str]


@pytest.fixture
def shipped(tmp_path: Path, fleet: Fleet) -> Store:  # noqa: ARG001 - it is in its place
    """A member with the shipped schema files and no settings."""
    (tmp_path / "etc/e-smith").mkdir(parents=True)
    (tmp_path / "etc/e-smith/db").symlink_to(SHIPPED)
    return make_member(tmp_path, next(iter(HOSTS)))


def settings(schema: Schema) -> list[Setting]:
    """Return every setting of the schema, of records and of types, and some that it does not know."""
    found = []
    for database in schema.databases():
        for file in schema.files(database):
            kind = file.key[1:] if file.key.startswith("@") else file.type or "value"
            names = [name for name in file.properties if name != "*"]
            key = f"some-{kind}" if file.key.startswith("@") else file.key
            found += [(database, key, kind, name) for name in ["", *names, "Unknown", "OtherPassword"]]
    return found


def test_secrets_and_what_is_generated_are_of_a_host(shipped: Store, tmp_path: Path) -> None:
    """Each secret or generated property of the shipped schema, and each of scope host, is of one host."""
    schema = Schema(Layout(str(tmp_path)))
    seen = 0
    with shipped.snapshot() as snapshot:
        scopes = Scopes(Layout(str(tmp_path)), snapshot)
        for database, key, kind, prop in settings(schema):
            known = schema.record(database, key, kind)
            assert known is not None
            declared = known.property(prop) if prop else known.value
            is_declared = declared is not None and (declared.secret or declared.generate is not None)
            is_secret_by_name = prop == "OtherPassword" and declared is None
            if is_declared or known.scope_of(prop) == "host" or is_secret_by_name:
                seen += 1
                assert scopes.is_host(database, key, prop, types=[kind]), (database, key, prop)
            elif prop == "Unknown":
                assert not scopes.is_host(database, key, prop, types=[kind]), (database, key, prop)
        assert seen > 100
        assert scopes.is_host("configuration", "SystemName", "")
        assert not scopes.is_host("configuration", "qpsmtpd", "DNSBL")
        assert not scopes.is_host("contrib", "thing", "Setting")
        assert scopes.is_host("contrib", "thing", "ApiToken")
        assert not scopes.is_host("accounts", "admin", "", types=["user"])
    shipped.close()


def test_nothing_of_a_host_is_sent(shipped: Store, fleet: Fleet, tmp_path: Path) -> None:
    """Random commands over the whole schema send nothing that is of one host, also as whole records."""
    schema = Schema(Layout(str(tmp_path)))
    chosen = settings(schema)
    draw = random.Random(18)
    for layer in ["", "", "", "fleet", "group:g1"]:
        some = draw.sample(chosen, 150)
        with shipped.transaction(AUTHOR, layer) as transaction:
            for database, key, kind, prop in some:
                if transaction.type_of(database, key) is None or not prop:
                    transaction.set_record(database, Record(key, kind, {"Secret": "x", "P": str(draw.random())}))
                if prop:
                    transaction.set_prop(database, key, prop, f"{draw.random()}")
            for database, key, _, prop in draw.sample(some, 20):
                if prop:
                    transaction.delete_prop(database, key, prop)
            for database, key, *_ in draw.sample(some, 3):
                transaction.delete_record(database, key)
    sent = [change for one in fleet.asked if one["verb"] == "commit" for change in one["changes"]]
    assert len(sent) > 200
    types = {(database, key): kind for database, key, kind, _ in chosen}
    with shipped.snapshot() as snapshot:
        scopes = Scopes(Layout(str(tmp_path)), snapshot)
        wrong = [
            change[1:4]
            for change in sent
            if change[4] is not None and scopes.is_host(*change[1:4], types=[types.get((change[1], change[2]))])
        ]
    assert wrong == []
    shipped.close()


def test_what_somebody_put_into_a_layer_does_not_reach_a_host(shipped: Store, fleet: Fleet) -> None:
    """A row of another member cannot change what is of this host, and the layers still agree with it."""
    with shipped.transaction(AUTHOR) as transaction:
        transaction.set_type("configuration", "SystemName", "mail1")
        transaction.set_record("configuration", Record("qpsmtpd", "service", {"DNSBL": "enabled"}))
    row = fleet.append(
        [
            ("fleet", "configuration", "SystemName", "", "stolen"),
            ("fleet", "configuration", "LocalIP", "", "6.6.6.6"),
            ("fleet", "configuration", "qpsmtpd", "Password", "known"),
            ("fleet", "configuration", "qpsmtpd", "DNSBL", "disabled"),
        ]
    )
    with shipped.transaction(AUTHOR) as transaction:
        applying.apply_rows(transaction, [row])
        assert transaction.type_of("configuration", "SystemName") == "mail1"
        assert transaction.type_of("configuration", "LocalIP") is None
        record = transaction.record("configuration", "qpsmtpd")
        assert record is not None and record.props == {"DNSBL": "disabled"}
        assert checking.faults(transaction, Scopes.of(transaction)) == []
    shipped.close()
