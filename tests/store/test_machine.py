"""Random histories: the store, its journal and undo do what plain dicts would, whatever is done in which order."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from esmith.errors import EsmithError, UsageError
from esmith.fragments.perl.migrations import PerlMigrations
from esmith.layout import Layout
from esmith.schema.flat_import import FlatImport
from esmith.schema.settings import set_record
from esmith.store import open_store
from esmith.store.flat.export import flat_text, write_flat_files
from esmith.store.flat.file import FlatFile
from esmith.store.flat.source import FlatSource
from esmith.store.forget import find_former
from esmith.store.lmdb.verify import find_damage
from esmith.store.model import FORGOTTEN, Change, Record
from esmith.store.undo import changed_since, set_back, undo
from tests.examples import examples
from tests.memory import memory
from tests.state_machines import play
from tests.store.others import Reader, make_killed_writer, run_killed_writer
from tests.store.plain import Cell, Cells, Plain
from tests.store.steps import DATABASES, KEYS, STEPS_OF, TYPES, Step, stepped, take_steps
from tests.store.stores import AUTHOR, contents

#: The long form: about 100,000 steps.
EXAMPLES, STEPS = 2000, 50
SHORT_EXAMPLES, SHORT_STEPS = 200, 14


class _StoppedError(EsmithError):
    """Ends a transaction that is not to be kept."""


#: The readers of this process, which all machines use one after the other.
READERS: list[Reader] = []


@pytest.fixture(autouse=True)
def _readers() -> Iterator[None]:
    READERS[:] = [Reader(), Reader()]
    yield
    for reader in READERS:
        reader.end()
    READERS.clear()


class StoreMachine(RuleBasedStateMachine):
    """A store of a root, a flat file, and plain dicts for both."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="machine-", dir=memory()))
        self.layout = Layout(str(self.root))
        self.plain = Plain()
        self.store = open_store(self.layout, create=True)
        self.idle = list(READERS)
        self.readers: list[tuple[Reader, dict[str, list[Record]], int]] = []
        self.flat = str(self.root / "flat")
        self.flat_cells: Cells = {}

    def teardown(self) -> None:
        """Close everything; the data file has to be sound."""
        self._close()
        assert find_damage(str(self.root / "home/e-smith/db/data.mdb")) is None
        shutil.rmtree(self.root)

    def _close(self) -> None:
        self.close_readers()
        self.store.close()

    # Transactions.

    @rule(steps=STEPS_OF)
    def write(self, steps: list[Step]) -> None:
        """A transaction lands as a whole; one with a step that is refused leaves nothing."""
        wanted = stepped(self.plain.cells, steps)
        if wanted is None:
            with pytest.raises(UsageError, match="no such record"), self.store.transaction(AUTHOR) as transaction:
                take_steps(transaction, steps)
            self._write_flat(steps, kept=True)
            return
        with self.store.transaction(AUTHOR) as transaction:
            take_steps(transaction, steps)
        self.plain.commit(*wanted)
        self._write_flat(steps, kept=True)

    @rule(steps=STEPS_OF)
    def abandon(self, steps: list[Step]) -> None:
        """A transaction that ends with an error leaves nothing."""
        with contextlib.suppress(_StoppedError, UsageError), self.store.transaction(AUTHOR) as transaction:
            take_steps(transaction, steps)
            raise _StoppedError("enough")
        self._write_flat(steps, kept=False)

    @rule(before=STEPS_OF, inside=STEPS_OF, kept=st.booleans())
    def write_with_savepoint(self, before: list[Step], inside: list[Step], kept: bool) -> None:
        """A savepoint that ends with an error is taken out of its transaction, and the rest stays."""
        wanted = stepped(self.plain.cells, before)
        if wanted is None:
            return
        more = stepped(wanted[0], inside, wanted[2])
        with self.store.transaction(AUTHOR) as transaction:
            take_steps(transaction, before)
            with contextlib.suppress(_StoppedError, UsageError), transaction.savepoint():
                take_steps(transaction, inside)
                if not kept:
                    raise _StoppedError("enough")
        if more is None or not kept:
            self.plain.commit(*wanted)
        else:
            self.plain.commit(more[0], wanted[1] | more[1], wanted[2] | more[2])

    @rule(database=DATABASES, old=KEYS, new=KEYS)
    def rename(self, database: str, old: str, new: str) -> None:
        """A record that gets another key keeps its type and its properties; it replaces the one that had the key."""
        with self.store.transaction(AUTHOR) as transaction:
            record = transaction.record(database, old)
            if record is None:
                return
            transaction.delete_record(database, old)
            set_record(transaction, None, database, new, record.type, record.props)
        moved = {cell[2]: value for cell, value in self.plain.cells.items() if cell[:2] == (database, old)}
        rest = {
            cell: value
            for cell, value in self.plain.cells.items()
            if cell[:2] not in ((database, old), (database, new))
        }
        self.plain.commit(rest | {(database, new, prop): value for prop, value in moved.items()})

    # The journal.

    @precondition(lambda self: self.plain.journal)
    @rule(data=st.data(), force=st.booleans())
    def undo(self, data: st.DataObject, force: bool) -> None:
        """A revision is taken back, or refused when a later one changed the same or a value was forgotten."""
        number = data.draw(st.integers(1, len(self.plain.journal)))
        wanted = self.plain.undo(number, force=force)
        if wanted is None:
            with pytest.raises(EsmithError):
                undo(self.store, number, AUTHOR, force=force)
            return
        undo(self.store, number, AUTHOR, force=force)
        self.plain.commit(wanted)

    @rule(data=st.data())
    def rewind(self, data: st.DataObject) -> None:
        """Everything is as it was after a revision."""
        number = data.draw(st.integers(0, len(self.plain.journal)))
        wanted = self.plain.rewind(number)
        if self.plain.is_rewound_exactly(number):
            assert wanted == self.plain.past[number]
        with self.store.transaction(AUTHOR) as transaction:
            then = changed_since(transaction, number).items()
            changes = [Change(*cell, now, value) for cell, (value, now) in then if value != FORGOTTEN]
            set_back(transaction, changes)
        self.plain.commit(wanted)

    @precondition(lambda self: any(self.plain.journal))
    @rule(data=st.data(), erase=st.booleans())
    def forget(self, data: st.DataObject, erase: bool) -> None:
        """The journal loses the values of a property and nothing else; its number counts on."""
        cells = sorted({cell for changed in self.plain.journal for cell in changed})
        cell: Cell = data.draw(st.sampled_from(cells))
        with self.store.transaction(AUTHOR) as transaction:
            former = find_former(transaction, cell, lambda value: len(value) > 8)
            transaction.rewrite(former.revisions)
        self.plain.forget(cell)
        if erase:
            self.close_readers()
            self.store.erase([value for value in former.values if len(value) > 8])

    # Readers, processes, files.

    @precondition(lambda self: self.idle)
    @rule()
    def open_reader(self) -> None:
        """Another process begins to read."""
        reader = self.idle.pop()
        reader.ask(f"begin {self.root}")
        self.readers.append((reader, self.plain.records(), len(self.plain.journal)))

    @precondition(lambda self: self.readers)
    @rule(data=st.data(), stays=st.booleans())
    def read(self, data: st.DataObject, stays: bool) -> None:
        """A reader sees one moment from its begin to its end."""
        place = data.draw(st.integers(0, len(self.readers) - 1))
        reader, records, revision = self.readers[place]
        found, number = reader.ask("dump")
        assert {name: [Record(*one) for one in ones] for name, ones in found.items()} == records
        assert number == revision
        if not stays:
            reader.ask("end")
            self.idle.append(self.readers.pop(place)[0])

    def close_readers(self) -> None:
        """All readers end."""
        while self.readers:
            reader = self.readers.pop()[0]
            reader.ask("end")
            self.idle.append(reader)

    @rule(verify=st.booleans())
    def reopen(self, verify: bool) -> None:
        """The store is closed and opened again, and everything is as before."""
        self._close()
        self.store = open_store(self.layout, write=True, verify=verify)

    @rule(database=DATABASES, key=KEYS, type=TYPES)
    def killed_writer(self, database: str, key: str, type: str) -> None:
        """A process that is killed in a transaction leaves nothing, and no lock behind."""
        run_killed_writer(self.root, database, key, type)

    @initialize()
    def make_programs(self) -> None:
        """Make what other processes run."""
        make_killed_writer(self.root)

    @precondition(lambda self: self.plain.names)
    @rule(data=st.data(), other=DATABASES)
    def export_and_import(self, data: st.DataObject, other: str) -> None:
        """A database that is exported and imported under another name is that database; the first one is as before."""
        database = data.draw(st.sampled_from(sorted(self.plain.names)))
        with self.store.snapshot() as snapshot:
            text = flat_text(snapshot, database)
        folder = str(self.root / "exported")
        write_flat_files([text], folder, self.layout.database)
        source = FlatSource(os.path.join(folder, database), other)
        source.read()
        assert source.refused == []
        with PerlMigrations(self.layout) as migrations:
            FlatImport(self.store, self.layout, AUTHOR, migrations, replace=True, dry_run=False).run([source])
        wanted = {cell: value for cell, value in self.plain.cells.items() if cell[0] != other}
        wanted |= {(other, *cell[1:]): value for cell, value in self.plain.cells.items() if cell[0] == database}
        self.plain.commit(wanted, [other])

    def _write_flat(self, steps: list[Step], *, kept: bool) -> None:
        """A flat file takes the same steps as a store, and keeps them as a whole or not at all."""
        steps = [(name, (self.flat, *words[1:])) for name, words in steps]
        wanted = stepped(self.flat_cells, steps)
        with contextlib.suppress(_StoppedError, UsageError), FlatFile(self.flat).transaction(AUTHOR) as transaction:
            take_steps(transaction, steps)
            assert wanted is not None, "a property of a missing record was taken"
            if not kept:
                raise _StoppedError("enough")
        if wanted is not None and kept:
            self.flat_cells = wanted[0]

    # What always holds.

    @invariant()
    def holds_what_plain_dicts_hold(self) -> None:
        """Records, databases and the journal are those of the dicts."""
        assert contents(self.store) == self.plain.records()
        with self.store.snapshot() as snapshot:
            found = {
                one.number: {change.cell: (change.old, change.new) for change in one.changes}
                for one in snapshot.revisions()
            }
            last = {database: snapshot.revision(database) for database in self.plain.names}
            assert snapshot.revision() == len(self.plain.journal)
        assert found == dict(enumerate(self.plain.journal, 1))
        assert last == {database: self.plain.last_change(database) for database in self.plain.names}
        wanted = Plain(self.flat_cells, {self.flat})
        with FlatFile(self.flat).snapshot() as snapshot:
            assert list(snapshot.records(self.flat)) == wanted.records()[self.flat]


def test_random_histories() -> None:
    """Whatever is done in whatever order, the store holds what plain dicts hold."""
    play(StoreMachine, examples(SHORT_EXAMPLES), SHORT_STEPS)


@pytest.mark.long
def test_many_random_histories() -> None:
    """The same, 100,000 steps."""
    play(StoreMachine, EXAMPLES, STEPS)
