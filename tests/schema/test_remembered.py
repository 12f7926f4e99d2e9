"""Schema files that the store remembers: what is known of a setting is what the files say now."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tomllib

import pytest

from esmith.errors import SchemaError
from esmith.schema.load import Schema
from esmith.schema.model import Property, RecordSchema
from esmith.schema.parse import CLOSED_KEYS, PROPERTY_KEYS, RECORD_KEYS
from esmith.schema.remembered import FORMAT, TABLE, RememberedFiles
from tests.commands import Root
from tests.schema.kit import Desk
from tests.store.stores import AUTHOR

#: Two of one size; one of them is wrong, one no TOML, one has what is not remembered.
TEXTS = (
    'type = "service"\n[properties.One]\ntype = "integer"\nmin = 1\n',
    'type = "service"\n[properties.One]\ntype = "integer"\nmin = 2\n',
    'type = "service"\n[properties.Two]\nvalues = ["a", "b"]\nempty = true\n',
    'type = "service"\nunknown = 1\n',
    'type = "service"\nhelp = 1979-05-27\n',
    "type = \n",
)


def known(desk: Desk, *, remember: bool) -> object:
    """Return what is known of the record, or the error."""
    with desk.store.transaction(AUTHOR) as transaction:
        rows = RememberedFiles(transaction)
        try:
            return _plain(Schema(desk.layout, rows if remember else None).record("configuration", "thing", "service"))
        except SchemaError as error:
            return str(error)
        finally:
            rows.store(transaction)


def _plain(schema: RecordSchema | None) -> object:
    """Return a schema as something that can be compared."""
    if schema is None:
        return None
    values = {name: getattr(schema, name) for name in RecordSchema.__slots__}
    values["properties"] = {name: _plain_property(prop) for name, prop in schema.properties.items()}
    return values


def _plain_property(prop: Property) -> dict[str, object]:
    return {name: getattr(prop, name) for name in Property.__slots__}


def test_a_file_is_not_parsed_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file holds is known without parsing it, as long as it has the same text."""
    file = desk.file("configuration/thing.toml", TEXTS[0])
    before = known(desk, remember=True)
    monkeypatch.setattr(tomllib, "load", lambda _file: pytest.fail("parsed again"))
    assert known(desk, remember=True) == before
    monkeypatch.undo()
    file.write_text(TEXTS[1])
    assert known(desk, remember=True) == known(desk, remember=False) != before


def test_what_a_file_may_hold_belongs_to_the_number_of_the_rows() -> None:
    """A row counts without being checked again, so rows of other rules have another number."""
    rules = [{key: kind.name for key, kind in keys.items()} for keys in (RECORD_KEYS, PROPERTY_KEYS, CLOSED_KEYS)]
    digest = hashlib.sha256(json.dumps(rules).encode()).hexdigest()[:16]
    assert (FORMAT, digest) == (3, "75adf8303b376a2f"), "raise esmith.schema.remembered.FORMAT, and write both here"


@pytest.mark.parametrize("seed", range(20))
def test_random_changes(desk: Desk, seed: int) -> None:
    """Whatever is done to the files, and to what is remembered, the same is known as by reading them."""
    chosen = random.Random(seed)
    place = desk.file("configuration/thing.toml", TEXTS[0])
    for _ in range(30):
        what = chosen.choice(("write", "replace", "touch", "remove", "damage", "type", "nothing"))
        if what == "write":
            desk.file("configuration/thing.toml", chosen.choice(TEXTS))
        elif what == "replace":
            desk.file("configuration/.new", chosen.choice(TEXTS)).rename(place)
        elif what == "touch" and place.exists():
            os.utime(place, (chosen.randrange(10), chosen.randrange(10)))
        elif what == "remove":
            place.unlink(missing_ok=True)
        elif what == "type":
            desk.file("configuration/@service.toml", chosen.choice(TEXTS).replace('type = "service"\n', ""))
        elif what == "damage":
            damage(desk, chosen)
        assert known(desk, remember=True) == known(desk, remember=False)


def damage(desk: Desk, chosen: random.Random) -> None:
    """Change a byte of each row, cut it, or give it to another file."""
    with desk.store.transaction(AUTHOR) as transaction:
        rows = list(transaction.states(TABLE))
        for name, row in rows:
            place = chosen.randrange(len(row))
            changed = bytes([*row[:place], row[place] ^ (1 << chosen.randrange(8)), *row[place + 1 :]])
            transaction.set_state(TABLE, name, chosen.choice((changed, row[:place], chosen.choice(rows)[1])))


def test_a_file_with_another_text_that_looks_the_same(desk: Desk) -> None:
    """A file that was changed in place, with its size and its times as before, is parsed."""
    file = desk.file("configuration/thing.toml", TEXTS[0])
    status = file.stat()
    before = known(desk, remember=True)
    file.write_text(TEXTS[1])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size
    assert known(desk, remember=True) == known(desk, remember=False) != before


def test_what_changes_nothing_writes_nothing(root: Root) -> None:
    """A setprop of what is there already leaves the data file as it is, also when nothing is remembered."""
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    data = root.path / "home/e-smith/db/data.mdb"
    before = data.stat().st_mtime_ns, data.read_bytes()
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    assert (data.stat().st_mtime_ns, data.read_bytes()) == before


def test_setprop_imports_nothing_slow(root: Root) -> None:
    """The first setprop after init imports no TOML, not what parses schema files, no expressions and no dataclasses."""
    root.run("esmith", "init")
    command = [sys.executable, "-IS", "-X", "importtime", str(root.path / "sbin/e-smith/config")]
    words = ["setprop", "qpsmtpd", "DNSBL", "disabled"]
    result = subprocess.run(
        [*command, *words], env={"ESMITH_ROOT": str(root.path)}, capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "esmith.schema.settings" in imported
    slow = {"tomllib", "re", "enum", "functools", "contextlib", "dataclasses", "typing", "pathlib", "json", "click"}
    assert imported & {*slow, "esmith.schema.parse", "esmith.tables"} == set()
