"""The records that a migration or a default changes are found among many that are alike."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.schema.migrate import needs_migration
from esmith.schema.model import RecordSchema
from esmith.schema.outdated import Outdated
from esmith.store.model import Record
from tests.examples import examples
from tests.schema.kit import Desk
from tests.store.stores import AUTHOR

#: A type with a property for each reason to change a record, and one with none.
FILES = [
    RecordSchema(
        "own",
        "@v",
        {
            "properties": {
                "Replaced": {"replace-values": {"1": "2"}},
                "New": {"renamed-from": ["Old"]},
                "Removed": {"removed": True},
                "List": {"type": "list", "obsolete-values": ["a.x"]},
                "Raised": {"raise-to": "5"},
                "Plain": {},
            }
        },
    ),
    RecordSchema("own", "@w", {"properties": {"Forced": {"force": "1"}, "Default": {"default": "2"}}}),
    RecordSchema("own", "@other", {"properties": {"Plain": {}}}),
]
VALUES = st.sampled_from(["", "1", "2", "7", "a.x", "b.x"])
#: Few sets of names, so that several records have the same.
PROPS = st.sampled_from(
    [
        ["Replaced"],
        ["List"],
        ["Plain", "Raised"],
        ["New"],
        ["New", "Old"],
        ["Removed"],
        ["Default", "Forced"],
        ["Forced"],
    ]
).flatmap(lambda names: st.fixed_dictionaries(dict.fromkeys(names, VALUES)))
RECORDS = st.builds(Record, st.sampled_from("abcdefghijkl"), st.sampled_from(["v", "v", "w", "other", "vw", ""]), PROPS)


@given(records=st.lists(RECORDS, max_size=12))
@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_those_that_are_changed_are_found(shipped: Desk, records: list[Record]) -> None:
    """A record is found when its type, its properties and their values say so, whatever others look like."""
    with shipped.store.transaction(AUTHOR) as transaction:
        for key in transaction.keys("own"):
            transaction.delete_record("own", key)
        for record in records:
            transaction.set_record("own", record)
        outdated = Outdated(transaction, "own", FILES)
        for file in FILES:
            wanted = [
                record
                for record in transaction.records("own", file.key[1:])
                if needs_migration(file, record.props)
                or any(
                    prop.name not in record.props or prop.force not in (None, record.props[prop.name])
                    for prop in file.defaulting
                )
            ]
            assert outdated.of(file.key[1:]) == wanted
