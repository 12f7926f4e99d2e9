"""A field whose lines are names of properties of one record, as the lists of database ``wbl`` are kept."""

from __future__ import annotations

from esmith.errors import EsmithError, RefusedError
from esmith.fields import dataclass
from esmith.names import shorten
from esmith.panels.field import EVERY, Field, texts
from esmith.panels.setting import Setting
from esmith.schema.check import NotAllowedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.panels.field import Scene, Work
    from esmith.panels.setting import Cell


@dataclass(frozen=True)
class EntriesField(Field):
    """A list, one entry a line: the properties of a record that have one value.

    :param value: the value; properties that have another one are entries of another list, and stay.
    """

    database: str
    key: str
    value: str

    def show(self, scene: Scene) -> dict[str, Any]:
        """Return what a form shows of it."""
        shown = self.blank(scene, "lines")
        shown["value"] = self._stored(scene)
        shown["settings"] = [str(self._setting())]
        shown["may_be_empty"] = True
        return shown

    def withdraw(self, work: Work, value: Any) -> None:
        """Take out what is no entry any more."""
        wanted = self._wanted(value)
        for entry in self._stored(work):
            if entry not in wanted:
                work.delete(self._setting(entry))

    def write(self, work: Work, value: Any) -> None:
        """Add the entries that are new.

        :raises NotAllowedError: when entries are refused, with the lines where they are.
        """
        stored = work.snapshot.record(*work.cell(self._setting())[:2])
        there = dict(stored.props) if stored is not None else {}
        faults: list[EsmithError] = []
        lines = [one.strip() for one in value] if isinstance(value, list) else []
        for entry in self._wanted(value):
            if there.get(entry) == self.value:
                continue
            try:
                if entry in there:
                    raise NotAllowedError(f"is in the list as {there[entry]}; take it out there first")
                work.set(self._setting(entry), self.value)
            except RefusedError as error:
                faults.append(_at_line(error, lines.index(entry) + 1, entry))
        if faults:
            raise NotAllowedError("\n".join(fault.message for fault in faults), hint=faults[0].hint)

    def cells(self, scene: Scene) -> list[Cell]:
        """Return the cells that it may write."""
        return [(*scene.cell(self._setting())[:2], EVERY)]

    def _wanted(self, value: Any) -> list[str]:
        return texts([] if value is None else value)

    def _stored(self, scene: Scene) -> list[str]:
        record = scene.snapshot.record(*scene.cell(self._setting())[:2])
        props = record.props if record is not None else {}
        return [name for name, value in props.items() if value == self.value]

    def _setting(self, entry: str = "") -> Setting:
        return Setting(self.database, self.key, entry)


def _at_line(error: RefusedError, line: int, entry: str) -> EsmithError:
    """Return a refusal of one entry, with its line."""
    text = error.message if error.message[:1] in "'\"" else f"{shorten(entry)!r} {error.message}"
    return NotAllowedError(f"line {line}: {text}", hint=error.hint)
