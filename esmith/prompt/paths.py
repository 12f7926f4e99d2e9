"""What may come next of a path: files that are made, files of the administrator, fragments; a directory at a time."""

from __future__ import annotations

import os

from esmith.layout import DRAFTS, LAYERS
from esmith.names import is_leftover

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from esmith.layout import Layout

#: Where the layers are, and those of the administrator.
_CONFIGURATION = "/etc/e-smith"
_OWN_LAYERS = (LAYERS[0], "services-custom")
#: What 'esmith init' writes into the layer of the administrator.
_README = f"{LAYERS[0]}/README.md"


def generated_files(layout: Layout, installed: Iterable[str], prefix: str) -> Iterator[str]:
    """Yield the files that events write and those that have a custom template.

    :param installed: the files that events write.
    :param prefix: what is typed of the path.
    """
    return _part_by_part(prefix, _templates(layout, installed))


def overrides(layout: Layout, installed: Iterable[str], operands: Sequence[str | None], prefix: str) -> Iterator[str]:
    """Yield what may follow ``esmith overrides``: files of the administrator; with ``edit`` also what he may copy.

    :param operands: those before.
    """
    action, *others = operands or [""]
    if action != "edit":
        return _part_by_part(prefix, _own_files(layout))
    if others:
        return (name for name in _fragments(layout, others[0] or "") if name.startswith(prefix))
    template = prefix.rpartition("/")[0]
    inside = (f"{template}/{name}" for name in (_fragments(layout, template) if template else ()))
    return _part_by_part(prefix, [*_templates(layout, installed), *inside, *_own_files(layout)])


def _part_by_part(prefix: str, paths: Iterable[str]) -> Iterator[str]:
    length = len(prefix.rpartition("/")[0]) + 1
    for path in paths:
        if path.startswith(prefix) and len(path) > length:
            end = path.find("/", length)
            yield path if end < 0 else path[: end + 1]


def _templates(layout: Layout, installed: Iterable[str]) -> Iterator[str]:
    yield from installed
    # A template in templates-custom: a directory with files in it, or a single file.
    layer = layout.layer(LAYERS[0])
    for directory, folders, files in os.walk(layer):
        folders.sort()
        if files and directory != layer:
            yield directory.removeprefix(layer)


def _own_files(layout: Layout) -> Iterator[str]:
    """Yield the files in the layers of the administrator and the drafts of such files.

    One in templates-custom comes by the path of its template, and each by its own.
    """
    found = []
    top = layout.under(_CONFIGURATION)
    for begin in (top, *(os.path.join(layout.drafts, kind) for kind in DRAFTS)):
        for layer in _OWN_LAYERS:
            for directory, _, files in os.walk(os.path.join(begin, layer)):
                found += [os.path.relpath(os.path.join(directory, file), begin) for file in files]
    for name in sorted({*found} - {_README}):
        layer, _, inner = name.partition("/")
        if layer == LAYERS[0]:
            yield f"/{inner}"
        yield f"{_CONFIGURATION}/{name}"


def _fragments(layout: Layout, template: str) -> list[str]:
    """Return the names of the fragments of a template, shipped ones and others."""
    found: set[str] = set()
    for layer in LAYERS:
        directory = layout.layer(layer) + os.path.normpath(f"/{template.strip('/')}")
        if os.path.isdir(directory):
            found |= {entry.name for entry in os.scandir(directory) if not entry.is_dir()}
    return sorted(name for name in found if not is_leftover(name))
