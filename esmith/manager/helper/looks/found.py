"""What a search can find, and how well it fits: each result knows its names, and other words that stand for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from esmith.fields import dataclass, field
from esmith.names import shorten

#: How well a word fits, the best first: it is a name, begins one, is in one, is in what is written about it.
EXACT, BEGINS, INSIDE, WORDS, HELP = range(5)
#: The kinds of results, in the order in which those that fit alike are shown.
KINDS = ("field", "panel", "record", "setting", "file")
_LONGEST_DETAIL = 200
#: How many of the settings of a result are named.
_SHOWN_SETTINGS = 4


@dataclass
class Found:
    """Something that a search can find.

    :param kind: one of :data:`KINDS`.
    :param title: what it is called.
    :param detail: where it is.
    :param names: what it is called by those who know it: label, property, record, name of a file.
    :param words: other words for it.
    :param help: what is written about it.
    :param target: where it leads: panel, section, field, database, key.
    :param cells: the settings it stands for: database, key, property.
    :param label: what a form calls it, where that is not the title.
    """

    kind: str
    title: str
    detail: str
    names: list[str]
    words: str = ""
    help: str = ""
    target: dict[str, str] = field(default_factory=dict)
    cells: list[tuple[str, str, str]] = field(default_factory=list)
    label: str = ""

    def rank(self, words: list[str]) -> float | None:
        """Return how well all of some words fit, 0 for the best; None when one of them does not.

        :param words: in small letters.
        """
        names = [name.lower() for name in self.names]
        if " ".join(words) in names:
            return EXACT
        ranks = [_rank(word, names, self.words.lower(), self.help.lower()) for word in words]
        # What is exactly a name in one word of several is not exactly what is looked for.
        return None if None in ranks else sum(filter(None, ranks)) / len(ranks) + (len(ranks) > 1) * 0.1

    def data(self) -> dict[str, Any]:
        """Return it as it goes over the wire."""
        target = {name: self.target.get(name, "") for name in ("panel", "section", "field", "database", "key")}
        detail = shorten(f"{self.detail}: {self.help}" if self.help else self.detail, _LONGEST_DETAIL)
        settings = [" ".join(part for part in cell if part) for cell in self.cells[:_SHOWN_SETTINGS]]
        return {
            "kind": self.kind,
            "title": self.title,
            "label": self.label,
            "settings": settings,
            "detail": detail,
            **target,
        }


def best(found: Iterable[Found], words: list[str]) -> list[tuple[float, Found]]:
    """Return those that fit, the best first."""
    ranked = [(rank, one) for one in found if (rank := one.rank(words)) is not None]
    ranked.sort(key=lambda pair: order(*pair))
    return ranked


def order(rank: float, one: Found) -> tuple[float, int, int, str]:
    """Return by what results are sorted."""
    return rank, KINDS.index(one.kind), len(one.title), one.title


def _rank(word: str, names: list[str], words: str, help: str) -> int | None:
    if word in names:
        return EXACT
    if any(name.startswith(word) or f" {word}" in name for name in names):
        return BEGINS
    if any(word in name for name in names):
        return INSIDE
    if word in words:
        return WORDS
    return HELP if word in help else None
