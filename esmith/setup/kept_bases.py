"""What overrides were made from, as one text for a backup, and taking that over on the machine that it is restored on.

The texts themselves are in it: the other machine may have shipped files of another version.
"""

from __future__ import annotations

import json
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable
from typing import Any

from esmith.disk import read_file
from esmith.fields import dataclass, field
from esmith.fragments.tree import BEGIN, END
from esmith.layout import LAYERS, Layout
from esmith.setup.bases import Base, Bases

#: The layers of the administrator, each with the shipped one behind it, below ``/etc/e-smith``.
_LAYERS = {LAYERS[0]: LAYERS[1], "services-custom": "services"}
_CONFIGURATION = "/etc/e-smith"
#: So much is kept at most, in bytes; nobody has shipped files of that size.
_MOST = 2**24
_LONGEST_VERSION = 100


@dataclass
class KeptBases:
    """What a text of :func:`bases_text` says.

    :param overrides: the bases of overrides, by their paths below ``/etc/e-smith``.
    :param earlier: earlier texts of shipped files, by likewise paths, the newest first.
    """

    overrides: dict[str, Base] = field(default_factory=dict)
    earlier: dict[str, list[Base]] = field(default_factory=dict)


def bases_text(layout: Layout, names: Iterable[str]) -> bytes:
    """Return what is known of the bases of overrides, as :func:`read_bases` reads it.

    :param names: the overrides, as paths below ``/etc/e-smith``; others have none.
    """
    bases = Bases(layout)
    overrides: dict[str, list[Any]] = {}
    earlier: dict[str, list[list[Any]]] = {}
    size = 0
    for name in names:
        layer, _, inner = name.partition("/")
        if layer not in _LAYERS:
            continue
        base = bases.find(name) if bases.knows(name) else _base_of_new(layout, bases, name)
        older = bases.earlier(f"{_LAYERS[layer]}/{inner}") if base is None or base.probable else []
        size += sum(len(one.text or b"") for one in [*([base] if base else []), *older])
        if size > _MOST:
            break
        if base is not None:
            overrides[name] = _row(base)
        if older:
            earlier[f"{_LAYERS[layer]}/{inner}"] = [_row(one) for one in older]
    return json.dumps({"overrides": overrides, "earlier": earlier}, indent=0, sort_keys=True).encode() + b"\n"


def _base_of_new(layout: Layout, bases: Bases, name: str) -> Base | None:
    """Return the base of an override that came since the shipped files were installed, None where that is not sure."""
    layer, _, inner = name.partition("/")
    path, shipped = (layout.under(f"{_CONFIGURATION}/{one}/{inner}") for one in (layer, _LAYERS[layer]))
    try:
        is_new = bases.is_known and os.lstat(path).st_mtime >= bases.installed_at
        if not is_new or os.path.basename(inner) in (BEGIN, END) or os.path.isfile(os.path.dirname(shipped)):
            return None
        if not os.path.lexists(shipped):
            return Base(None, version=bases.version)
        is_file = stat.S_ISREG(os.lstat(shipped).st_mode)
        return Base(read_file(shipped), version=bases.version) if is_file else None
    except OSError:
        return None


def _row(base: Base) -> list[Any]:
    return [None if base.text is None else b64encode(base.text).decode(), base.version, base.probable]


def read_bases(text: bytes) -> KeptBases:
    """Return what a text says.

    :raises ValueError: when :func:`bases_text` has not made it.
    """
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(data, dict) or data.keys() != {"overrides", "earlier"}:
        raise ValueError("it has other tables")
    overrides, earlier = data["overrides"], data["earlier"]
    if not isinstance(overrides, dict) or not isinstance(earlier, dict):
        raise ValueError("it has something else in the place of a table")
    for path in [*overrides, *earlier]:
        layers = _LAYERS if path in overrides else _LAYERS.values()
        if path.partition("/")[0] not in layers or os.path.normpath(path) != path or "\0" in path or "/" not in path:
            raise ValueError("it has something else in the place of a path")
    if not all(isinstance(rows, list) for rows in earlier.values()):
        raise ValueError("it has something else in the place of rows")
    return KeptBases(
        {name: _base_in(row) for name, row in overrides.items()},
        {path: [_base_in(row) for row in rows] for path, rows in earlier.items()},
    )


def _base_in(row: Any) -> Base:
    if not isinstance(row, list) or len(row) != 3:
        raise ValueError("it has something else in the place of a row")
    text, version, probable = row
    is_text = text is None or (isinstance(text, str) and text.isascii())
    is_version = isinstance(version, str) and len(version) <= _LONGEST_VERSION and version.isprintable()
    if not (is_text and is_version and isinstance(probable, bool)):
        raise ValueError("it has something else in a row")
    return Base(None if text is None else b64decode(text, validate=True), probable, version)


def take_over(bases: Bases, kept: KeptBases, there: Collection[str], replaced: Collection[str]) -> None:
    """Have overrides that are restored be known as what they were made from.

    :param bases: what is known on this machine; it is changed, and not written.
    :param kept: what a backup says; nothing for one that says nothing.
    :param there: all overrides of the backup, as paths below ``/etc/e-smith``.
    :param replaced: the overrides that the restore makes, replaces or removes: what was known is about other files.
    """
    for name in replaced:
        bases.forget(name)
    for name in there:
        if name in kept.overrides:
            bases.record(name, kept.overrides[name])
    for path, rows in kept.earlier.items():
        bases.add_earlier(path, rows)
