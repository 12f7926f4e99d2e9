"""Which events make files that wait: the fewest, by one rule (docs/events.md#which-event-is-named)."""

from __future__ import annotations

from collections import Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    _Key = tuple[int, int, int, str]

#: The events that make a changed setting take effect, the first that does it: what the wiki page "Email" names for all
#: settings that it applies to, then the others for changed settings (docs/events.md#the-events).
FIRST = ("email-update", "remoteaccess-update", "dns-update", "ssl-update", "clamav-update", "console-save")
#: How the names of events end that are about one user, domain, network ..., and need its name.
OF_A_RECORD = ("-create", "-delete", "-modify", "-lock", "-admin")
#: How the names of events begin that are signalled after an installation, or while the machine starts.
_ONCE = ("bootstrap-", "post-")
#: How many sets of events are tried.
_MOST_ROUNDS = 2000


def events_for(templates: Iterable[str], named: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Return as few events as make all of some templates, each with those that it is named for, sorted.

    An event that is signalled only once is named for templates that no other event makes, and one about a single record
    last. Of as few events those with the event that the wiki page names count (docs/events.md#which-event-is-named).

    :param templates: the paths of the templates. One that no event names is left out.
    :param named: the events that name each template.
    """
    sizes = Counter(name for names in named.values() for name in names)
    waiting: dict[int, dict[str, frozenset[str]]] = {}
    for template in templates:
        if names := named.get(template):
            rank = min(map(_rank, names))
            waiting.setdefault(rank, {})[template] = frozenset(name for name in names if _rank(name) == rank)
    found: dict[str, list[str]] = {}
    for _, left in sorted(waiting.items()):
        for event in _smallest(set(left.values()), lambda name: _key(name, sizes[name])):
            found[event] = sorted(template for template, names in left.items() if event in names)
            for template in found[event]:
                del left[template]
    return {event: made for event, made in found.items() if made}


def _smallest(groups: set[frozenset[str]], key: Callable[[str], _Key]) -> list[str]:
    """Return the best set of events that has one of each group, the event with the lowest key first.

    Found by trying: each event of the group with the fewest. Where that takes too long the best one so far counts.
    """
    # A group that holds all of another one is had with that.
    groups = {group for group in groups if not any(other < group for other in groups)}
    best: list[str] = []
    rounds = 0

    def look(chosen: list[str], left: set[frozenset[str]]) -> None:
        nonlocal best, rounds
        rounds += 1
        if best and (rounds > _MOST_ROUNDS or _cost(chosen, key) >= _cost(best, key)):
            return
        if not left:
            best = chosen
            return
        smallest = min(left, key=lambda group: (len(group), sorted(group)))
        covers = {name: sum(name in group for group in left) for name in smallest}
        for name in sorted(smallest, key=lambda name: (-covers[name], key(name))):
            look([*chosen, name], {group for group in left if name not in group})

    look([], groups)
    return sorted(best, key=key)


def _cost(events: list[str], key: Callable[[str], _Key]) -> tuple[int, list[_Key]]:
    return len(events), sorted(map(key, events))


def _rank(name: str) -> int:
    return 2 if name.endswith(OF_A_RECORD) else 1 if name.startswith(_ONCE) else 0


def _key(name: str, size: int) -> _Key:
    """Return what an event is sorted by among those of its rank.

    :param size: how many templates name it.
    """
    first = FIRST.index(name) if name in FIRST else len(FIRST)
    return first, int(not name.endswith("-update")), size, name
