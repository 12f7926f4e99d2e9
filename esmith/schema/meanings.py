"""What the entries of a list mean, where that is more than they say: hints at ``setprop``."""

from __future__ import annotations

from esmith.names import shorten
from esmith.schema.lists import entries, zone_of
from esmith.schema.migrate import fate_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.schema.model import Property


def meanings(prop: Property, name: str, value: str) -> Iterator[str]:
    """Yield hints about entries that are no plain literals, that are left out, or that name a closed block list.

    :param prop: the property; where it is ``*``, its name is the entry, else each entry of its value is one.
    :param name: the property's name.
    """
    from esmith.patterns.lists import read_entry

    texts = [name] if prop.name == "*" else entries(value)
    place = "" if prop.name == "*" else f"{name}: "
    if closed := [
        f"{shorten(zone_of(text))} {fate}" for text in texts if (fate := fate_of(prop, zone_of(text))) is not None
    ]:
        them = "it" if len(closed) == 1 else "them"
        yield f"{place}the block list {', '.join(closed)}; leave {them} out (stored as given)"
    for text in texts:
        shown = shorten(text)
        entry = read_entry(prop.list, text) if prop.list else None
        if entry is not None and entry.fault:
            yield f"{place}{shown!r} {entry.fault}; the file will be without it (stored as given)"
        elif entry is not None and entry.meaning:
            yield f"{place}{shown!r} stands for {entry.meaning}"
