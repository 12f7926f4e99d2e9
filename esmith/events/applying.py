"""Which events make files that changed settings, or restored files, are behind."""

from __future__ import annotations

from esmith.events.affected import TemplateUse
from esmith.plan.behind import files_behind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from esmith.layout import Layout
    from esmith.plan.remembered import Cell
    from esmith.store.protocol import Snapshot

#: How the names of events end that are about one user, domain, network ..., and need its name.
_OF_A_RECORD = ("-create", "-delete", "-modify", "-lock", "-admin")
#: How the names of events begin that are signalled after an installation, or while the machine starts.
_ONCE = ("bootstrap-", "post-")


def events_for(templates: Iterable[str], named: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Return as few events as make all of some templates, each with those that it is named for, sorted.

    An event for changed settings (``NAME-update``) is taken before another one, then one that is signalled only once,
    and last one about a single record.

    :param templates: the paths of the templates. One that no event names is left out.
    :param named: the events that name each template.
    """
    sizes: dict[str, int] = {}
    for names in named.values():
        for name in names:
            sizes[name] = sizes.get(name, 0) + 1
    waiting = {template for template in templates if named.get(template)}
    found: dict[str, list[str]] = {}
    while waiting:
        counts: dict[str, int] = {}
        for template in waiting:
            for name in named[template]:
                counts[name] = counts.get(name, 0) + 1
        chosen = min(counts, key=lambda name: (_rank(name), -counts[name], sizes[name], name))
        found[chosen] = sorted(template for template in waiting if chosen in named[template])
        waiting -= set(found[chosen])
    return found


def _rank(name: str) -> int:
    if name.endswith("-update"):
        return 0
    if name.endswith(_OF_A_RECORD):
        return 3
    return 2 if name.startswith(_ONCE) else 1


def events_that_follow(layout: Layout, snapshot: Snapshot, cells: Collection[Cell]) -> dict[str, int]:
    """Return the events that make the files that are behind some settings, each with the number of these files.

    :param snapshot: the databases after the change.
    :param cells: what was changed: database, key and property of each.
    """
    behind = files_behind(snapshot, cells)
    chosen = events_for(behind.values(), TemplateUse.of(layout, snapshot).events)
    counts: dict[str, int] = {}
    for event, templates in chosen.items():
        counts[event] = sum(template in templates for template in behind.values())
    return counts
