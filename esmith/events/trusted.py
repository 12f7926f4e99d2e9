"""Everything a root has that the engine reads as its own or runs: looked at before an event or an installation begins.

What reads a thing looks at it as well, so that no command goes without: the store, schema files, the trees of
fragments, an event, the definition of a service, a check, the state, service directories.
"""

from __future__ import annotations

from esmith.events.lock import state_faults
from esmith.fragments.original import DIRECTORY
from esmith.layout import LAYERS, Layout
from esmith.services.definition import OLD_PROBES, service_names
from esmith.services.find import service_faults
from esmith.setup.trees import COMPLETION, PERL_MODULES, shipped_trees
from esmith.store import store_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.errors import UntrustedError
    from esmith.store.protocol import Snapshot


def all_faults(
    layout: Layout, services: Iterable[str] = (), *, event: str = "", in_trees: bool = True
) -> Iterator[UntrustedError]:
    """Yield what is not in the hands of its owners alone, each thing once.

    :param services: the services whose directories count.
    :param event: the only event that counts, with the actions it has; default: all of them.
    :param in_trees: as for :func:`require_all`.
    """
    layout.trust.renew()
    seen: set[str] = set()
    for fault in _all_faults(layout, services, event, in_trees=in_trees):
        if fault.place not in seen:
            seen.add(fault.place)
            yield fault


def require_all(layout: Layout, services: Iterable[str] = (), *, event: str = "", in_trees: bool = True) -> None:
    """Refuse a root in which something is not in the hands of its owners alone.

    :param in_trees: whether what is in the trees is looked at, too, and not only the way to them.
    :raises UntrustedError: for the first such thing, with the cure.
    """
    for fault in all_faults(layout, services, event=event, in_trees=in_trees):
        raise fault


def services_of(layout: Layout, snapshot: Snapshot) -> list[str]:
    """Return the services that may be adjusted: those with a record in the configuration database or a directory."""
    records = [record.key for record in snapshot.records("configuration", "service")]
    return sorted({*records, *service_names(layout.services_custom, layout.services)})


def _all_faults(layout: Layout, services: Iterable[str], event: str, *, in_trees: bool) -> Iterator[UntrustedError]:
    trust = layout.trust
    of_the_root = list(trust.faults(layout.root))
    yield from of_the_root
    if of_the_root and not layout.is_machine:
        # Then everything in it has the same fault.
        return
    for path in store_files(layout):
        yield from trust.faults(path)
    yield from state_faults(layout)
    look = trust.tree_faults if in_trees else trust.faults
    for tree in own_trees(layout):
        yield from look(f"{tree}/{event}" if event and tree == layout.events else tree)
    yield from trust.faults(layout.under(OLD_PROBES))
    for service in services:
        yield from service_faults(layout, service)


def own_trees(layout: Layout) -> list[str]:
    """Return the directories of what the engine reads as its own or runs, whether they are there or not."""
    shipped = [layout.under(path) for path in shipped_trees().values()]
    own = [*(layout.layer(name) for name in LAYERS), layout.services_custom]
    others = [
        layout.under(DIRECTORY),
        layout.commands,
        layout.under(COMPLETION),
        layout.under(f"{PERL_MODULES}/esmith"),
    ]
    return list(dict.fromkeys([*own, *shipped, *others]))
