"""What going back to an earlier generation sets back: its files, and the settings that they were made from.

Nothing is changed here. :mod:`esmith.events.rollback` does what is found; ``esmith rollback --dry-run`` shows it.
"""

from __future__ import annotations

from contextlib import suppress

from esmith.apply.generations import Generation, list_generations
from esmith.errors import TemplateError, UsageError
from esmith.fields import dataclass, field
from esmith.fragments.render import Renderer
from esmith.fragments.tree import KEY
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import LISTED, Listed, resolved
from esmith.plan.made_from import MadeFrom
from esmith.plan.remembered import made_as_of
from esmith.services.actions import strongest
from esmith.store.model import FORGOTTEN, Change
from esmith.store.undo import changed_since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.apply.kept import Before
    from esmith.fragments.metadata import Metadata
    from esmith.layout import Layout
    from esmith.plan.remembered import Cell
    from esmith.store.protocol import Snapshot

    Befores = dict[str, list[Before]]


@dataclass
class Earlier:
    """What going back to a generation sets back.

    :param number: the generation.
    :param revision: the revision of the databases then.
    :param later: the generations that are taken back, the oldest first.
    :param paths: the files that are restored, or removed where there was none.
    :param templates: the templates that made them.
    :param changes: the settings, each with its value now as ``old``, and that of then as ``new``.
    :param forgotten: those that stay as they are, because their values of then were forgotten.
    :param services: the services that read the files, each with its service actions.
    :param unknown: the files of which it is not remembered what they were made of. All settings go back for them.
    """

    number: int
    revision: int
    later: list[Generation]
    paths: list[str] = field(default_factory=list)
    templates: set[str] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)
    forgotten: list[Cell] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    @property
    def cells(self) -> set[Cell]:
        """The settings that go back."""
        return {change.cell for change in self.changes}

    @property
    def parts(self) -> tuple[object, ...]:
        """By which it is known from what another moment gives."""
        settings = [(*change.cell, change.old, change.new) for change in self.changes]
        return self.number, [one.number for one in self.later], self.paths, settings, self.forgotten


def find_earlier(layout: Layout, snapshot: Snapshot, number: int | None = None, *, files_only: bool = False) -> Earlier:
    """Return what going back to a generation sets back.

    :param number: the generation; None for the one before the last.
    :param files_only: whether the settings stay as they are.
    :raises UsageError: when there is no such generation, or none after it.
    :raises UntrustedError: when a template is not in the hands of its owners alone.
    """
    generations = {generation.number: generation for generation in list_generations(snapshot)}
    numbers = sorted(generations)
    if number is None:
        if len(numbers) < 2:
            raise UsageError("there is no generation to roll back to", hint="'esmith generations' lists them")
        number = numbers[-2]
    later = [generations[other] for other in numbers if other > number]
    if number not in generations or not later:
        raise UsageError(
            f"there is no generation {number} to roll back to",
            hint="'esmith generations' lists them; the last one is the present state",
        )
    found = Earlier(number, generations[number].revision, later)
    befores: Befores = {}
    for generation in later:
        for before in generation.before:
            if not before.directory:
                befores.setdefault(before.path, []).append(before)
        for service, actions in generation.services.items():
            found.services.setdefault(service, []).extend(actions)
    found.services = {name: [strongest(words)] for name, words in sorted(found.services.items()) if words}
    found.paths = sorted(befores)
    _find_settings(found, layout, snapshot, befores, generations[number].revision)
    if files_only:
        found.changes, found.forgotten, found.unknown = [], [], []
    return found


def _find_settings(found: Earlier, layout: Layout, snapshot: Snapshot, befores: Befores, revision: int) -> None:
    files = _Files(layout, snapshot, befores, revision)
    files.add(found.later)
    found.templates, found.unknown = files.templates, files.unknown
    values = files.made_from.values()
    if found.unknown:
        values = dict(sorted((changed_since(snapshot, revision) | values).items()))
    for cell, (then, now) in values.items():
        if then == FORGOTTEN:
            found.forgotten.append(cell)
        else:
            found.changes.append(Change(*cell, now, then))


class _Files:
    """The files that are restored, and what they were made of.

    :param befores: what each generation that is taken back has kept of each of them, the oldest first.
    :param revision: that of the generation that they are restored to.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot, befores: Befores, revision: int) -> None:
        self._layout = layout
        self._snapshot = snapshot
        self._befores = befores
        self._revision = revision
        self._known: dict[str, Listed | None] = {}
        self.made_from = MadeFrom(snapshot)
        self.templates: set[str] = set()
        self.unknown: list[str] = []
        #: The files of templates that make one for each record or key: what each was made of, None for no file then.
        self._of_keys: dict[str, dict[str, str | None]] = {}

    def add(self, later: list[Generation]) -> None:
        """Note what all of them were made of.

        :param later: the generations that are taken back, the oldest first.
        """
        for path, kept in self._befores.items():
            self._add_file(path, kept)
        keys: dict[str, int] = {}
        for generation in later:
            keys = generation.keys | keys
        for template in sorted(self._of_keys):
            listed = LISTED.get(self._snapshot, template)
            revision = keys.get(template, self._revision)
            if listed is not None and not self.made_from.add_as_of(listed.inputs, revision):
                self.unknown.append(template)
        self._add_records()

    def _add_file(self, path: str, kept: list[Before]) -> None:
        first = resolved(self._snapshot, kept[0].installed, self._known)
        if first is not None:
            if not self.made_from.add(first.inputs):
                self.unknown.append(path)
        elif kept[0].row is not None:
            self.unknown.append(path)
        later = next((before.installed for before in kept if before.installed), OUTPUTS.get(self._snapshot, path))
        if later is None:
            return
        self.templates.add(later.template)
        if KEY in later.template:
            is_there = first is not None and not first.is_absent
            self._of_keys.setdefault(later.template, {})[path] = first.inputs if is_there and first else None

    def _add_records(self) -> None:
        """Note the records for which the files of templates with ``foreach`` are made: there is none without them."""
        if not self._of_keys:
            return
        with Renderer(self._layout, self._snapshot) as renderer:
            for template, files in self._of_keys.items():
                # The next event does not make what has no template any more.
                with suppress(TemplateError):
                    metadata = renderer.find(template)[1]
                    if metadata.foreach and not metadata.key:
                        self._add_records_of(template, metadata, files)

    def _add_records_of(self, template: str, metadata: Metadata, files: dict[str, str | None]) -> None:
        database, _, types = metadata.foreach.partition(":")
        before, _, after = (metadata.output or template).partition(KEY)
        last = self._last_made(template, files)
        for path, inputs in files.items():
            key = path[len(before) : len(path) - len(after)]
            wanted = types.split(",") if types else ()
            since = last if inputs is None else made_as_of(inputs) or 0
            self.made_from.add_record(database, key, wanted, since, is_there=inputs is not None)

    def _last_made(self, template: str, files: dict[str, str | None]) -> int:
        """Return a revision as of which the other files of a template had been made: a record without one came later.

        Where there are no others, the template may have come later, and not the records.
        """
        rows = OUTPUTS.rows(self._snapshot).items()
        others = [row.inputs for path, row in rows if row.template == template and path not in files]
        known = self._known.get(template) or LISTED.get(self._snapshot, template)
        texts = [known.resolved(text) if known is not None else text for text in others]
        texts += [text for text in files.values() if text is not None]
        return min(max((made_as_of(text) or 0 for text in texts), default=self._revision), self._revision)
