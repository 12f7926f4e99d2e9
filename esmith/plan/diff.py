"""What a plan changes, as text for people."""

from __future__ import annotations

from esmith.fragments.rendering import Kind
from esmith.plan.installed import OUTPUTS, digest_of
from esmith.plan.listed import all_reads_of
from esmith.plan.output import Difference, Output
from esmith.schema.secrecy import is_findable
from esmith.store.model import FORGOTTEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.plan.listed import Listed
    from esmith.plan.plan import Plan
    from esmith.schema.load import Schema
    from esmith.store.protocol import Snapshot

#: Database, key, property; "" for the type.
Cell = tuple[str, str, str]
#: By the path of a file its digest, and cells that it was made from.
Before = dict[str, tuple[str, set[Cell]]]


def describe(output: Output) -> str:
    """Return one line that says what happens to an output."""
    if output.difference is Difference.ATTRIBUTES:
        return f"{output.path}: set mode {output.mode:04o} and owner"
    return f"{output.path}: {output.difference.value}"


class Diffs:
    """The unified diffs of outputs, from what is on the disk to what they become.

    :param outputs: those that are asked for: the journal is read once for all of them.
    :param before: what :func:`secrets_before` gave before they were installed; None while they are not.
    """

    def __init__(
        self, outputs: Iterable[Output], snapshot: Snapshot, schema: Schema, before: Before | None = None
    ) -> None:
        self._outputs = list(outputs)
        self._before = before
        self._snapshot = snapshot
        self._schema = schema
        self._known: set[Cell] | None = None
        self._listed: dict[str, Listed | None] = {}
        self._texts: set[bytes] | None = None

    def of(self, output: Output) -> list[str]:
        """Return the diff of an output. One that holds a secret, or held it, is not shown, only named."""
        if output.difference in (Difference.NONE, Difference.ATTRIBUTES):
            return []
        if any(not self._secrets.isdisjoint(reads.props) for reads in output.rendering.reads_apart()):
            return [hidden(output.path)]
        if self._held_secret(output):
            return [hidden(output.path)]
        old = None if output.difference is Difference.CREATE else output.old or b""
        return unified(output.path, old, None if output.rendering.kind is Kind.ABSENT else output.rendering.content)

    @property
    def _secrets(self) -> set[Cell]:
        """The secret properties that an output reads and that have a value, or ever had one.

        The value is not looked for: a fragment may write it in another form, e.g. with quotes.
        """
        if self._known is None:
            apart = (reads for output in self._outputs for reads in output.rendering.reads_apart())
            # What was read for the keys of a template is the same for all of its outputs.
            read = {cell for reads in {id(reads): reads for reads in apart}.values() for cell in reads.props}
            for output in self._outputs:
                read |= self._old_reads(output) or set()
            cells = {cell for cell in read if self._schema.may_be_secret(*cell)}
            values = _values(cells, self._snapshot) if cells else ()
            self._known = {cell for cell, value in values if self._schema.hides(cell, value)}
        return self._known

    def _held_secret(self, output: Output) -> bool:
        """Return whether what is there was made from a secret; where that is not known, whether it holds one."""
        if not output.old:
            return False
        reads = self._old_reads(output)
        if reads is not None:
            return not self._secrets.isdisjoint(reads)
        if self._texts is None:
            values = secret_values(self._snapshot, self._schema)
            self._texts = {value.encode() for _, value in values if is_findable(value)}
        return any(text in output.old for text in self._texts)

    def _old_reads(self, output: Output) -> set[Cell] | None:
        """Return what the content that is there was made from; None when that is not remembered."""
        if not output.old:
            return None
        digest = digest_of(output.old)
        if self._before is not None:
            known, cells = self._before.get(output.path, ("", set()))
            return cells if known == digest else None
        installed = OUTPUTS.get(self._snapshot, output.path)
        if installed is None or installed.digest != digest:
            return None
        return all_reads_of(self._snapshot, installed, self._listed)


def secrets_before(plan: Plan, snapshot: Snapshot, schema: Schema) -> Before:
    """Return of each file that a plan replaces its digest, and what may be secret of what it was made from.

    After an install this is no longer known.
    """
    found: Before = {}
    known: dict[str, Listed | None] = {}
    for output in plan.changed:
        installed = OUTPUTS.get(snapshot, output.path) if output.old else None
        reads = None if installed is None else all_reads_of(snapshot, installed, known)
        if installed is not None and reads is not None:
            found[output.path] = installed.digest, {cell for cell in reads if schema.may_be_secret(*cell)}
    return found


def diff(output: Output, snapshot: Snapshot, schema: Schema) -> list[str]:
    """Return the unified diff of an output, as :class:`Diffs` has it."""
    return Diffs([output], snapshot, schema).of(output)


def diff_all(plan: Plan, snapshot: Snapshot, schema: Schema, before: Before | None = None) -> Iterator[str]:
    """Yield the unified diffs of all that a plan changes.

    :param before: as for :class:`Diffs`.
    """
    changed = plan.changed
    diffs = Diffs(changed, snapshot, schema, before)
    for output in changed:
        yield from diffs.of(output)


def unified(path: str, old: bytes | None, new: bytes | None) -> list[str]:
    """Return the unified diff of a file.

    :param old: what it held; None for no file.
    :param new: what it holds then; None for no file.
    """
    import difflib

    before, after = ("/dev/null" if content is None else path for content in (old, new))
    return list(difflib.unified_diff(_lines(old or b""), _lines(new or b""), before, after, lineterm=""))


def hidden(path: str) -> str:
    """Return the line that stands for the diff of a file that holds a secret."""
    return f"{path}: holds a secret, so its changes are not shown"


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", "backslashreplace")
    lines = text.split("\n")
    if lines[-1] == "":
        return lines[:-1]
    return [*lines[:-1], f"{lines[-1]} (no newline at the end)"]


def _values(cells: set[Cell], snapshot: Snapshot) -> Iterator[tuple[Cell, str]]:
    for cell in cells:
        value = snapshot.prop(*cell)
        if value and value != FORGOTTEN:
            yield cell, value
    for cell, former in _former_values(snapshot):
        if cell in cells:
            yield cell, former


def secret_values(snapshot: Snapshot, schema: Schema) -> Iterator[tuple[Cell, str]]:
    """Yield every value that a secret property has or had, with its cell, if texts that hold it are not shown."""
    with_props: set[tuple[str, str]] = set()
    known: dict[Cell, bool] = {}

    def hides(cell: Cell, value: str) -> bool:
        # Another value than any is never secret where that is not.
        if cell not in known:
            known[cell] = schema.may_be_secret(*cell)
        return known[cell] and schema.hides(cell, value)

    for cell, value in _stored_values(snapshot):
        database, key, prop = cell
        if prop:
            with_props.add((database, key))
        if value and hides(cell, value):
            yield cell, value
    for cell, former in _former_values(snapshot):
        database, key, prop = cell
        is_type = not prop and (database, key) in with_props
        if not is_type and hides(cell, former):
            yield cell, former


def _stored_values(snapshot: Snapshot) -> Iterator[tuple[Cell, str]]:
    """Yield the properties of all records; of a record without properties the type, which is its value."""
    for database in snapshot.databases():
        for record in snapshot.records(database):
            for prop, value in (record.props or {"": record.type}).items():
                yield (database, record.key, prop), value


def _former_values(snapshot: Snapshot) -> Iterator[tuple[Cell, str]]:
    """Yield the values in the journal that were not forgotten."""
    for revision in snapshot.revisions():
        for change in revision.changes:
            for value in (change.old, change.new):
                if value and value != FORGOTTEN:
                    yield change.cell, value
