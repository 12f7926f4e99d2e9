"""What events would still change: settings that no event has made effective yet, and fragments.

All templates of all events are planned and compared with the disk, as :mod:`esmith.events.preview` does, so nothing is
written and no lock is taken. What is remembered of outputs says which settings are others since each was made.
"""

from __future__ import annotations

from esmith.apply.left import REFUSED
from esmith.events.applying import events_for
from esmith.events.preview import Preview, PreviewFile, preview
from esmith.fields import dataclass, field
from esmith.plan.behind import Behind
from esmith.plan.installed import OUTPUTS, Installed, digest_of
from esmith.plan.listed import LISTED, Listed, resolved
from esmith.plan.made_from import MadeFrom
from esmith.plan.output import Difference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.apply.left import Refused
    from esmith.events.chosen import Fault
    from esmith.layout import Layout
    from esmith.plan.remembered import Cell
    from esmith.plan.verdict import Verdict
    from esmith.store.protocol import Snapshot, Store


@dataclass
class Waiting:
    """Files that one event would change.

    :param event: the event; "" where no event has their templates.
    :param by_settings: the files that would change because of the settings.
    :param otherwise: the files that would change though no setting they were made from is another: a fragment, a
        program or an account is, or their mode or owner; or it is not remembered what they were made from.
    :param never_made: the files that no event has made yet.
    :param settings: the settings that are others since the files were made.
    """

    event: str
    by_settings: list[PreviewFile] = field(default_factory=list)
    otherwise: list[PreviewFile] = field(default_factory=list)
    never_made: list[PreviewFile] = field(default_factory=list)
    settings: list[Cell] = field(default_factory=list)


@dataclass
class Outstanding:
    """What events would still change.

    :param waiting: by event.
    :param services: the services that would be adjusted because of that, each with its service actions.
    :param left: the files that would be left as they are, each with the reason.
    :param faults: what is broken.
    :param refused: what a check says that refuses its file, where the checks were run.
    :param earlier: where they were not run: the files that would be as an event was refused for, by their paths.
    """

    waiting: list[Waiting] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    refused: list[Verdict] = field(default_factory=list)
    earlier: dict[str, Refused] = field(default_factory=dict)


def find_outstanding(layout: Layout, store: Store, *, checks: bool = False) -> Outstanding:
    """Return what events would still change.

    A file that only somebody edited or removed is not in it: :func:`esmith.apply.drift.find_drift` knows these.

    :param checks: whether the new files are checked.
    :raises UntrustedError: when something of the root is not in the hands of its owners alone.
    :raises StoreError: when the databases cannot be read.
    """
    from esmith.plan.verdict import Outcome

    shown = preview(layout, store, checks=checks)
    found = Outstanding(faults=shown.faults)
    found.left = {file.path: file.left.message for file in shown.files if file.left is not None}
    found.refused = [verdict for verdict in shown.verdicts if verdict.outcome is Outcome.REFUSED]
    with store.snapshot() as snapshot:
        found.waiting = _Grouping(snapshot, shown).groups()
        if not checks:
            found.earlier = _refused_before(snapshot, shown)
    if found.waiting:
        found.services = shown.services
    return found


def _refused_before(snapshot: Snapshot, shown: Preview) -> dict[str, Refused]:
    """Return the files of which an event was refused as they would be now."""
    files = {file.path: file for file in shown.files}
    events = {event for file in shown.files for event in file.events}
    found = {}
    for path, row in REFUSED.rows(snapshot).items():
        file = files.get(path)
        if row.digest:
            is_so = file is not None and file.new is not None and digest_of(file.new) == row.digest
        else:
            is_so = row.event in events
        if is_so:
            found[path] = row
    return found


class _Grouping:
    def __init__(self, snapshot: Snapshot, shown: Preview) -> None:
        self._snapshot = snapshot
        self._rows: dict[str, Installed | None] = {}
        known: dict[str, Listed | None] = {}
        for file in shown.files:
            self._rows[file.path] = resolved(snapshot, OUTPUTS.get(snapshot, file.path), known)
        self._files = [file for file in shown.files if file.left is None and not self._is_only_drift(file)]

    def _is_only_drift(self, file: PreviewFile) -> bool:
        """Return whether the file would become again what was installed: somebody edited or removed it."""
        installed = self._rows[file.path]
        if installed is None or file.new is None or file.difference is Difference.ATTRIBUTES:
            return False
        # In homes a file with another mode or owner is replaced; its content is what was installed.
        was_changed = file.old is None or digest_of(file.old) != installed.digest
        return was_changed and digest_of(file.new) == installed.digest

    def groups(self) -> list[Waiting]:
        events = events_for(
            {file.template for file in self._files}, {file.template: file.events for file in self._files}
        )
        found = []
        rest = list(self._files)
        for name, templates in events.items():
            found.append(self._group(name, [file for file in rest if file.template in templates]))
            rest = [file for file in rest if file.template not in templates]
        return [*found, self._group("", rest)] if rest else found

    def _group(self, event: str, files: list[PreviewFile]) -> Waiting:
        group = Waiting(event)
        made_from = MadeFrom(self._snapshot)
        for file in files:
            installed = self._rows[file.path]
            if installed is not None:
                made_from.add(installed.inputs)
        listed = {template: LISTED.get(self._snapshot, template) for template in {file.template for file in files}}
        for keys in listed.values():
            if keys is not None:
                made_from.add(keys.inputs)
        group.settings = list(made_from.values())
        behind = Behind(self._snapshot, group.settings)
        for file in files:
            installed, keys = self._rows[file.path], listed[file.template]
            texts = [installed.inputs if installed is not None else "", keys.inputs if keys is not None else ""]
            if any(behind.is_behind(text) for text in texts):
                group.by_settings.append(file)
            else:
                (group.otherwise if installed is not None else group.never_made).append(file)
        return group
