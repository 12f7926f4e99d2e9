"""Every property changes exactly the files of its row in drives.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
from tests.commands import copy_tree
from tests.page.drives import Bench, Row, Setting, Table

TABLE = Table()
SCHEMA = Path(__file__).parents[2] / "db"

#: The records that stand for all of their type in the table.
SAMPLES = {
    "accounts @group": "group1",
    "accounts @pseudonym": "sales",
    "accounts @system": "shared",
    "accounts @user": "tom",
    "domains @domain": "test.com",
    "hosts @host": "www.example.com",
    "mailpatterns @pattern": "zip-1",
    "networks @network": "10.0.0.0",
}
#: Types of records that the mail page has nothing to do with.
FOREIGN = {"accounts @ibay", "accounts @printer", "accounts @url"}


@pytest.fixture(scope="module")
def bench(page_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return every template, expanded over the office with the table's base settings."""
    root = tmp_path_factory.mktemp("drives") / "root"
    copy_tree(page_office, root)
    # Mail goes to the relay where something starts it; pages of the server-manager come from where it is installed, and
    # encrypted ports are there with a certificate.
    run = root / "var/service/smtp-auth-proxy/run"
    manager = root / "sbin/e-smith/esmith-manager"
    certificate = root / "home/e-smith/ssl.pem/pem"
    # The certificate of the office is a link to nothing: touched, it would make a file outside the root.
    certificate.unlink()
    for path in (run, manager, certificate):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    layout = Layout(str(root))
    store = open_store(layout, write=True)
    try:
        with pytest.raises(_Done), store.transaction(Author.current(["test"])) as transaction:
            made = Bench(layout, transaction, TABLE.by_actions)
            for database, key, prop, value in TABLE.base:
                made.put(Setting(database, key, prop), value)
            made.settle()
            yield made
            raise _Done
    finally:
        store.close()


class _Done(Exception):  # noqa: N818
    """Ends the transaction, so that nothing of it is kept."""


def _fault(row: Row, changed: set[str]) -> str:
    missing = ", ".join(sorted(map(TABLE.short, row.files - changed)))
    besides = ", ".join(sorted(map(TABLE.short, changed - row.files)))
    return f"{row.setting} = {row.value}: does not change [{missing}], changes besides [{besides}]"


@pytest.mark.parametrize("name", TABLE.rows)
def test_a_property_changes_exactly_its_files(name: str, bench: Bench) -> None:
    """Another value of a property changes the files of its row, and no other."""
    found = ((row, bench.changed_by(row.setting, row.value)) for row in TABLE.rows[name])
    faults = [_fault(row, changed) for row, changed in found if changed != row.files]
    assert not faults, "\n" + "\n".join(faults)


def test_what_is_listed_as_driving_nothing_drives_nothing(bench: Bench) -> None:
    """A property that the table excuses changes no file, whatever it is set to."""
    found: dict[str, list[str]] = {}
    for setting in _excused():
        for value in ("disabled", "7"):
            changed = bench.changed_by(setting, value)
            if changed:
                found[str(setting)] = sorted(changed)
    assert not found


@pytest.mark.parametrize("value", ["disabled", "7"])
def test_all_of_them_together_drive_nothing(value: str, bench: Bench) -> None:
    """With all that the table excuses at once, no file changes, also of those that did not read any of it."""
    assert bench.changed_by_all(_excused(), value) == set()


def _excused() -> list[Setting]:
    """Return the properties that the table excuses; an odd one stands for any other of a record."""
    names = [name.split() for name in [*TABLE.nothing, *TABLE.run_time]]
    return [Setting(database, key, "odd" if prop == ["*"] else "".join(prop)) for database, key, *prop in names]


def test_a_change_reaches_no_file_that_did_not_read_the_property(bench: Bench) -> None:
    """Expanding everything finds no change that expanding the readers of a property did not."""
    for name in ("configuration qpsmtpd Bcc", "accounts tom Visible", "domains test.com MailServer"):
        database, key, prop = name.split()
        row = next(row for row in TABLE.rows[f"{database} {key}"] if row.setting.prop == prop)
        assert bench.changed_by(row.setting, row.value, everything=True) == row.files, name


def test_the_table_knows_every_property() -> None:
    """Each property of the schema has a row, is read at run time, or drives nothing for a reason that is given."""
    listed = {str(row.setting) for rows in TABLE.rows.values() for row in rows}
    listed |= {f"{name} *" for name, rows in TABLE.rows.items() if name.split()[0] in ("wbl", "spamassassin")}
    listed |= set(TABLE.run_time) | set(TABLE.nothing)
    missing = [name for name in _properties() if name not in listed]
    assert missing == [], "tests/page/drives.toml has no row for these; CONTRIBUTING.md, A setting, says how to add one"
    assert [name for name, reason in TABLE.nothing.items() if not reason] == []


@pytest.mark.parametrize("name", TABLE.run_time)
def test_what_is_read_at_run_time_is_read(name: str) -> None:
    """The file that the table lists as reading a property at run time names the property."""
    file = TABLE.run_time[name]
    if file != "signal-event":
        text = (SCHEMA.parent / file).read_text()
        assert re.search(rf"\b{name.split()[-1]}\b", text), f"{file} does not read {name}"


def _properties() -> Iterator[str]:
    """Yield the properties of the schema, as the table names them."""
    for file in sorted(SCHEMA.glob("*/*.toml")):
        database, key = file.parent.name, file.stem
        schema = tomllib.loads(file.read_text())
        if f"{database} {key}" in FOREIGN or _is_sample_covered(database, key, schema):
            continue
        key = SAMPLES.get(f"{database} {key}", key)
        if "value" in schema:
            yield f"{database} {key}"
        for prop, about in schema.get("properties", {}).items():
            if not about.get("removed"):
                yield f"{database} {key} {prop}"


def _is_sample_covered(database: str, key: str, schema: dict[str, object]) -> bool:
    """Return whether a record is one of a type that a sample stands for; admin has a mailbox of its own."""
    return key != "admin" and not key.startswith("@") and (SCHEMA / database / f"@{schema.get('type')}.toml").exists()
