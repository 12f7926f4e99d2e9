"""A field that is one setting: ``db/`` says what it may hold."""

from __future__ import annotations

from esmith.expressions import expression
from esmith.fields import dataclass, field
from esmith.panels.field import Field, is_blank, one_text, texts, unknown_choice
from esmith.schema.check import NotAllowedError
from esmith.schema.types import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from esmith.panels.field import Scene, Work
    from esmith.panels.setting import Setting
    from esmith.schema.model import Property

#: How the help of a setting says what holds while it is missing (db/README.md).
_UNSET = expression(r"\bUnset[^:.]*: (.+?)\.?(?:(?<=\.) |$)")
#: What the words of switches are called where a panel file gives them no label.
_CALLED = {"enabled": "Enabled", "disabled": "Disabled", "yes": "Yes", "no": "No"}
_WORDS = {"enabled/disabled": ("enabled", "disabled"), "yes/no": ("yes", "no")}
_NUMBERS = ("integer", "number", "port")
_PORTS = (1, 65535)


@dataclass(frozen=True)
class PropertyField(Field):
    """One property, or the value of a record without properties.

    :param setting: which.
    :param labels: what its values are called; those without a label are shown as they are.
    :param needs: by value, the settings that may be neither missing nor empty with it.
    :param fixed_if: properties of the record with values: with one of these it is not shown and not changed.
    """

    setting: Setting
    labels: dict[str, str]
    needs: dict[str, tuple[Setting, ...]] = field(default_factory=dict)
    fixed_if: dict[Setting, tuple[str, ...]] = field(default_factory=dict)

    def settings(self) -> list[Setting]:
        """Return it."""
        return [self.setting]

    def is_absent(self, scene: Scene) -> bool:
        """Return whether records such as the one of the form do not have it, or have it for good."""
        if scene.known(self.setting) is None:
            return True
        return any(scene.effective(one) in values for one, values in self.fixed_if.items())

    def missing(self, scene: Scene) -> list[Setting]:
        """Return the settings that what is stored needs, and that are missing or empty."""
        needed = self.needs.get(scene.effective(self.setting) or "", ())
        return [one for one in needed if not scene.effective(one)]

    def hides(self, scene: Scene) -> bool:
        """Return whether its value is a secret."""
        return scene.is_secret(self.setting)

    def show(self, scene: Scene) -> dict[str, Any]:
        """Return what a form shows of it."""
        known, stored = scene.known(self.setting), scene.stored(self.setting)
        shown = self.blank(scene, "text")
        shown["label"] = self.label or label_of(known, self.setting)
        shown["help"] = self.help or (known.help if known is not None else "")
        shown["unset"] = self._unset(known, stored)
        if self.hides(scene):
            shown |= {"widget": "secret", "is_set": bool(stored)}
            return shown
        if known is None:
            shown["value"] = stored
            return shown
        shown["may_be_empty"] = refusal(known, "") is None
        shown["suggest"] = known.refers_to != ""
        if known.type in _NUMBERS and all(map(_is_number, known.values)):
            shown["widget"] = "number"
            shown["min"], shown["max"] = _PORTS if known.type == "port" else (known.minimum, known.maximum)
        shown["value"] = stored
        if known.type == "list":
            shown["widget"] = "lines"
            shown["value"] = None if stored is None else entries_of(stored, known.separator)
        elif is_choice(known):
            self._show_choices(shown, known, stored)
        return shown

    def _show_choices(self, shown: dict[str, Any], known: Property, stored: str | None) -> None:
        shown["widget"] = "choice"
        shown["may_be_empty"] = False
        offered = [*words_of(known), *[""] * (stored == "" and refusal(known, "") is None)]
        offered = list(dict.fromkeys(offered))
        shown["choices"] = [{"value": word, "label": self._called(known, word), "help": ""} for word in offered]
        if stored is not None and stored not in offered:
            shown["value"], shown["custom"] = None, stored or "(empty)"

    def _unset(self, known: Property | None, stored: str | None) -> str | None:
        """Return what it comes to while it is not set; None where that cannot be chosen."""
        if self.required or (stored is not None and known is not None and is_written_back(known)):
            return None
        if known is None:
            return ""
        unstored = known.unstored(None)
        if unstored is None and not self.setting.prop:
            return None
        value = unstored[1] if unstored is not None else noted_unset(known.help)
        if known.type == "secret":
            return ""
        return self._called(known, value) if value else self.labels.get("", "")

    def _called(self, known: Property, value: str) -> str:
        """Return what a value is called."""
        called = _CALLED.get(value, value) if known.type in _WORDS else value
        return self.labels.get(value, called or "(empty)")

    def write(self, work: Work, value: Any) -> None:
        """Set it, or make it be not set.

        :raises EsmithError: when the value is refused.
        """
        known = work.known(self.setting)
        if value is None or (self.required and is_blank(value)):
            if self._unset(known, work.stored(self.setting)) is None:
                raise NotAllowedError("a value is needed here")
            work.delete(self.setting)
            return
        if known is not None and known.type == "list" and not isinstance(value, str):
            entries = texts(value)
            split = [entry for entry in entries if known.separator in entry]
            if split:
                raise NotAllowedError(f"{split[0]!r} has {known.separator!r} in it, which separates entries")
            value = known.separator.join(entries)
            if not value and refusal(known, "") is not None:
                work.delete(self.setting)
                return
        text = one_text(value)
        if known is not None and is_choice(known) and text and text not in words_of(known):
            raise unknown_choice([text])
        work.set(self.setting, text)


def label_of(known: Property | None, setting: Setting) -> str:
    """Return what a setting is called: as the schema says, or by its name."""
    return (known.label if known is not None else "") or setting.prop or setting.key


def is_choice(known: Property) -> bool:
    """Return whether a property has few values, all of them known."""
    return known.type in _WORDS or known.type == "choice"


def is_written_back(known: Property) -> bool:
    """Return whether a property that is made not set has another value after the next upgrade.

    Of few values one that is written anyhow is chosen itself.
    """
    if known.initial is None:
        return known.generate is not None
    unstored = known.unstored(None)
    return is_choice(known) or unstored is None or unstored[1] != known.initial


def words_of(known: Property) -> list[str]:
    """Return the values that a property of few values has."""
    return [*_WORDS.get(known.type, ()), *known.values]


def entries_of(value: str, separator: str) -> list[str]:
    """Return the entries of a list in one value."""
    return [entry.strip() for entry in value.split(separator) if entry.strip()]


def noted_unset(help: str) -> str:
    """Return what the help of a setting says that holds while it is missing; "" where it says nothing."""
    found = _UNSET.search(help)
    return found.group(1) if found else ""


def names_for(known: Property | None, scene: Scene) -> Iterator[str]:
    """Yield the names that a setting may hold: of records, and what may stand there beside them."""
    if known is None or not known.refers_to:
        return
    yield from (word for word in [*known.values, *known.besides] if not any(mark in word for mark in "*?"))
    database, _, types = known.refers_to.partition(":")
    kinds = types.split(",")
    yield from (record.key for record in scene.snapshot.records(database) if record.type in kinds)


def _is_number(word: str) -> bool:
    return word.removeprefix("-").isdecimal()
