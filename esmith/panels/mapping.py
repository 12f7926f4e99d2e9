"""A field that stands for several settings: each choice says which values these have, in both directions."""

from __future__ import annotations

from itertools import combinations

from esmith.fields import dataclass
from esmith.panels.field import Field, one_text, unknown_choice
from esmith.schema.check import NotAllowedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from esmith.panels.field import Scene, Work
    from esmith.panels.setting import Setting


@dataclass(frozen=True)
class Choice:
    """One choice of a mapping.

    :param set: the values that settings have with it.
    :param delete: the settings that are not set with it.
    :param match: those of both that decide whether it is what is stored.
    :param needs: the settings that may be neither missing nor empty with it.
    :param create: records, as database and key, with the type that they are made with where they are missing.
    :param stored_only: whether it is offered only while it is what is stored.
    :param only_if: the settings, each with values, with which it is offered.
    """

    value: str
    label: str
    help: str
    set: dict[Setting, str]
    needs: tuple[Setting, ...]
    delete: tuple[Setting, ...]
    match: frozenset[Setting]
    create: dict[tuple[str, str], str]
    stored_only: bool
    only_if: dict[Setting, tuple[str, ...]]

    def fits(self, values: dict[Setting, str | None]) -> bool:
        """Return whether those settings that decide are as they are with it."""
        return all(values[one] == self.set.get(one) for one in self.match)

    def excludes(self, other: Choice) -> bool:
        """Return whether the settings that decide cannot be as they are with both."""
        return any(self.set.get(one) != other.set.get(one) for one in self.match & other.match)


@dataclass(frozen=True)
class MappingField(Field):
    """A choice that stands for the values of several settings.

    :param unset: what it comes to when nothing is set; "" where the settings say that.
    """

    choices: tuple[Choice, ...]
    unset: str

    def settings(self) -> list[Setting]:
        """Return the settings of all choices."""
        found: dict[Setting, None] = {}
        for choice in self.choices:
            found |= dict.fromkeys([*choice.set, *choice.delete])
        return list(found)

    def show(self, scene: Scene) -> dict[str, Any]:
        """Return what a form shows of it."""
        shown = self.blank(scene, "choice")
        values = self._values(scene)
        stored = self._stored(values)
        offered = self._offered(scene, stored)
        shown["choices"] = [{"value": one.value, "label": one.label, "help": one.help} for one in offered]
        shown["value"] = stored.value if stored is not None else None
        shown["unset"] = self._unset(scene)
        if stored is None and any(value is not None for value in values.values()):
            shown["custom"] = ", ".join(scene.shown(setting) for setting in values)
        return shown

    def write(self, work: Work, value: Any) -> None:
        """Give the settings the values of a choice, or make all of them be not set.

        :raises EsmithError: when there is no such choice now, or a value is refused.
        """
        if value is None:
            if self._unset(work) is None:
                raise NotAllowedError("a choice is needed here")
            for setting in self.settings():
                work.delete(setting)
            return
        text = one_text(value)
        offered = self._offered(work, self._stored(self._values(work)))
        chosen = next((choice for choice in offered if choice.value == text), None)
        if chosen is None:
            raise unknown_choice([text])
        for (database, key), type in chosen.create.items():
            work.make(database, key, type)
        for setting, new in chosen.set.items():
            work.set(setting, new)
        for setting in chosen.delete:
            work.delete(setting)

    def missing(self, scene: Scene) -> list[Setting]:
        """Return the settings that what is stored needs, and that are missing or empty."""
        stored = self._stored(self._values(scene))
        return [] if stored is None else [one for one in stored.needs if not scene.effective(one)]

    def _values(self, scene: Scene) -> dict[Setting, str | None]:
        return {setting: scene.stored(setting) for setting in self.settings()}

    def _stored(self, values: dict[Setting, str | None]) -> Choice | None:
        return next((choice for choice in self.choices if choice.fits(values)), None)

    def _offered(self, scene: Scene, stored: Choice | None) -> list[Choice]:
        """Return the choices that are offered now; what is stored always is."""
        return [
            choice
            for choice in self.choices
            if choice is stored or (not choice.stored_only and scene.holds(choice.only_if))
        ]

    def _unset(self, scene: Scene) -> str | None:
        """Return what it comes to when nothing is set; None where that is a choice already, or not possible."""
        nothing = dict.fromkeys(self.settings())
        if self.required or self._stored(nothing) is not None:
            return None
        knowns = [known for setting in nothing if (known := scene.known(setting)) is not None]
        if any(known.may_be_written for known in knowns) and any(
            scene.stored(setting) is not None for setting in nothing
        ):
            return None  # it would not stay so
        if self.unset:
            return self.unset
        values: dict[Setting, str | None] = {}
        for setting in nothing:
            known = scene.known(setting)
            unstored = known.unstored(None) if known is not None else None
            values[setting] = unstored[1] if unstored is not None else None
        meant = self._stored(values)
        return meant.label if meant is not None else ""


def not_exclusive(choices: Iterable[Choice]) -> tuple[Choice, Choice] | None:
    """Return two choices that may both fit what is stored, so that it is not known which to show; None for none."""
    return next((pair for pair in combinations(choices, 2) if not pair[0].excludes(pair[1])), None)
