"""Finding the overrides of a root, and saying what has become of each."""

from __future__ import annotations

import os
import tomllib
from functools import cached_property

from esmith.errors import TemplateError
from esmith.fragments.tree import METADATA
from esmith.layout import LAYERS, Layout
from esmith.overrides.edited import find_edited
from esmith.overrides.merge import count_differences, likeness, lines_of, merge
from esmith.overrides.model import ADDS, DEAD, MASKS, NEEDLESS, OUTDATED, REPLACES, Override
from esmith.overrides.places import CONFIGURATION, CUSTOM, Places
from esmith.overrides.readers import Readers
from esmith.services.definition import SETTINGS
from esmith.setup.bases import Base, Bases
from esmith.store.protocol import Snapshot

#: The files that count key by key beside the shipped ones.
_KEY_BY_KEY = (METADATA, SETTINGS)
#: Of what counts though its name says otherwise; where it is known a copy of what.
_COPY = "looks like a copy{} that was left behind, and it counts: its lines are in the file as well"


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
        is_mask = text == b"" and os.path.basename(name) not in _KEY_BY_KEY
        does = ADDS if shipped is None else MASKS if is_mask else REPLACES
        state, reason = does, ""
        copy = None
        if dead := self.readers.why_dead(name):
            state, reason = DEAD, dead
        elif text is None:
            # It is read, so it is of no use to say that it could be removed.
            state, reason = does, self.readers.why_broken(name) or unreadable
        else:
            state, reason = _judged(name, text, shipped, base) or (does, "")
            copy = self.readers.copy_of(name) if shipped is None and text else None
            if copy is not None and not reason:
                reason = _COPY.format(f" of {copy}" if copy else "")
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
            copy is not None,
        )

    @cached_property
    def readers(self) -> Readers:
        """What reads them."""
        return Readers(self.places, self.names, self._snapshot)

    def _text_of(self, name: str) -> tuple[bytes | None, str]:
        """Return what an override holds, and why that is not known."""
        try:
            text = self.places.text_of(name)
        except TemplateError as error:
            return None, error.message
        return text, ""

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
        is_lost = self.bases.knows(name)
        is_from_here = not is_lost and self.bases.is_known and self.places.modified(name) >= self.bases.installed_at
        return Base(closest.text, shipped is not None and not (closest is now and is_from_here), closest.version)


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
    if not text and os.path.basename(name) in _KEY_BY_KEY:
        return NEEDLESS, "is empty, and leaves nothing out: it counts key by key"
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
