"""Which overrides somebody means by a path."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from esmith.errors import UsageError
from esmith.layout import LAYERS, Layout
from esmith.names import nearest
from esmith.overrides.model import Override
from esmith.overrides.places import CONFIGURATION, CUSTOM
from esmith.overrides.search import Search
from esmith.printable import printable


def find_named(search: Search, paths: Sequence[str]) -> list[Override]:
    """Return the overrides at some paths and below them; all of them where no path is given.

    :raises UsageError: when there is none at a path.
    """
    if not paths:
        return search.all()
    wanted: set[str] = set()
    # A shipped file is named as the override would be that it should have been.
    edited = {below_configuration(search.places.layout, one.path): one for one in search.edited}
    for path in paths:
        start = below_configuration(search.places.layout, path)
        found = {name for name in (*search.names, *edited) if f"{name}/".startswith(f"{start.rstrip('/')}/")}
        if not found:
            raise _none(search, path, start)
        wanted |= found
    own = [search.one(name) for name in search.names if name in wanted]
    return [*own, *(one for name, one in edited.items() if name in wanted)]


def name_of(layout: Layout, search: Search, path: str) -> str:
    """Return the one override at a path, as a path below ``/etc/e-smith``.

    :raises UsageError: when there is none, or there are several.
    """
    start = below_configuration(layout, path)
    if start in search.names:
        return start
    found = [name for name in search.names if name.startswith(f"{start.rstrip('/')}/")]
    if not found:
        raise _none(search, path, start)
    if len(found) > 1:
        raise UsageError(
            f"there are {len(found)} overrides in {path}", hint=f"name one of them: {CONFIGURATION}/{found[0]}"
        )
    return found[0]


def one_named(layout: Layout, search: Search, path: str) -> Override:
    """Return the one override at a path, or the shipped file there that was edited.

    :raises UsageError: when there is none, or there are several.
    """
    at_its_path = {one.path: one for one in search.edited}
    clean = os.path.normpath("/" + path.lstrip("/"))
    for form in (clean, layout.inside(clean)):
        if form in at_its_path:
            return at_its_path[form]
    start = below_configuration(layout, path)
    if not any(f"{name}/".startswith(f"{start.rstrip('/')}/") for name in search.names):
        below = [one for one in search.edited if f"{below_configuration(layout, one.path)}/".startswith(f"{start}/")]
        if len(below) > 1:
            raise UsageError(f"{len(below)} shipped files were edited in {path}", hint=f"name one: {below[0].path}")
        if below:
            return below[0]
    return search.one(name_of(layout, search, path))


def below_configuration(layout: Layout, path: str) -> str:
    """Return the path below ``/etc/e-smith`` that somebody means.

    :param path: a path in a custom layer, as the configured system or this disk has it, or from the working directory;
        a template, or one of its fragments; a service in ``services-custom/NAME``.
    """
    relative = os.path.normpath(path)
    if relative.partition("/")[0] in CUSTOM:
        return relative
    if not path.startswith("/") and os.path.lexists(path):
        path = os.path.abspath(path)
    clean = os.path.normpath("/" + path.lstrip("/"))
    for form in (clean, layout.inside(clean)):
        for layer, shipped in CUSTOM.items():
            for start in (layer, shipped):
                place = f"{CONFIGURATION}/{start}"
                if form == place or form.startswith(f"{place}/"):
                    return layer + form.removeprefix(place)
    return LAYERS[0] + (layout.inside(clean) if clean.startswith(f"{layout.root}/") else clean)


def known_near(start: str, names: Sequence[str]) -> str:
    """Return the file or directory that somebody may have meant, "" when none is close.

    :param start: what he named, as a path below ``/etc/e-smith``; also the mere name of a file.
    :param names: the files that there are, as such paths.
    """
    above, base = os.path.split(start)
    if close := nearest(base, [os.path.basename(name) for name in names if os.path.dirname(name) == above]):
        return f"{above}/{close}"
    if above in CUSTOM:
        by_base = {os.path.basename(name): name for name in names}
        if found := base if base in by_base else nearest(base, by_base):
            return by_base[found]
    directories = {part for name in names for part in _above(name)}
    return nearest(start, [*names, *sorted(directories)]) or ""


def _above(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:place]) for place in range(2, len(parts))]


def _none(search: Search, path: str, start: str) -> UsageError:
    hint = "esmith overrides lists all of them"
    shipped = search.places.shipped_path(start) if start.partition("/")[0] in CUSTOM else ""
    if shipped and os.path.isfile(search.places.disk_path(shipped)):
        words = [f"/{os.path.dirname(start).partition('/')[2]}", os.path.basename(start)]
        words = words if start.startswith(f"{LAYERS[0]}/") else [start]
        hint = f"the shipped one is in use; to make one of your own: esmith overrides edit {shlex.join(words)}"
    elif close := known_near(start, search.names):
        hint = f"did you mean {printable(f'{CONFIGURATION}/{close}')}?"
    return UsageError(f"there is no override at {path}", hint=hint)
