"""Changes in one transaction, as hypothesis makes them up: for a store, for a flat file, and for plain dicts."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import strategies as st

from esmith.store.model import Record
from esmith.store.protocol import Transaction
from tests.store import flat
from tests.store.plain import Cells

#: Few names, so that the steps meet; some begin others, and one is longer than an ASCII text of as many characters.
DATABASES = st.sampled_from(["a", "ab"])
KEYS = st.sampled_from(["a", "a b", "é"])
PROPS = st.sampled_from(["p", "p q"])
VALUES = st.sampled_from(["", "1", "2", "long enough to be found", "x" * 5000]) | flat.VALUES
TYPES = st.sampled_from(["", "v", "w"]) | flat.TYPES

#: Records of ``set_records``, each in one text: its key, type, name and value of each property, with a NUL between.
TEXTS = st.lists(
    st.builds(
        lambda key, record: f"{key}\0{record.text}",
        KEYS,
        st.builds(Record, st.just(""), TYPES, st.dictionaries(PROPS, VALUES, max_size=2)),
    ),
    min_size=1,
    max_size=3,
)
#: One change in a transaction: the name of a method and its words.
Step = tuple[str, tuple[str, ...]]
STEPS = st.one_of(
    st.tuples(st.just("set_type"), st.tuples(DATABASES, KEYS, TYPES)),
    st.tuples(st.just("set_record"), st.tuples(DATABASES, KEYS, TYPES)),
    st.tuples(st.just("set_record"), st.tuples(DATABASES, KEYS, TYPES, PROPS, VALUES)),
    st.tuples(st.just("set_records"), st.builds(lambda database, texts: (database, *texts), DATABASES, TEXTS)),
    st.tuples(st.just("set_prop"), st.tuples(DATABASES, KEYS, PROPS, VALUES)),
    st.tuples(st.just("delete_prop"), st.tuples(DATABASES, KEYS, PROPS)),
    st.tuples(st.just("delete_record"), st.tuples(DATABASES, KEYS)),
    st.tuples(st.just("create_database"), st.tuples(DATABASES)),
)
STEPS_OF = st.lists(STEPS, min_size=1, max_size=5)

_PLAIN_KEYS, _PLAIN_VALUES = st.sampled_from(["k", "l", "m", "n"]), st.sampled_from(["1", "2", "x" * 2000])
#: Changes of records that are plain, many of which are written at once.
PLAIN_STEPS = st.one_of(
    st.builds(
        lambda keys, value: ("set_records", ("a", *(f"{key}\0v\0p\0{value}" for key in sorted(keys)))),
        st.sets(_PLAIN_KEYS, min_size=1),
        _PLAIN_VALUES,
    ),
    st.tuples(st.just("set_record"), st.tuples(st.just("a"), _PLAIN_KEYS, st.just("v"), st.just("p"), _PLAIN_VALUES)),
    st.tuples(st.just("set_type"), st.tuples(st.just("a"), _PLAIN_KEYS, st.sampled_from(["v", "w"]))),
    st.tuples(st.just("delete_prop"), st.tuples(st.just("a"), _PLAIN_KEYS, st.just("p"))),
    st.tuples(st.just("delete_record"), st.tuples(st.just("a"), _PLAIN_KEYS)),
)
PLAIN_STEPS_OF = st.lists(PLAIN_STEPS, min_size=1, max_size=4)


def take_steps(transaction: Transaction, steps: list[Step]) -> None:
    """Take steps in a transaction."""
    for name, (database, *words) in steps:
        if name == "set_record":
            key, type, *prop = words
            transaction.set_record(database, Record(key, type, dict([prop] if prop else [])))
        elif name == "set_records":
            transaction.set_records(
                database, ((key, text) for key, _, text in (word.partition("\0") for word in words))
            )
        else:
            getattr(transaction, name)(database, *words)


def stepped(cells: Cells, steps: list[Step], before: Collection[str] = ()) -> tuple[Cells, set[str], set[str]] | None:
    """Return what plain dicts hold after steps; None where one has to be refused.

    :param before: the databases that were made for a record before, in the same transaction.
    :return: the cells, the databases that were asked for, and those that were made for a record.
    """
    result, names = dict(cells), set()
    used = set(before)
    for name, (database, *words) in steps:
        if name == "set_type":
            result[database, words[0], ""] = words[1]
            used.add(database)
        elif name in ("set_record", "set_records"):
            for key, type, *fields in [words] if name == "set_record" else [word.split("\0") for word in words]:
                result = {cell: value for cell, value in result.items() if cell[:2] != (database, key)}
                values = zip(["", *fields[::2]], [type, *fields[1::2]], strict=True)
                result |= {(database, key, prop): value for prop, value in values}
            used.add(database)
        elif name == "set_prop":
            if (database, words[0], "") not in result:
                return None
            result[database, words[0], words[1]] = words[2]
        elif name == "delete_prop":
            result.pop((database, words[0], words[1]), None)
        elif name == "delete_record":
            result = {cell: value for cell, value in result.items() if cell[:2] != (database, words[0])}
        elif database not in used:
            names.add(database)
    return result, names, used
