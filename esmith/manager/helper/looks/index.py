"""What can be found in a root: pages of the panel and their fields, settings, records, and generated files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from heapq import nsmallest
from itertools import islice

from esmith.errors import EsmithError
from esmith.explain.wiki import mentions
from esmith.layout import Layout
from esmith.manager.helper.looks.found import Found, best, order
from esmith.names import counted
from esmith.panels.field import EVERY
from esmith.panels.load import load_panels
from esmith.panels.search import Place, find_records, make_index
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import all_reads_of
from esmith.schema.load import Schema
from esmith.schema.model import RecordSchema
from esmith.store.protocol import Snapshot

#: For how many files that fit their settings are looked for, and how many settings are shown of each.
_FILES, _SETTINGS_OF_A_FILE = 5, 25
_FILE_AFTER = 1.5
#: How many records are taken that fit.
_MOST_RECORDS = 200

Cell = tuple[str, str, str]


class Index:
    """What can be found in a root.

    :param layout: the root.
    :param snapshot: its databases.
    :param schema: what is known of the settings.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot, schema: Schema) -> None:
        self._layout = layout
        self._snapshot = snapshot
        self._schema = schema
        self._panels = load_panels(layout, schema)

    def search(self, words: list[str], most: int) -> list[Found]:
        """Return what fits all of some words, the best first.

        :param words: in small letters.
        :param most: how many.
        """
        pages = list(self._pages())
        settings = list(self._settings())
        of_pages = list(self._of_pages(words))
        listed = {(one.words, one.title) for one in of_pages}
        records = [one for one in self._records(words) if (one.target["database"], one.title) not in listed]
        ranked = best([*pages, *settings, *of_pages, *records], words)
        ranked += self._files(words, [*pages, *settings])
        ranked.sort(key=lambda pair: order(*pair))
        found = list({id(one): one for _, one in ranked}.values())
        # A setting that has a place on a page is shown once, there.
        shown = {cell for one in found if one.kind == "field" for cell in one.cells}
        kept = (one for one in found if one.kind != "setting" or not one.cells or not shown.issuperset(one.cells))
        return list(islice(kept, most))

    def _pages(self) -> Iterator[Found]:
        for place in make_index(self._panels, self._schema, self._snapshot, _manual):
            target = {"panel": place.panel, "section": place.section, "field": place.field}
            cells = [_cell(name) for name in place.settings]
            names = [place.label, place.field, *(prop or key for _, key, prop in cells)]
            section = "" if not place.field else f", {self._heading(place)}"
            where = place.panel.partition("/")[0] if place.label == place.heading else place.heading + section
            words = "\n".join(text for text, _ in place.texts)
            kind = "field" if place.field else "panel"
            if place.label:
                yield Found(kind, place.label, where.rstrip(", "), names, words, place.help, target, cells)

    def _heading(self, place: Place) -> str:
        sections = self._panels.panels[place.panel].sections
        return next((one.heading for one in sections if one.name == place.section), "")

    def _of_pages(self, words: list[str]) -> Iterator[Found]:
        """Yield the records that stand in the lists of pages."""
        for one in find_records(self._panels, self._snapshot, " ".join(words)):
            records = self._panels.panels[one["panel"]].records
            database = records.database if records is not None else ""
            target = {"panel": one["panel"], "key": one["key"]}
            yield Found("record", one["key"], one["heading"], [one["key"]], database, target=target)

    def _settings(self) -> Iterator[Found]:
        """Yield what the schema files have."""
        for database in self._schema.databases():
            for file in self._schema.files(database):
                yield from self._settings_of(database, file)

    def _settings_of(self, database: str, file: RecordSchema) -> Iterator[Found]:
        is_type = file.key.startswith("@")
        key = "" if is_type else file.key
        where = f"{database}, records of type {file.key[1:]}" if is_type else f"{database} {key}"
        target = {"database": database, "key": key}
        if file.value is not None or (not is_type and not file.properties):
            words = " ".join(block["about"] for block in mentions(database, file.key, ""))
            label = file.value.label if file.value is not None else ""
            cells = [] if is_type else [(database, key, "")]
            yield Found("setting", file.key, database, [file.key, label], words, file.help, target, cells)
        elif not is_type:
            yield Found("setting", key, database, [key], "", file.help, target)
        for prop in file.properties.values():
            if prop.name == "*" or prop.removed:
                continue
            about = " ".join(block["about"] for block in mentions(database, file.key, prop.name))
            cells = [(database, EVERY if is_type else key, prop.name)]
            names = [prop.name, *filter(None, [prop.label]), f"{key} {prop.name}", f"{where} {prop.name}"]
            words = f"{where} {about}"
            yield Found("setting", prop.name, where, names, words, prop.help, target, cells, prop.label)

    def _records(self, words: list[str]) -> Iterator[Found]:
        """Yield the records that no schema file is of, and what they hold that no schema file knows."""
        for database in self._snapshot.databases():
            needles = [word.encode() for word in words if word not in database]
            rows = (pair for block in self._snapshot.blocks(database) for pair in block if _names(*pair, needles))
            for key, row in islice(rows, _MOST_RECORDS):
                yield from self._records_of(database, key.decode(), row)

    def _records_of(self, database: str, key: str, row: bytes) -> Iterator[Found]:
        type, *fields = row[1:].rstrip(b"\n").decode().split("\0")
        target = {"database": database, "key": key}
        if self._schema.file(database, key) is None:
            where = f"{database}, {type}" if fields else database
            yield Found("setting", key, where, [key, f"{database} {key}"], target=target)
        known = self._schema.record(database, key, type)
        for name in fields[::2]:
            if known is None or name not in known.properties:
                cells = [(database, key, name)]
                names = [name, f"{key} {name}"]
                yield Found("setting", name, f"{database} {key}", names, f"{database} {key}", "", target, cells)

    def _files(self, words: list[str], known: list[Found]) -> Iterator[tuple[float, Found]]:
        """Yield the generated files that fit, each with the settings that it is made from."""
        paths = [path for path in OUTPUTS.names(self._snapshot) if all(word in path.lower() for word in words)]
        # There may be thousands for the users: the shortest of those whose own names fit are looked at.
        nearest = nsmallest(_FILES, paths, key=lambda path: (_is_elsewhere(path, words), len(path), path))
        files = [Found("file", path, "", [path, os.path.basename(path)]) for path in nearest]
        by_cell: dict[Cell, list[Found]] = {}
        for one in known:
            for cell in one.cells:
                by_cell.setdefault(cell, []).append(one)
        for fit, file in best(files, words):
            cells = self._made_from(file.title)
            file.detail = f"made from {counted(len(cells), 'setting')}" if cells else "a generated file"
            # A part of the name of a file is often a word that something else is called by.
            rank = fit + (_FILE_AFTER if fit else 0)
            yield rank, file
            every = [same for cell in sorted(cells) for same in (cell, (cell[0], EVERY, cell[2]))]
            found = [one for cell in every for one in by_cell.get(cell, [])]
            for one in islice({id(one): one for one in found}.values(), _SETTINGS_OF_A_FILE):
                yield rank + 0.5, one

    def _made_from(self, path: str) -> set[Cell]:
        """Return the settings that a file was made from, as the engine remembers it."""
        try:
            installed = OUTPUTS.get(self._snapshot, path)
            cells = all_reads_of(self._snapshot, installed) if installed is not None else None
        except EsmithError:
            return set()
        return cells or set()


def _names(key: bytes, row: bytes, needles: list[bytes]) -> bool:
    """Return whether all of some words are in the key of a record and the names of its properties; no value counts."""
    if not all(needle in key.lower() or needle in row.lower() for needle in needles):
        return False
    names = b"\0".join((key, *row.split(b"\0")[1::2])).lower()
    return all(needle in names for needle in needles)


def _is_elsewhere(path: str, words: list[str]) -> bool:
    """Return whether a word is only in the directories of a file, not in its name."""
    name = os.path.basename(path).lower()
    return not all(word in name for word in words)


def _manual(cell: Cell) -> list[str]:
    """Return what the manual says where it changes a setting."""
    return [block["about"] for block in mentions(*cell)]


def _cell(name: str) -> Cell:
    database, key, prop, *_ = [*name.split(" ", 2), "", ""]
    return database, key, prop
