"""Which files follow a change of settings that is not stored yet, and with which events."""

from __future__ import annotations

from collections import Counter

from esmith.errors import EsmithError, StoreError
from esmith.events.affected import TemplateUse
from esmith.events.applying import events_for
from esmith.events.preview import preview
from esmith.fields import dataclass
from esmith.plan.behind import files_behind
from esmith.store.unsaved import UnsavedStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from esmith.layout import Layout
    from esmith.store.model import Change
    from esmith.store.protocol import Store


@dataclass(frozen=True)
class Following:
    """The files that follow a change of settings.

    :param events: the events that make them, each with the number of files.
    :param is_exact: whether so many files will differ; else it is the number of those that may.
    """

    events: dict[str, int]
    is_exact: bool


def what_follows(layout: Layout, store: Store, changes: Sequence[Change]) -> Following:
    """Return which files follow a change of settings that is not stored yet. Nothing is written.

    The files are made for it, as :mod:`esmith.events.preview` does. Where something is broken, those count that were
    made from other values of the settings.

    :raises StoreError: when the databases cannot be read.
    """
    if not changes:
        return Following({}, is_exact=True)
    try:
        found = preview(layout, store, unsaved=changes)
    except StoreError:
        raise
    except EsmithError:
        found = None
    if found is not None and not any(fault.stops for fault in found.faults):
        files = [file for file in found.files if not (file.left or file.anyway)]
        named = {file.template: file.events for file in files}
        return Following(_counted([file.template for file in files], named), is_exact=True)
    with UnsavedStore(store, changes).snapshot() as snapshot:
        behind = list(files_behind(snapshot, {change.cell for change in changes}).values())
        return Following(_counted(behind, TemplateUse.of(layout, snapshot).events), is_exact=False)


def _counted(templates: Sequence[str], named: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Return the events that make files, each with how many.

    :param templates: the template of each file.
    """
    made = Counter(templates)
    return {event: sum(made[one] for one in own) for event, own in events_for(made, named).items()}
