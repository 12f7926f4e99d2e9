"""What an upgrade changed of the shipped files: fragments, settings, events and the rest."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from esmith.disk import read_file
from esmith.layout import LAYERS, Layout
from esmith.names import counted
from esmith.plan.host import DiskHost
from esmith.setup.bases import UPGRADE
from esmith.setup.product_files import write_file
from esmith.setup.shipped import ProductFiles
from esmith.shipped import digests_in, shipped_list

#: What can become of something shipped.
CHANGED, NEW, REMOVED = "changed", "new", "removed"
#: The kinds of shipped things, as they are counted; what is none of the first three is a file.
FRAGMENTS, SETTINGS, EVENTS, FILES = "fragment", "setting", "event", "file"
_FRAGMENT_TREES = (f"{LAYERS[1]}/", "templates-default/")


@dataclass
class Changes:
    """What became of shipped things of one kind, sorted by name."""

    changed: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    @classmethod
    def between(cls, old: Mapping[str, object], new: Mapping[str, object]) -> Changes:
        """Return what differs in two states of things."""
        return cls(
            sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
            sorted(new.keys() - old.keys()),
            sorted(old.keys() - new.keys()),
        )

    @classmethod
    def of(cls, names: Mapping[str, list[str]]) -> Changes:
        """Return what :meth:`names` gave."""
        return cls(*(list(map(str, names[word])) for word in (CHANGED, NEW, REMOVED)))

    def names(self) -> dict[str, list[str]]:
        """Return the things by what became of them."""
        return {CHANGED: self.changed, NEW: self.new, REMOVED: self.removed}

    def items(self) -> list[tuple[str, str]]:
        """Return each thing with what became of it."""
        return [(word, name) for word, names in self.names().items() for name in names]

    def counts(self, noun: str) -> str:
        """Return how many there are of each, as ``2 fragments changed, 1 new``; "" for none."""
        found = {word: sum(1 for one, _ in self.items() if one == word) for word in (CHANGED, NEW, REMOVED)}
        parts = [(number, word) for word, number in found.items() if number]
        return ", ".join(
            f"{number if place else counted(number, noun)} {word}" for place, (number, word) in enumerate(parts)
        )


class Upgrade:
    """What installing the shipped files will change. It has to be made before that is done.

    :param layout: the root.
    :param files: the files of the product, compared with those that are there.
    """

    def __init__(self, layout: Layout, files: ProductFiles) -> None:
        self._layout = layout
        listed = shipped_list(layout)
        before = _digests(listed)
        after = digests_in(files.new[listed][0]) if listed in files.new else before
        #: Whether shipped files were installed before: else there is nothing to compare with.
        self.is_one = bool(before)
        # The commands name the place of the program, so they are others wherever another one runs.
        known = {name for name in before.keys() | after.keys() if not name.startswith("/sbin/")}
        # An earlier version took what Python had compiled for shipped.
        known = {name for name in known if "__pycache__" not in name}
        differing = {name for name in known if before.get(name) != after.get(name)}
        self.kinds: dict[str, Changes] = {}
        if not self.is_one or not differing:
            return
        groups: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        for name in differing:
            kind = _kind(name)
            for digests, side in ((before, 0), (after, 1)):
                if name in digests and kind in (FRAGMENTS, FILES):
                    groups.setdefault(kind, ({}, {}))[side][name] = digests[name]
        self.kinds[FRAGMENTS] = Changes.between(*groups.get(FRAGMENTS, ({}, {})))
        schemas = sorted(name for name in differing if _kind(name) == SETTINGS)
        there = {name: _content(self._place(name)) for name in schemas}
        # One that holds already what is shipped now is not written.
        new = {name: files.new.get(self._place(name), (there[name], 0))[0] for name in schemas if name in after}
        self.kinds[SETTINGS] = Changes.between(
            _settings({name: there[name] for name in schemas if name in before}), _settings(new)
        )
        self.kinds[EVENTS] = Changes.between(_events(before), _events(after))
        self.kinds[FILES] = Changes.between(*groups.get(FILES, ({}, {})))

    def counts(self) -> list[str]:
        """Return how much of each kind changed, as texts; none where nothing did."""
        return counts_of(self.kinds)

    def write(self, host: DiskHost) -> None:
        """Keep what changed, for :func:`last_upgrade`; where nothing did what is kept stays.

        :raises InstallError: when it cannot be written.
        """
        if self.counts():
            text = json.dumps({kind: changes.names() for kind, changes in self.kinds.items()}).encode()
            write_file(host, _kept(self._layout), text, 0o600)

    def _place(self, name: str) -> str:
        return self._layout.under(f"/etc/e-smith/{name}")


def counts_of(kinds: Mapping[str, Changes]) -> list[str]:
    """Return how much of each kind changed, as texts; none where nothing did."""
    return [text for kind, changes in kinds.items() if (text := changes.counts(kind))]


def _kind(name: str) -> str:
    if name.startswith(_FRAGMENT_TREES):
        return FRAGMENTS
    if name.startswith("db/") and name.count("/") == 2 and name.endswith(".toml"):
        return SETTINGS
    return EVENTS if name.startswith("events/") and not name.startswith("events/actions/") else FILES


def _events(digests: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the events, each with the digests of its files; actions that several share are files, like any other."""
    found: dict[str, dict[str, str]] = {}
    for name, digest in digests.items():
        if _kind(name) == EVENTS:
            found.setdefault(name.split("/")[1], {})[name] = digest
    return found


def _settings(texts: Mapping[str, bytes]) -> dict[str, object]:
    """Return what schema files hold for each property, by the names people use: ``configuration qpsmtpd DNSBL``."""
    found: dict[str, object] = {}
    for name, text in texts.items():
        try:
            data = tomllib.loads(text.decode())
        except ValueError:
            continue
        record = " ".join(name.removeprefix("db/").removesuffix(".toml").split("/"))
        props = {f"{record} {prop}": keys for prop, keys in data.get("properties", {}).items()}
        # The help of a setting may be worded otherwise: it is the same setting.
        found |= {setting: {**keys, "help": ""} for setting, keys in (props or {record: data}).items()}
    return found


def _digests(path: str) -> dict[str, str]:
    return digests_in(_content(path))


def _content(path: str) -> bytes:
    try:
        return read_file(path)
    except OSError:
        return b""


def last_upgrade(layout: Layout) -> dict[str, Changes]:
    """Return what the last upgrade changed, by its kind; nothing where none is known."""
    try:
        return {str(kind): Changes.of(names) for kind, names in json.loads(_content(_kept(layout))).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _kept(layout: Layout) -> str:
    return os.path.join(layout.bases, UPGRADE)


def replaced(files: ProductFiles) -> Iterable[str]:
    """Return the files that are about to change or to go, as paths of this disk."""
    return [path for path in [*files.new, *files.dropped] if os.path.isfile(path)]
