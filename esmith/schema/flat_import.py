"""Putting what was read from the original's database files into the store, and bringing it up to date."""

from __future__ import annotations

import contextlib

from esmith.errors import BusyError, EsmithError, RefusedError
from esmith.names import shorten
from esmith.schema.check import check_key
from esmith.schema.foreign import foreign_settings, moved_address
from esmith.schema.initialize import Initialized, initialize_each
from esmith.schema.load import Schema
from esmith.schema.remembered import RememberedFiles
from esmith.schema.settings import judge_record
from esmith.schema.silent import Silent
from esmith.store.flat.source import DOUBTFUL, DROPPED, HINT
from esmith.store.memory import Remembered
from esmith.store.model import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmith.layout import Layout
    from esmith.schema.foreign import Foreign
    from esmith.schema.initialize import Migrations
    from esmith.schema.migrate import Dropped
    from esmith.schema.model import RecordSchema
    from esmith.store.flat.source import FlatSource
    from esmith.store.model import Author
    from esmith.store.protocol import Store, Transaction


#: How many records there are between two looks at the clock.
_AT_ONCE = 50


class FlatImport:
    """Imports database files, all of them in one transaction.

    A record of a file replaces the one of the database whole. Records the file does not have stay, unless
    ``replace`` is given. Migrations, defaults and forced values are applied in the same transaction, so no database
    is seen without them, and the same files imported once more change nothing.

    :param migrations: what runs migrate fragments.
    :param replace: records that the file does not have are deleted.
    :param dry_run: find out what would change, and change nothing.
    """

    def __init__(
        self,
        store: Store,
        layout: Layout,
        author: Author,
        migrations: Migrations,
        *,
        replace: bool,
        dry_run: bool,
    ) -> None:
        self._migrations = migrations
        self._store = store
        self._layout = layout
        #: The schema files, as the store that is written remembers them.
        self._schema: Schema
        self._author = author
        self._replace = replace
        self._dry_run = dry_run
        #: The layer of a fleet to write to, as :meth:`esmith.store.protocol.Store.transaction` has it.
        self.layer: str | None = None
        #: Is called with what is being done, how much of it is done, and how much there is.
        self.progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None
        #: What bringing the databases up to date warned of, and left out.
        self.completed = Initialized()
        #: What is not right for this machine, as it is after the import.
        self.foreign: list[Foreign] = []
        #: On a member of a fleet: for which servers settings were changed.
        self.notes: list[str] = []

    def run(self, sources: list[FlatSource]) -> dict[str, int]:
        """Import files that were read, and bring the other databases up to date.

        What the schema does not allow is stored as well, and added to the findings of its file; so are the hints that
        setting it by hand would give. Where other servers of a fleet were quicker it can be called again.

        :return: how many settings changed, by database.
        :raises SchemaError: when a schema file is broken, or with Strict a file of a contrib; nothing is imported.
        :raises TemplateError: with Strict, when a migrate fragment fails; likewise.
        :raises StoreError: when the store cannot be written; nothing is imported, unless the error ``is_doubtful``.
        """
        read = [(source, len(source.findings)) for source in sources]
        try:
            return self._run(sources)
        except BusyError:
            for source, count in read:
                del source.findings[count:]
            raise

    def _run(self, sources: list[FlatSource]) -> dict[str, int]:
        # Other databases are completed from the configuration, e.g. domains by DomainName.
        ordered = sorted(sources, key=lambda source: (source.database != "configuration", source.database))
        changes: dict[str, int] = {}
        with contextlib.suppress(_NotKeptError), self._store.transaction(self._author, self.layer) as transaction:
            remembered = RememberedFiles(transaction)
            self._schema = Schema(self._layout, remembered)
            for source in ordered:
                self._apply(transaction, source)
            self.completed = initialize_each(transaction, self._schema, self._layout, self._migrations)
            # Not before: a record of one file may name one of another.
            records = Remembered(transaction)
            for source in ordered:
                self._judge(records, source)
            self._note_dropped({source.database: source for source in sources})
            self.foreign = [*foreign_settings(records), *moved_address(records)]
            changes |= transaction.count_changes()
            if changes:
                remembered.store(transaction)
            if self._dry_run:
                raise _NotKeptError("a dry run keeps nothing")
        self.notes = transaction.notes
        return changes

    def _apply(self, transaction: Transaction, source: FlatSource) -> None:
        transaction.create_database(source.database)
        self._make_room(transaction, source)
        transaction.set_records(source.database, self._texts(transaction, source))

    def _texts(self, transaction: Transaction, source: FlatSource) -> Iterator[tuple[str, str]]:
        """Yield the key and the text of each record that is to be stored."""
        generates = self._schema.generates(source.database)
        # In the order of the rows, which then fill pages one after the other.
        for number, key in enumerate(sorted(source.records)):
            if number % _AT_ONCE == 0:
                self.progress(f"{source.database}: storing", number, len(source.records))
            kept = self._generated(transaction, source.database, key) if generates else {}
            record = source.records[key] if kept else None
            if record is not None and not kept.keys() <= record.props.keys():
                yield key, Record(key, record.type, kept | record.props).text
            else:
                yield key, source.records.text(key)

    def _make_room(self, transaction: Transaction, source: FlatSource) -> None:
        """Delete what must not stay beside the records of the file."""
        database, records = source.database, source.records
        if self._replace:
            for key in transaction.keys(database):
                if key not in records:
                    self._delete(transaction, database, key)
        for file in self._files(database):
            # What 'esmith init' wrote under the new key would keep the old server's record from taking that key.
            if file.key not in records and any(old in records for old in file.renamed_from):
                transaction.delete_record(database, file.key)

    def _delete(self, transaction: Transaction, database: str, key: str) -> None:
        kept = self._generated(transaction, database, key)
        if kept:
            transaction.set_record(database, Record(key, transaction.type_of(database, key) or "", kept))
        else:
            transaction.delete_record(database, key)

    def _generated(self, transaction: Transaction, database: str, key: str) -> dict[str, str]:
        """Return the secrets of a record that were generated: deleted, they would be others after every import."""
        if not self._schema.generates(database):
            return {}
        record = transaction.record(database, key)
        known = self._schema.record(database, key, record.type) if record else None
        if record is None or known is None:
            return {}
        found = ((name, known.property(name)) for name in record.props)
        return {name: record.props[name] for name, prop in found if prop is not None and prop.generate is not None}

    def _judge(self, records: Remembered, source: FlatSource) -> None:
        """Note what the schema does not allow, and what there are hints about, as it is after the migrations."""
        database = source.database
        silent, texts = Silent(self._schema, records), records.texts(database)
        for number, (key, line) in enumerate(source.lines.items()):
            if number % _AT_ONCE == 0:
                self.progress(f"{database}: checking", number, len(source.lines))
            text = texts.get(key)
            if text is None or silent.is_silent(database, key, text):
                continue  # it has another key now, or is gone; or nothing is to be reported
            record = records.record(database, key)
            assert record is not None
            try:
                check_key(self._schema, database, key, record.type)
            except RefusedError as error:
                source.note(line, key, DOUBTFUL, f"stored as it is, but {error.message}")
            hints, refused = judge_record(records, self._schema, database, record)
            for prop, refusal in refused.items():
                value = record.props[prop] if prop else record.type
                secret = self._schema.may_be_secret(database, key, prop, value)
                message = "the value is not one that the schema allows" if secret else refusal.message
                source.note(line, f"{key} {prop}".strip(), DOUBTFUL, f"stored as it is, but {message}")
            for hint in hints:
                source.note(line, "", HINT, hint)

    def _note_dropped(self, sources: dict[str, FlatSource]) -> None:
        """Note what migrations took away of the records of the files."""
        for dropped in self.completed.dropped:
            source = sources.get(dropped.database)
            if source is None:
                continue
            file = self._schema.file(dropped.database, dropped.key)
            keys = [dropped.key, *(file.renamed_from if file is not None else [])]
            line = next((source.lines[key] for key in keys if key in source.lines), 0)
            if line:
                place = f"{dropped.key} {dropped.prop}".strip()
                source.note(line, place, DROPPED, self._fate(dropped))

    def _fate(self, dropped: Dropped) -> str:
        """Return what became of what a migration took away; a value that may be secret is not shown."""
        cell = (dropped.database, dropped.key, dropped.prop)
        hidden = any(self._schema.may_be_secret(*cell, value) for value in (dropped.value, dropped.new) if value)
        old, new = ("the value", "another one") if hidden else (repr(shorten(dropped.value)), repr(dropped.new))
        fate = f"{old} was dropped" if dropped.new is None else f"{old} became {new}"
        return f"{fate}: {dropped.why}" if dropped.why else fate

    def _files(self, database: str) -> list[RecordSchema]:
        return self._schema.files(database) if database in self._schema.databases() else []


class _NotKeptError(EsmithError):
    """Ends a transaction that is not to be kept."""
