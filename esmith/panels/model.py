"""What a panel file says, as objects: a panel has sections, these have fields, and each field stands for settings."""

from __future__ import annotations

from esmith.fields import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.errors import EsmithError
    from esmith.panels.field import Field
    from esmith.panels.records import Records

#: The groups of pages in order, each with its heading: the five of SME Server.
GROUPS = {
    "collaboration": "Collaboration",
    "administration": "Administration",
    "security": "Security",
    "configuration": "Configuration",
    "miscellaneous": "Miscellaneous",
}


@dataclass(frozen=True)
class Section:
    """A part of a form.

    :param name: its name in addresses.
    """

    name: str
    heading: str
    help: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Panel:
    """One page of the server-manager.

    :param id: group and name, as ``configuration/email``.
    :param event: the event after a change of settings; "" for none.
    :param words: more words to find it by.
    :param reaches_panel: records that decide how the server-manager itself is reached, as "DATABASE KEY", or
        "DATABASE" for all of its records.
    :param records: None for a form of settings.
    :param path: its file on this disk.
    """

    id: str
    heading: str
    help: str
    order: float
    event: str
    words: tuple[str, ...]
    reaches_panel: tuple[str, ...]
    sections: tuple[Section, ...]
    records: Records | None
    path: str

    @property
    def group(self) -> str:
        """The group it is in."""
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        """Its name in the group."""
        return self.id.partition("/")[2]

    @property
    def kind(self) -> str:
        """What it is: ``form``, or ``records`` for a list of records."""
        return "form" if self.records is None else "records"

    def fields(self) -> Iterator[Field]:
        """Yield the fields of all sections that hold a value."""
        for section in self.sections:
            yield from (one for one in section.fields if one.name)

    def field(self, name: str) -> Field | None:
        """Return a field, None when there is none of that name."""
        return next((one for one in self.fields() if one.name == name), None)

    def events(self) -> set[str]:
        """Return every event that it may signal."""
        records = self.records
        if records is None:
            return {self.event} - {""}
        found = {records.modify, *records.modify_of.values(), *(action.event for action in records.actions)}
        found |= {one.event for one in (records.create, records.delete) if one is not None}
        return found - {""}


@dataclass(frozen=True)
class Panels:
    """All pages of a root.

    :param panels: those that are in order, by their id, in the order of the navigation.
    :param faults: why the others are missing.
    """

    panels: dict[str, Panel] = field(default_factory=dict)
    faults: list[EsmithError] = field(default_factory=list)
