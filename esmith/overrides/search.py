"""Finding the overrides of a root, and saying what has become of each."""

from __future__ import annotations

import os
import re
import tomllib
from functools import cached_property

from esmith.errors import EsmithError, TemplateError
from esmith.events.affected import TemplateUse
from esmith.events.definition import event_names, load_event
from esmith.fragments.tree import BEGIN, END, METADATA, TemplateTree
from esmith.layout import LAYERS, Layout
from esmith.names import nearest
from esmith.overrides.bases import Bases
from esmith.overrides.edited import find_edited
from esmith.overrides.merge import count_differences, likeness, lines_of, merge
from esmith.overrides.model import ADDS, DEAD, MASKS, NEEDLESS, OUTDATED, REPLACES, Base, Override
from esmith.overrides.places import CONFIGURATION, CUSTOM, Places, counts
from esmith.store.protocol import Snapshot

#: What is inherited by the templates below.
_OF_ALL_BELOW = (BEGIN, END, METADATA)


def find(layout: Layout, snapshot: Snapshot | None = None) -> list[Override]:
    """Return the overrides of a root, sorted by their paths, and then the shipped files that were edited.

    :param snapshot: the databases, by which also templates are known that are only expanded inside others; without
        them such a template counts when it is shipped.
    :raises UntrustedError: when a layer is not in the hands of its owners alone.
    :raises TemplateError: when a file cannot be read.
    """
    return Search(layout, snapshot).all()


class Search:
    """Looks at the overrides of one root.

    :param layout: the root.
    :param snapshot: as for :func:`find`.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot | None = None) -> None:
        self.places = Places(layout)
        self.bases = Bases(layout)
        self._layout = layout
        self._snapshot = snapshot

    def all(self) -> list[Override]:
        """Return all of them."""
        return [*(self.one(name) for name in self.names), *self.edited]

    @cached_property
    def edited(self) -> list[Override]:
        """The shipped files that were edited in their place."""
        return find_edited(self.places)

    @cached_property
    def names(self) -> list[str]:
        """The files of the custom layers, as paths below ``/etc/e-smith``."""
        return list(self.places.names())

    def one(self, name: str) -> Override:
        """Return one of them."""
        text, unreadable = self._text_of(name)
        shipped_path = self.places.shipped_path(name)
        shipped = self.places.shipped_text(shipped_path)
        base = self.base_of(name, text or b"", shipped_path, shipped)
        does = ADDS if shipped is None else REPLACES if text else MASKS
        state, reason = does, ""
        if dead := self.why_dead(name, is_file=text is not None) or unreadable:
            state, reason = DEAD, dead
        elif text is not None:
            state, reason = _judged(name, text, shipped, base) or (does, "")
        added, removed = count_differences(shipped or b"", text or b"")
        return Override(
            name,
            f"{CONFIGURATION}/{name}",
            does,
            state,
            reason,
            added,
            removed,
            text or b"",
            shipped,
            base,
            f"{CONFIGURATION}/{shipped_path}" if shipped_path else "",
        )

    def _text_of(self, name: str) -> tuple[bytes | None, str]:
        """Return what an override holds, and why that is not known."""
        try:
            text = self.places.text_of(name)
        except TemplateError as error:
            return None, error.message
        return text, "" if text is not None else "is a link that leads nowhere"

    def base_of(self, name: str, text: bytes, shipped_path: str, shipped: bytes | None) -> Base:
        """Return the base of an override: what was recorded, else the closest text that is known.

        :param text: what it holds.
        :param shipped_path: what is shipped at its place now.
        """
        recorded = self.bases.find(name)
        if recorded is not None:
            return recorded
        layer, _, inner = name.partition("/")
        now = Base(shipped, version=self.bases.version)
        if not os.path.lexists(self.places.disk_path(name)):
            return now
        earlier = self.bases.earlier(shipped_path or f"{CUSTOM[layer]}/{inner}")
        known = [now, *earlier] if shipped is not None else earlier
        # The newest of those that are alike.
        closest = max(known, key=lambda one: likeness(one.text or b"", text), default=now) if text else now
        is_from_here = self.bases.is_known and self.places.modified(name) >= self.bases.installed_at
        return Base(closest.text, shipped is not None and not (closest is now and is_from_here), closest.version)

    def why_dead(self, name: str, *, is_file: bool) -> str:
        """Return why nothing reads a file, "" when something may."""
        if not counts(name):
            return "an editor or a package left it; files of such a name do not count"
        if not is_file and not os.path.islink(self.places.disk_path(name)):
            return "is no regular file"
        layer, _, inner = name.partition("/")
        return self._why_unread_service(inner) if layer != LAYERS[0] else self._why_unread(f"/{inner}")

    def _why_unread_service(self, inner: str) -> str:
        service, _, rest = inner.partition("/")
        if not rest or self.places.shipped_path(f"services-custom/{inner}"):
            return ""
        directories = [f"{layer}/{service}" for layer in ("services", "services-custom")]
        if not any(
            os.path.isfile(self.places.disk_path(f"{one}/{name}")) for one in directories for name in _OF_SERVICE
        ):
            return f"there is no service {service}: no run script and no service.toml"
        return ""

    def _why_unread(self, path: str) -> str:
        """Return why no template has a file of ``templates-custom``, "" when one has.

        :param path: its path below the layer.
        """
        directory, name = os.path.split(path)
        if name in _OF_ALL_BELOW:
            place = directory.rstrip("/")
            if any(f"{template}/".startswith(f"{place}/") for template in self._templates) or self._is_shipped(place):
                return ""
        elif path in self._templates or self._is_template(directory):
            return ""
        if os.path.realpath(self.places.disk_path(LAYERS[0] + path)) in self._targets:
            return ""
        outer = directory
        while (outer := os.path.dirname(outer)) != "/":
            if self._is_template(outer):
                return f"a directory too deep: the fragments of {outer} are right in it"
        return f"no event and no shipped template reads {path if name not in _OF_ALL_BELOW else directory}"

    def template_near(self, name: str) -> str:
        """Return the template that somebody may have meant by a fragment that nothing reads, "" when none is close.

        :param name: the path of the fragment below ``/etc/e-smith``.
        """
        layer, _, inner = name.partition("/")
        if layer != LAYERS[0]:
            return ""
        path = f"/{inner}"
        for one in (os.path.dirname(path), path):
            # One template makes the files of all users; of several the one that says most about the path.
            making = [template for template in self._templates if _makes(template, one)]
            if making:
                return max(making, key=lambda template: (len(re.sub(_KEY, "", template)), template))
        close = nearest(os.path.dirname(path), sorted(self._templates)) or nearest(path, sorted(self._templates))
        return close or ""

    def _is_template(self, directory: str) -> bool:
        return directory in self._templates or (directory != "/" and self._holds_fragments(directory))

    def _is_shipped(self, path: str) -> bool:
        return os.path.exists(self._layout.layer(LAYERS[1]) + path)

    def _holds_fragments(self, path: str) -> bool:
        """Return whether a shipped directory is a template: files that are templates of their own make none."""
        place = self._layout.layer(LAYERS[1]) + path
        return os.path.isdir(place) and any(
            entry.is_file() and entry.name not in _OF_ALL_BELOW and f"{path}/{entry.name}" not in self._templates
            for entry in os.scandir(place)
        )

    @cached_property
    def _templates(self) -> frozenset[str]:
        """The templates that events name, and that are expanded inside others or were expanded before."""
        if self._snapshot is not None:
            return frozenset(TemplateUse.of(self._layout, self._snapshot).all)
        tree = TemplateTree(self._layout)
        found: set[str] = set()
        for event in event_names(self._layout):
            try:
                found.update(load_event(self._layout, event, tree).templates)
            except EsmithError:
                continue
        return frozenset(found)

    @cached_property
    def _targets(self) -> frozenset[str]:
        """What links in ``templates-custom`` lead to: it may be there for that alone (docs/page.md, block 69)."""
        links = (self.places.disk_path(name) for name in self.names if name.startswith(f"{LAYERS[0]}/"))
        found = set()
        for link in links:
            if os.path.islink(link):
                target = os.path.join(os.path.dirname(link), os.readlink(link))
                found |= {os.path.realpath(target), os.path.realpath(self._layout.under(os.readlink(link)))}
        return frozenset(found)


_OF_SERVICE = ("run", "service.toml")
#: What stands in the path of a template for a part of the names of the files it makes.
_KEY = r"\{[^/{}]*\}"


def _makes(template: str, path: str) -> bool:
    """Return whether a template with a name to fill in makes the file of a path."""
    parts = re.split(_KEY, template)
    return len(parts) > 1 and re.fullmatch("[^/]+".join(map(re.escape, parts)), path) is not None


def _judged(name: str, text: bytes, shipped: bytes | None, base: Base) -> tuple[str, str] | None:
    """Return whether an override is outdated or needless, with the reason; None when it is neither."""
    if shipped is None:
        if not text and base.text:
            # The lines may be in a shipped file of another name by now, and then are back in the generated file.
            return OUTDATED, "what it masks is not shipped any more; look whether its lines are in another fragment now"
        if not text:
            return NEEDLESS, "is empty, and nothing is shipped in its place"
        if base.text is not None:
            return OUTDATED, "what it was made from is not shipped any more"
        return None
    if text == shipped:
        return NEEDLESS, "is the same as the shipped one"
    if base.text is None:
        return OUTDATED, "a file of this name is shipped now; there was none when it was made"
    # It counts key by key, those of services also in their tables: only what it says itself can be outdated.
    deep = not name.startswith(f"{LAYERS[0]}/")
    keys = _keys(text, deep=deep) if name.endswith(".toml") else None
    if keys is not None:
        new, old = _keys(shipped, deep=deep) or {}, _keys(base.text, deep=deep) or {}
        if keys and all(new.get(key) == value for key, value in keys.items()):
            return NEEDLESS, "each of its keys is the same in the shipped one"
        if all(new.get(key) == old.get(key) for key in keys):
            return None
    if includes_change(base.text, shipped, text):
        return None
    return OUTDATED, "the shipped one has changed since it was made"


def includes_change(base: bytes, shipped: bytes, mine: bytes) -> bool:
    """Return whether a text has in it already what changed in the shipped one."""
    if base == shipped or merge(base, shipped, mine).text == mine:
        return True
    # Beside a line that he changed himself both would seem to have changed it.
    before, after, there = (set(lines_of(text)) for text in (base, shipped, mine))
    return bool(after - before) and after - before <= there and not (before - after) & there


def _keys(text: bytes, *, deep: bool) -> dict[str, object] | None:
    """Return the keys of a file of TOML, None where it is none.

    :param deep: whether the keys of tables are returned in the place of the tables.
    """
    try:
        found: dict[str, object] = tomllib.loads(text.decode())
    except ValueError:
        return None
    for name, value in list(found.items()) if deep else []:
        if isinstance(value, dict):
            del found[name]
            found |= {f"{name}.{key}": inner for key, inner in value.items()}
    return found
