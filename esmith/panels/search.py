"""Finding a page by what stands on it: labels, help, names of settings, the words of its file, and names of records.

What else a setting is known by, such as the files that are made from it, whoever makes the index says.
"""

from __future__ import annotations

from esmith.fields import dataclass
from esmith.panels.field import EVERY, Scene
from esmith.panels.property import PropertyField, label_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from esmith.panels.field import Field
    from esmith.panels.model import Panel, Panels, Section
    from esmith.panels.setting import Cell
    from esmith.schema.load import Schema
    from esmith.store.protocol import Snapshot

    #: More words for a setting: the names of the files that are made from it, the words of a manual.
    WordsOf = Callable[[Cell], Iterable[str]]

#: How much it counts where all words are found.
_IN_LABEL, _IN_NAME, _IN_HELP, _IN_OTHERS = 8, 4, 2, 1
#: How many places are found at most.
MOST = 50


@dataclass(frozen=True)
class Place:
    """A place that can be found.

    :param section: "" for a page as a whole.
    :param field: "" for a page or a section as a whole.
    :param texts: what it is found by, in small letters, with how much that counts.
    """

    panel: str
    heading: str
    section: str
    field: str
    label: str
    help: str
    settings: tuple[str, ...]
    texts: tuple[tuple[str, int], ...]

    def found(self, words: list[str]) -> int:
        """Return how well it fits words, all of which have to be somewhere in it; 0 when it does not."""
        everything = "\n".join(text for text, _ in self.texts)
        if not all(word in everything for word in words):
            return 0
        return sum(weight for text, weight in self.texts for word in words if word in text)

    def data(self) -> dict[str, Any]:
        """Return it as the verb ``search`` answers."""
        return {
            "panel": self.panel,
            "heading": self.heading,
            "section": self.section,
            "field": self.field,
            "label": self.label,
            "help": self.help,
            "settings": list(self.settings),
        }


def make_index(panels: Panels, schema: Schema, snapshot: Snapshot, words_of: WordsOf | None = None) -> list[Place]:
    """Return all places that can be found.

    :param words_of: returns more words of a setting. Of a list of records it is asked with the key "*", of a list of
        entries with the property "*".
    """
    places: list[Place] = []
    for panel in panels.panels.values():
        texts = ((panel.heading, _IN_LABEL), (panel.help, _IN_HELP), (" ".join([panel.id, *panel.words]), _IN_NAME))
        places.append(_place(panel, None, None, panel.heading, panel.help, (), texts))
        for section in panel.sections:
            texts = ((section.heading, _IN_LABEL), (section.help, _IN_HELP), (panel.heading, _IN_OTHERS))
            places.append(_place(panel, section, None, section.heading, section.help, (), texts))
            fields = (field for field in section.fields if field.name)
            places += (_of_field(panel, section, field, schema, snapshot, words_of) for field in fields)
    return places


def search(places: Iterable[Place], query: str) -> list[Place]:
    """Return the places that words lead to, at most :data:`MOST`, the best first; none for no word."""
    words = query.casefold().split()
    if not words:
        return []
    found = [(place.found(words), place) for place in places]
    best = sorted((one for one in found if one[0]), key=lambda one: -one[0])
    return [place for _, place in best[:MOST]]


def find_records(panels: Panels, snapshot: Snapshot, query: str, most: int = 20) -> list[dict[str, Any]]:
    """Return the records of lists whose key has a text in it, those that begin so first.

    :return: panel, heading and key of each.
    """
    word = query.strip().casefold()
    found: list[dict[str, Any]] = []
    for panel in panels.panels.values():
        records = panel.records
        if records is None or not word:
            continue
        keys = [record.key for record in snapshot.records(records.database, records.type)]
        keys += [key for key, type in records.also.items() if snapshot.type_of(records.database, key) == type]
        found += ({"panel": panel.id, "heading": panel.heading, "key": key} for key in keys if word in key.casefold())
    return sorted(found, key=lambda one: not one["key"].casefold().startswith(word))[:most]


def _of_field(
    panel: Panel, section: Section, field: Field, schema: Schema, snapshot: Snapshot, words_of: WordsOf | None
) -> Place:
    scene = Scene(panel.records, schema, snapshot)
    label, help = field.label or field.name, field.help
    if isinstance(field, PropertyField):
        known = scene.known(field.setting)
        label = field.label or label_of(known, field.setting)
        help = help or (known.help if known is not None else "")
    settings = [
        setting.cell(EVERY) if panel.records is not None else setting.cell(None) for setting in field.settings()
    ]
    cells = settings or field.cells(scene)
    names = tuple(" ".join(filter(None, cell)) for cell in cells)
    choices = " ".join(choice.label for choice in getattr(field, "choices", ()))
    more = " ".join(word for cell in cells for word in words_of(cell)) if words_of is not None else ""
    texts = (
        (label, _IN_LABEL),
        (" ".join([field.name, *names]), _IN_NAME),
        (help, _IN_HELP),
        (" ".join([choices, more, panel.heading, section.heading]), _IN_OTHERS),
    )
    return _place(panel, section, field, label, help, names, texts)


def _place(
    panel: Panel,
    section: Section | None,
    field: Field | None,
    label: str,
    help: str,
    settings: tuple[str, ...],
    texts: tuple[tuple[str, int], ...],
) -> Place:
    return Place(
        panel=panel.id,
        heading=panel.heading,
        section=section.name if section is not None else "",
        field=field.name if field is not None else "",
        label=label,
        help=help,
        settings=settings,
        texts=tuple((text.casefold(), weight) for text, weight in texts if text),
    )
