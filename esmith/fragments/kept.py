"""The texts that templates inside others gave, kept for the other outputs of a plan.

``template()`` is asked for the same text again and again: whether an account gets mail is decided in one template,
which several files ask for each account. So a text is kept for all outputs of the same plan
(docs/fragments.md#texts-that-are-kept). An output that gets a kept text also gets what was noted when it was expanded:
it depends on the same settings and files as if it had expanded the template itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    from esmith.fragments.notes import Notes

#: The types whose values are the same whenever they are equal. A list or a record is none: it may change, or it notes
#: what is read of it. A number with decimals is none, as 0.0 equals -0.0.
_PLAIN = frozenset((str, int, bool, type(None)))
_NOT_GIVEN = ("not given",)


class KeptTexts:
    """The texts that templates inside others gave, for one snapshot of the databases and one tree of templates.

    A template that looks up the same variables with the same values runs in the same way. Which it looks up is not
    known beforehand, so they are noted, and a text is found by the values of just these.
    """

    def __init__(self) -> None:
        self._names: dict[str, list[tuple[str, ...]]] = {}
        self._texts: dict[Hashable, tuple[str, Notes]] = {}

    def find(self, path: str, variables: dict[str, Any]) -> tuple[str, Notes] | None:
        """Return the text of a template and what was noted when it was expanded; None when it has to be expanded.

        :param variables: all that it could look up.
        """
        for names in self._names.get(path, ()):
            found = self._texts.get(_place(path, names, variables))
            if found is not None:
                return found
        return None

    def keep(self, path: str, variables: dict[str, Any], text: str, notes: Notes) -> None:
        """Keep the text of a template, if all that it depends on can be compared.

        :param notes: what was noted while it was expanded; nothing is added to it later.
        """
        names = tuple(sorted(notes.names))
        place = _place(path, names, variables)
        if place is None or not notes.repeatable:
            return
        self._texts[place] = text, notes
        known = self._names.setdefault(path, [])
        if names not in known:
            known.append(names)


def _place(path: str, names: tuple[str, ...], variables: dict[str, Any]) -> Hashable:
    """Return what stands for a template with the values of some variables; None when one of them is not plain."""
    values = [_value(variables[name]) if name in variables else _NOT_GIVEN for name in names]
    return None if None in values else (path, names, *values)


def _value(value: Any) -> Hashable:
    """Return what is the same for the same value and differs for another; None for a value that is not plain."""
    if type(value) in _PLAIN:
        return type(value), value
    # A text from the databases also knows where it is stored, and so what it reads as when nothing is.
    cell = getattr(value, "cell", None) if isinstance(value, str) else None
    return None if cell is None else (type(value), str(value), cell)
