"""What a transaction of each target does to a member, with plain dicts: what is sent, and what stays here."""

from __future__ import annotations

from tests.fleet.replica.model import Cell, Cells, Change, Model, Step, is_host, stepped

#: By cell: the value it is to have.
Wanted = dict[Cell, str | None]


def command(model: Model, target: str | None, steps: list[Step]) -> tuple[Model, list[Change]]:
    """Return what a member is after a transaction that the fleet accepts, and what is sent for it.

    :param model: it stays as it is.
    """
    new = model.copy()
    new.cells, assigned = stepped(model.cells, steps)
    every = {**model.cells, **new.cells}
    wanted: Wanted = {cell: new.cells.get(cell) for cell in every if model.cells.get(cell) != new.cells.get(cell)}
    if target:
        wanted |= assigned
    return finish(model.cells, new, target, wanted)


def finish(old: Cells, new: Model, target: str | None, wanted: Wanted) -> tuple[Model, list[Change]]:
    """Sort what is wanted of cells, and return what the member is then, and what is sent.

    :param old: the settings before.
    :param new: the member with the settings as the steps left them; it is changed.
    """
    deleted = {cell[:2] for cell, value in wanted.items() if not cell[2] and value is None}
    fresh = {cell[:2] for cell, value in wanted.items() if not cell[2] and value is not None and cell not in old}
    rest = {cell: value for cell, value in wanted.items() if cell[:2] not in deleted}
    sent: list[Change] = []
    if target is None:
        _by_engine(new, deleted, fresh, rest)
    elif target in ("host", "local"):
        _on_host(new, target, deleted, rest)
    else:
        sent = _shared(new, target, deleted, rest, fresh)
        if target:
            touched = {cell[:2] for cell in wanted}
            here = {cell: value for cell, value in rest.items() if is_host(cell)}
            new.cells = {cell: value for cell, value in new.cells.items() if cell[:2] not in touched}
            new.cells |= {cell: value for cell, value in old.items() if cell[:2] in touched}
            new.apply(sent)
            _put(new, here)
        else:
            new.apply(sent)
    new.show()
    return new, sent


def _put(new: Model, cells: Wanted) -> None:
    for cell, value in cells.items():
        if value is None:
            new.cells.pop(cell, None)
        elif (*cell[:2], "") in new.cells:
            new.cells[cell] = value


def _by_engine(new: Model, deleted: set[tuple[str, str]], fresh: set[tuple[str, str]], rest: Wanted) -> None:
    given = new.given()
    for record in deleted:
        new.forget((*record, ""))
        if (*record, "") in given:
            new.marks[*record, ""] = "host"
    for cell, value in rest.items():
        if is_host(cell):
            continue
        if given.get(cell) == value:
            new.marks.pop(cell, None)
        elif cell in given and (cell[:2] not in fresh or (*cell[:2], "") in given):
            new.marks.setdefault(cell, "host")


def _on_host(new: Model, target: str, deleted: set[tuple[str, str]], rest: Wanted) -> None:
    given = new.given()
    for record in deleted:
        new.forget((*record, ""))
        if target == "local" and (*record, "") in given:
            new.marks[*record, ""] = "local"
    for cell, value in rest.items():
        if is_host(cell):
            continue
        if value == given.get(cell) if target == "local" else value is None:
            new.marks.pop(cell, None)
        else:
            new.marks[cell] = new.marks.get(cell, "local") if target == "local" else "host"


def _shared(
    new: Model, target: str, deleted: set[tuple[str, str]], rest: Wanted, fresh: set[tuple[str, str]]
) -> list[Change]:
    sent: list[Change] = []
    for record in deleted:
        if not target:
            new.forget((*record, ""))
        has = {layer for layer, cells in new.layers.items() if any(cell[:2] == record for cell in cells)}
        sent += [(layer, *record, "", None) for layer in has if target in ("", layer)]
    whole = set()
    for cell, value in rest.items():
        if is_host(cell):
            continue
        layer = target or new.source(cell)
        if not target and (cell in new.marks or (layer is None and value is None)):
            if value == new.given().get(cell):
                new.marks.pop(cell, None)
            continue
        whole.add(cell[:2])
        sent.append((layer or "fleet", *cell, value))
    for record in whole - fresh:
        kind = (*record, "")
        if new.source(kind) is None and kind not in new.marks:
            now = {cell: value for cell, value in new.cells.items() if cell[:2] == record and cell not in rest}
            alone = {cell: now[cell] for cell in now if not is_host(cell) and cell not in new.marks}
            sent += [(target or "fleet", *cell, text) for cell, text in alone.items() if new.source(cell) is None]
    return [change for change in sent if not _is_so(new, change)]


def _is_so(new: Model, change: Change) -> bool:
    layer, database, key, prop, value = change
    has = new.layers.get(layer, {}).get((database, key, prop))
    return has == value and (prop != "" or value is not None)
