"""Which cells of the databases a form may write: what two administrators must not both change unseen."""

from __future__ import annotations

from esmith.panels.field import EVERY, Scene

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.panels.model import Panel
    from esmith.panels.setting import Cell
    from esmith.schema.load import Schema
    from esmith.store.protocol import Snapshot


def cells_of(
    panel: Panel, schema: Schema, snapshot: Snapshot, key: str | None, names: Iterable[str]
) -> dict[str, list[Cell]]:
    """Return the cells that fields may write, by the name of the field.

    :param key: the record that the form is of, None for a form of settings.
    :param names: the fields; those that the panel does not have are left out.
    :return: ``*`` as the key or the property of a cell stands for every one: of lists, what others add counts, too.
        :func:`covers` compares.
    """
    scene = Scene(panel.records, schema, snapshot, key)
    fields = ((name, panel.field(name)) for name in names)
    return {name: field.cells(scene) for name, field in fields if field is not None}


def covers(cells: Iterable[Cell], changed: Cell) -> bool:
    """Return whether a cell that was changed is one of these.

    A change of the type of a record that a field writes counts as well: the record was made, or is gone.
    """
    database, key, prop = changed
    return any(
        one[0] == database and one[1] in (EVERY, key) and (one[2] in (EVERY, prop) or (prop == "" and one[1] == key))
        for one in cells
    )
