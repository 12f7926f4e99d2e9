"""Fields that are check boxes, one for each record of a type."""

from __future__ import annotations

from esmith.fields import dataclass
from esmith.panels.field import EVERY, Field, texts, unknown_choice
from esmith.panels.property import entries_of
from esmith.panels.setting import Setting
from esmith.schema.check import NotAllowedError
from esmith.schema.types import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.panels.field import Scene, Work
    from esmith.panels.setting import Cell
    from esmith.store.model import Record


@dataclass(frozen=True)
class BoxesField(Field):
    """Check boxes for the records of a type.

    :param title: the property that says what a record is called; "" for its key.
    """

    database: str
    type: str
    prop: str
    title: str

    def show(self, scene: Scene) -> dict[str, Any]:
        """Return what a form shows of it."""
        shown = self.blank(scene, "checks")
        records = list(scene.snapshot.records(self.database, self.type))
        shown["choices"] = [{"value": one.key, "label": self._label(scene, one), "help": ""} for one in records]
        shown["value"] = [one.key for one in records if self.is_on(scene, one)]
        shown["settings"] = [f"{self.database} {one.key} {self.prop}" for one in records] + self.more()
        return shown

    def write(self, work: Work, value: Any) -> None:
        """Switch those that are not as they are to be, and no others.

        :raises EsmithError: when a record is none of these, or a value is refused.
        """
        if value is None:
            raise NotAllowedError("this cannot be not set; choose none of them instead")
        wanted = texts(value)
        records = list(work.snapshot.records(self.database, self.type))
        unknown = set(wanted) - {record.key for record in records}
        if unknown:
            raise unknown_choice(unknown)
        for record in records:
            if self.is_on(work, record) != (record.key in wanted):
                self.switch(work, record, on=record.key in wanted)
        self.finish(work, wanted)

    def _label(self, scene: Scene, record: Record) -> str:
        if not self.title or scene.schema.is_secret(self.database, record.key, record.type, self.title):
            return record.key
        return record.props.get(self.title) or record.key

    def is_on(self, scene: Scene, record: Record) -> bool:
        """Return whether the box of a record is checked."""
        raise NotImplementedError

    def switch(self, work: Work, record: Record, *, on: bool) -> None:
        """Check the box of a record, or clear it."""
        raise NotImplementedError

    def finish(self, work: Work, wanted: list[str]) -> None:
        """Change what depends on all boxes."""

    def more(self) -> list[str]:
        """Return what it stands for besides the records, as texts."""
        return []

    def cells(self, _scene: Scene) -> list[Cell]:
        """Return the cells that it may write."""
        return [(self.database, EVERY, self.prop)]


@dataclass(frozen=True)
class EachField(BoxesField):
    """A property that each record of a type has.

    :param on, off: its values.
    :param any: settings that have the first value when any box is checked, else the second.
    """

    on: str
    off: str
    any: dict[Setting, tuple[str, str]]

    def settings(self) -> list[Setting]:
        """Return the settings that depend on all boxes."""
        return list(self.any)

    def is_on(self, scene: Scene, record: Record) -> bool:
        """Return whether the property of a record has the value for checked boxes, or is missing and counts as that."""
        return scene.effective(Setting(self.database, record.key, self.prop)) == self.on

    def switch(self, work: Work, record: Record, *, on: bool) -> None:
        """Set the property of a record."""
        work.set(Setting(self.database, record.key, self.prop), self.on if on else self.off)

    def finish(self, work: Work, wanted: list[str]) -> None:
        """Set the settings that depend on whether any box is checked."""
        for setting, (some, none) in self.any.items():
            value = some if wanted else none
            if (work.effective(setting) or none) != value:
                work.set(setting, value)

    def more(self) -> list[str]:
        """Return the settings that depend on all boxes."""
        return [str(setting) for setting in self.any]

    def cells(self, scene: Scene) -> list[Cell]:
        """Return the cells that it may write."""
        return [(self.database, EVERY, self.prop), *(scene.cell(setting) for setting in self.any)]


@dataclass(frozen=True)
class MembersField(BoxesField):
    """The records of a type that have the record of the form in a list, as groups have their members.

    :param separator: what separates the entries of the list.
    """

    separator: str

    def is_on(self, scene: Scene, record: Record) -> bool:
        """Return whether the list of a record has the record of the form in it."""
        return scene.key is not None and scene.key in entries_of(record.props.get(self.prop, ""), self.separator)

    def switch(self, work: Work, record: Record, *, on: bool) -> None:
        """Add the record of the form at the end of a list, or take it out; the others stay as they are written."""
        setting = Setting(self.database, record.key, self.prop)
        stored = record.props.get(self.prop, "")
        if on:
            key = work.key or ""
            if self.separator in key:
                raise NotAllowedError(f"a name with {self.separator!r} in it cannot be in a list of names")
            work.set(setting, f"{stored}{self.separator}{key}" if stored.strip() else key)
            return
        left = self.separator.join(part for part in stored.split(self.separator) if part.strip() != work.key)
        known = work.known(setting)
        if left or known is None or refusal(known, "") is None:
            work.set(setting, left)
        else:
            work.delete(setting)
