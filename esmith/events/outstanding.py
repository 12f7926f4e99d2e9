"""What events would still change: settings that no event has made effective yet, and fragments.

All templates of all events are planned and compared with the disk, as :mod:`esmith.events.preview` does, so nothing is
written and no lock is taken. What is remembered of outputs says which settings are others since each was made.

Two things no file shows, and an event that only makes files would not cure them: settings that ``initialize-databases``
would change, and users and groups that have no unix account.
"""

from __future__ import annotations

from esmith.accounts.missing import creation_of, without_account
from esmith.accounts.system import book_of
from esmith.apply.left import REFUSED
from esmith.events.applying import events_for
from esmith.events.preview import Preview, PreviewFile, preview
from esmith.fields import dataclass, field
from esmith.plan.behind import Behind
from esmith.plan.host import RecordingHost
from esmith.plan.installed import OUTPUTS, Installed, digest_of
from esmith.plan.listed import LISTED, Listed, resolved
from esmith.plan.made_from import MadeFrom
from esmith.plan.output import Difference
from esmith.printable import shell_word
from esmith.schema.unwritten import find_unwritten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.apply.left import Refused
    from esmith.events.chosen import Fault
    from esmith.layout import Layout
    from esmith.plan.remembered import Cell
    from esmith.plan.verdict import Verdict
    from esmith.store.model import Change, Record
    from esmith.store.protocol import Snapshot, Store

#: The event that brings the databases up to date, makes all unix accounts that are missing, and then all files.
EVERYTHING = "bootstrap-console-save"
#: How many users, or groups, without a unix account are named one by one.
_APART = 3


@dataclass
class Waiting:
    """Files that one event would change.

    :param event: the event; "" where no event has their templates.
    :param by_settings: the files that would change because of the settings.
    :param otherwise: the files that would change though no setting they were made from is another: a fragment, a
        program or an account is, or their mode or owner; or it is not remembered what they were made from.
    :param never_made: the files that no event has made yet.
    :param settings: the settings that are others since the files were made.
    :param command: what to run; another event where that is to be run anyway, and makes all of these files.
    """

    event: str
    by_settings: list[PreviewFile] = field(default_factory=list)
    otherwise: list[PreviewFile] = field(default_factory=list)
    never_made: list[PreviewFile] = field(default_factory=list)
    settings: list[Cell] = field(default_factory=list)
    command: str = ""


@dataclass
class Missing:
    """Users who have no unix account, or groups that have no unix group, and what makes them with all that follows.

    :param type: ``user`` or ``group``.
    :param names: whose.
    :param event: the event.
    :param command: with its argument.
    """

    type: str
    names: list[str]
    event: str
    command: str


@dataclass
class Outstanding:
    """What events would still change.

    :param waiting: by event.
    :param services: the services that would be adjusted because of that, each with its service actions.
    :param left: the files that would be left as they are, each with the reason.
    :param faults: what is broken.
    :param refused: what a check says that refuses its file, where the checks were run.
    :param earlier: where they were not run: the files that would be as an event was refused for, by their paths.
    :param unwritten: what ``initialize-databases`` would change: :func:`esmith.schema.unwritten.find_unwritten`.
    :param missing: the users and groups that have no unix account, or no unix group; of many of a type all together.
    """

    waiting: list[Waiting] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    refused: list[Verdict] = field(default_factory=list)
    earlier: dict[str, Refused] = field(default_factory=dict)
    unwritten: list[Change] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


def find_outstanding(layout: Layout, store: Store, *, checks: bool = False) -> Outstanding:
    """Return what events would still change.

    A file that only somebody edited or removed is not in it: :func:`esmith.apply.drift.find_drift` knows these.

    :param checks: whether the new files are checked.
    :raises UntrustedError: when something of the root is not in the hands of its owners alone.
    :raises StoreError: when the databases cannot be read.
    :raises SchemaError: when a schema file is broken.
    :raises InstallError: when the unix accounts of a root folder cannot be read.
    """
    from esmith.plan.verdict import Outcome

    shown = preview(layout, store, checks=checks)
    found = Outstanding(faults=shown.faults)
    found.left = {file.path: file.left.message for file in shown.files if file.left is not None}
    found.refused = [verdict for verdict in shown.verdicts if verdict.outcome is Outcome.REFUSED]
    with store.snapshot() as snapshot:
        found.unwritten = find_unwritten(layout, snapshot)
        found.missing = _missing(without_account(book_of(layout, RecordingHost(layout)), snapshot.records("accounts")))
        found.waiting = _Grouping(snapshot, shown).groups()
        if not checks:
            found.earlier = _refused_before(snapshot, shown)
    anyway = {one.event: one.command for one in found.missing}
    if found.unwritten:
        anyway = {EVERYTHING: f"signal-event {EVERYTHING}"} | anyway
    for group in found.waiting:
        group.command = _command_of(group, anyway)
    if found.waiting:
        found.services = shown.services
    return found


def _missing(records: list[Record]) -> list[Missing]:
    found = []
    for type in ("user", "group"):
        names = [record.key for record in records if record.type == type]
        if len(names) > _APART:
            found.append(Missing(type, names, EVERYTHING, f"signal-event {EVERYTHING}"))
        else:
            found += [Missing(type, [name], f"{type}-create", creation_of(type, name)) for name in names]
    return found


def _command_of(group: Waiting, anyway: dict[str, str]) -> str:
    """Return what to run for a group.

    :param anyway: what has to be run in any case, by event: where it makes all of the files, nothing else is needed.
    """
    files = [*group.by_settings, *group.otherwise, *group.never_made]
    for event, command in anyway.items():
        if all(event in file.events for file in files):
            return command
    return f"signal-event {shell_word(group.event)}" if group.event else ""


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
