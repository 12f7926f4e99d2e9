"""Reading panel files: ``panels/GROUP/NAME.toml``, and before these ``panels-custom/GROUP/NAME.toml``."""

from __future__ import annotations

import os

from esmith.errors import EsmithError
from esmith.expressions import expression
from esmith.names import is_leftover, leads_to_directory, nearest
from esmith.panels.build import build_panel
from esmith.panels.model import GROUPS, Panel, Panels
from esmith.panels.setting import NoSuchPanelError, PanelError
from esmith.tables import TomlFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.layout import Layout
    from esmith.schema.load import Schema

#: A name of a panel is a part of addresses.
_NAME = expression(r"[a-z0-9][a-z0-9-]*")
_ENDING = ".toml"


def load_panels(layout: Layout, schema: Schema) -> Panels:
    """Read the panels of a root. What is wrong with one stops no other.

    :param schema: what is known of the settings that they name.
    """
    found: dict[str, Panel] = {}
    faults: list[EsmithError] = []
    paths: dict[str, str] = {}
    for directory in _layers(layout):
        for name, path in _files(layout, directory, faults):
            paths.setdefault(name, path)
    events = _events(layout)
    for name, path in paths.items():
        try:
            found[name] = _read(layout, schema, name, path, events)
        except EsmithError as error:
            faults.append(error)
    groups = list(GROUPS)
    order = sorted(found.values(), key=lambda one: (groups.index(one.group), one.order, one.id))
    return Panels({panel.id: panel for panel in order}, sorted(faults, key=lambda fault: fault.place))


def load_panel(layout: Layout, schema: Schema, id: str) -> Panel:
    """Read one panel.

    :param id: group and name, as ``configuration/email``.
    :raises NoSuchPanelError: when there is none.
    :raises PanelError: when its file is broken.
    :raises EsmithError: when its file, or a schema file, is not in the hands of its owners alone, or the latter broken.
    """
    group, _, name = id.partition("/")
    if group in GROUPS and _NAME.fullmatch(name):
        for directory in _layers(layout):
            path = os.path.join(directory, group, name + _ENDING)
            if os.path.lexists(path):
                return _read(layout, schema, id, path, _events(layout))
    raise NoSuchPanelError("there is no such page", place=id)


def _layers(layout: Layout) -> tuple[str, str]:
    """Return the directories that a panel may come from, nearest first."""
    return layout.panels_custom, layout.panels


def _files(layout: Layout, directory: str, faults: list[EsmithError]) -> Iterator[tuple[str, str]]:
    """Yield the panels in one layer, as their ids and files."""
    for group in _names(layout, directory, faults):
        path = os.path.join(directory, group)
        if not os.path.isdir(path):
            continue
        if group not in GROUPS:
            faults.append(_unknown_group(path, group))
            continue
        for name in _names(layout, path, faults):
            file = os.path.join(path, name)
            base = name.removesuffix(_ENDING)
            if base == name or os.path.isdir(file):
                continue
            if not _NAME.fullmatch(base):
                hint = "use letters a to z, digits and '-'"
                faults.append(PanelError("a page cannot have this name", place=file, hint=hint))
                continue
            yield f"{group}/{base}", file


def _unknown_group(path: str, group: str) -> PanelError:
    close = nearest(group, GROUPS)
    hint = f"did you mean {close!r}?" if close else f"the groups are {', '.join(GROUPS)}"
    return PanelError("there is no such group of pages", place=path, hint=hint)


def _names(layout: Layout, directory: str, faults: list[EsmithError]) -> list[str]:
    """Return what is in a directory and counts, sorted; nothing where it may not be believed."""
    try:
        layout.trust.require(directory)
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except EsmithError as error:
        faults.append(error)
        return []
    except OSError as error:
        faults.append(PanelError(f"cannot be read: {error.strerror}", place=directory, hint="run it as root"))
        return []
    return sorted(name for name in names if name[0] != "." and not is_leftover(name))


def _read(layout: Layout, schema: Schema, id: str, path: str, events: frozenset[str]) -> Panel:
    layout.trust.require(path)
    try:
        file = TomlFile(path, PanelError)
    except OSError as error:
        raise PanelError(f"cannot be read: {error.strerror}", place=path, hint="put it there again") from error
    return build_panel(file, schema, id, events)


def _events(layout: Layout) -> frozenset[str]:
    """Return the names of the events of a root."""
    if not os.path.isdir(layout.events):
        return frozenset()
    with os.scandir(layout.events) as entries:
        return frozenset(entry.name for entry in entries if leads_to_directory(entry) and entry.name[0] != ".")
