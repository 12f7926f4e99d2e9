"""A member of a fleet as plain dicts: layers, marks and settings, in the simplest way."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Database, key, property; "" for the type.
Cell = tuple[str, str, str]
Cells = dict[Cell, str]
#: Layer, database, key, property and value; None deletes.
Change = tuple[str, str, str, str, str | None]
#: The name of a method of a transaction, and its words.
Step = tuple[str, tuple[str, ...]]
#: What is of a host by its name.
SECRET = "DbPassword"


def is_host(cell: Cell) -> bool:
    """Return whether a cell is of one host, in a root without schema files."""
    return cell[2] == SECRET


def stepped(cells: Cells, steps: list[Step]) -> tuple[Cells, dict[Cell, str | None]]:
    """Return what settings are after steps, and what the steps assigned; a property without a record is left out."""
    now, assigned = dict(cells), dict[Cell, str | None]()
    for name, (database, key, *words) in steps:
        record = {cell: value for cell, value in now.items() if cell[:2] == (database, key)}
        new: dict[Cell, str | None] = {}
        if name in ("set_record", "set_records", "delete_record"):
            new = dict.fromkeys(record)
        if name == "delete_record":
            new[database, key, ""] = None
        elif name == "delete_prop":
            new[database, key, words[0]] = None
        elif name == "set_prop":
            new |= {(database, key, words[0]): words[1]} if record else {}
        else:
            new[database, key, ""] = words[0]
            new |= {(database, key, prop): value for prop, value in zip(words[1::2], words[2::2], strict=True)}
        assigned |= new
        now |= {cell: value for cell, value in new.items() if value is not None}
        now = {cell: value for cell, value in now.items() if new.get(cell, "") is not None}
    return now, assigned


@dataclass
class Model:
    """A member.

    :param groups: its groups, the nearest first.
    :param cells: the settings that count.
    :param layers: what each layer has.
    :param marks: the cells that have a value of this host, with the kind of their mark.
    """

    groups: list[str]
    cells: Cells = field(default_factory=dict)
    layers: dict[str, Cells] = field(default_factory=dict)
    marks: dict[Cell, str] = field(default_factory=dict)

    def copy(self) -> Model:
        """Return a copy."""
        layers = {layer: dict(cells) for layer, cells in self.layers.items()}
        return Model(list(self.groups), dict(self.cells), layers, dict(self.marks))

    def source(self, cell: Cell) -> str | None:
        """Return the layer that has a cell for this host, the nearest."""
        names = [f"group:{group}" for group in self.groups] + ["fleet"]
        return next((name for name in names if cell in self.layers.get(name, {})), None)

    def given(self) -> Cells:
        """Return what the layers have for this host."""
        every = {cell for cells in self.layers.values() for cell in cells if not is_host(cell)}
        found = {cell: self.source(cell) for cell in every}
        return {cell: self.layers[layer][cell] for cell, layer in found.items() if layer is not None}

    def apply(self, changes: list[Change]) -> None:
        """Apply a changeset."""
        for layer, database, key, prop, value in changes:
            before, cells = self.given(), self.layers.setdefault(layer, {})
            if value is not None:
                cells[database, key, prop] = value
            elif prop:
                cells.pop((database, key, prop), None)
            else:
                self.layers[layer] = {cell: text for cell, text in cells.items() if cell[:2] != (database, key)}
            self._lose(before)
        self.show()

    def regroup(self, groups: list[str]) -> None:
        """Be in other groups."""
        before, self.groups = self.given(), groups
        self._lose(before)
        self.show()

    def show(self) -> None:
        """Have what the layers say, where this host has nothing of its own before them."""
        given = self.given()
        for wanted in ({cell: given[cell] for cell in given if not cell[2]}, given):
            for cell, value in wanted.items():
                if cell not in self.marks and (not cell[2] or (*cell[:2], "") in self.cells):
                    self.cells[cell] = value

    def drop(self, marked: list[Cell]) -> None:
        """Give values of this host up."""
        for cell in marked:
            if cell in self.marks:
                gone = [cell] if cell[2] else [one for one in self.marks if one[:2] == cell[:2]]
                for one in gone:
                    del self.marks[one]
                self._lose(self.given() | dict.fromkeys(gone, ""))
        self.show()

    def _lose(self, before: Cells) -> None:
        """Drop what layers had and do not have any more."""
        for cell in before.keys() - self.given().keys() - self.marks.keys():
            self.cells.pop(cell, None)
            if not cell[2]:
                self.forget(cell)

    def forget(self, record: Cell) -> None:
        """Drop a record with its marks."""
        self.cells = {cell: value for cell, value in self.cells.items() if cell[:2] != record[:2]}
        self.marks = {cell: kind for cell, kind in self.marks.items() if cell[:2] != record[:2]}
