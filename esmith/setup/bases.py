"""What is remembered of the shipped texts that overrides were made from, in ``/var/lib/e-smith/bases``.

Texts are files with their digest as the name. The index names the digest of each override, and of the last few texts
that each shipped file had: they are what an override may come from that was copied from another machine. Only
``esmith init`` and the commands that save an override write there. What is damaged, or may be written by others,
counts as not there; nothing is lost with it but what an upgrade would be compared with.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from esmith.digests import sha256
from esmith.disk import read_file
from esmith.layout import Layout
from esmith.plan.host import DiskHost

#: Nobody else may read what was shipped where an administrator may have put a password.
DIRECTORY_MODE, FILE_MODE = 0o700, 0o600
_INDEX = "index"
#: Beside it: what the last upgrade changed (:mod:`esmith.overrides.upgrade`).
UPGRADE = "upgrade"
_FORMAT = 1
#: How many earlier texts of one shipped file are kept, and of all of them together.
_MOST_EARLIER = 5
_MOST_TEXTS = 2000
_DIGEST = re.compile("[0-9a-f]{64}")
_LONGEST_VERSION = 100
#: A time that no clock has, in seconds since 1970.
_LONG_AFTER = 1e12


@dataclass(frozen=True)
class Base:
    """The shipped text that an override was made from.

    :param text: None where nothing was shipped at its place.
    :param probable: it is only the closest of those that are known.
    :param version: the version of e-smith that shipped it; "" where that is not known.
    """

    text: bytes | None
    probable: bool = False
    version: str = ""


@dataclass
class Index:
    """What the index says.

    :param installed_at: when the shipped files were last installed, in seconds since 1970.
    :param version: their version.
    :param overrides: for each override the digest of its base, "" for none, the version, and whether it is probable.
    :param earlier: for each shipped file the digests of its earlier texts with their versions, the last one at the end.
    """

    installed_at: float = 0.0
    version: str = ""
    overrides: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    earlier: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Index:
        """Return it from JSON: somebody may have made that, with a good digest.

        :raises ValueError: when it says something else.
        """
        installed_at = data.get("installed_at", 0.0)
        if not isinstance(installed_at, int | float) or not abs(installed_at) < _LONG_AFTER:
            raise ValueError("it has something else in the place of a time")
        overrides = _table_in(data.get("overrides", {}))
        found = cls(installed_at, _version_in(data.get("version", "")))
        for name, row in zip(overrides, _rows_in([*overrides.values()], 3), strict=True):
            found.overrides[name] = (_digest_in(row[0]) if row[0] else "", _version_in(row[1]), bool(row[2]))
        for path, rows in _table_in(data.get("earlier", {})).items():
            found.earlier[path] = [(_digest_in(digest), _version_in(version)) for digest, version in _rows_in(rows, 2)]
        return found


class Bases:
    """What is remembered.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._directory = layout.bases
        self._trust = layout.trust
        index = self._read()
        #: When the shipped files were last installed, in seconds since 1970, and of which version they are.
        self.installed_at: float = index.installed_at
        self.version: str = index.version
        #: Whether it was recorded at all which overrides there were then.
        self.is_known = self.installed_at > 0
        #: For each override the digest of its base, "" for none, the version, and whether that is only probable.
        self._rows = index.overrides
        #: For each shipped file its earlier texts, the last one at the end, each with its version.
        self._earlier = index.earlier
        self._new: dict[str, bytes] = {}
        self._was = self._content()

    def find(self, name: str) -> Base | None:
        """Return the base of an override; None where it was never recorded, or its text is lost."""
        if name not in self._rows:
            return None
        digest, version, probable = self._rows[name]
        if not digest:
            return Base(None, probable, version)
        text = self._text(digest)
        return None if text is None else Base(text, probable, version)

    def record(self, name: str, base: Base) -> None:
        """Remember the base of an override."""
        self._rows[name] = (self._keep(base.text) if base.text is not None else "", base.version, base.probable)

    def knows(self, name: str) -> bool:
        """Return whether the base of an override was recorded; its text may be lost."""
        return name in self._rows

    def forget(self, name: str) -> None:
        """Forget the base of an override, if one is known."""
        self._rows.pop(name, None)

    def drop_all_but(self, names: set[str]) -> None:
        """Forget the bases of overrides that are not there any more."""
        self._rows = {name: row for name, row in self._rows.items() if name in names}

    def earlier(self, path: str) -> list[Base]:
        """Return the earlier texts of a shipped file, the newest first."""
        found = [(self._text(digest), version) for digest, version in reversed(self._earlier.get(path, []))]
        return [Base(text, True, version) for text, version in found if text is not None]

    def remember_earlier(self, path: str, text: bytes, version: str) -> None:
        """Remember a shipped text that is about to be replaced."""
        rows = [row for row in self._earlier.pop(path, []) if row[0] != _digest(text)]
        # The files that changed last are at the end, so that the oldest go first.
        self._earlier[path] = [*rows, (self._keep(text), version)][-_MOST_EARLIER:]
        while sum(map(len, self._earlier.values())) > _MOST_TEXTS:
            del self._earlier[next(iter(self._earlier))]

    def add_earlier(self, path: str, texts: Sequence[Base]) -> None:
        """Add texts that another machine knows of a shipped file; those that are known here count as newer.

        :param texts: the newest first.
        """
        rows = self._earlier.get(path, [])
        known = {digest for digest, _ in rows}
        added = [(self._keep(one.text), one.version) for one in reversed(texts) if one.text is not None]
        found = [*(row for row in dict.fromkeys(added) if row[0] not in known), *rows][-_MOST_EARLIER:]
        if found and sum(map(len, self._earlier.values())) + len(found) - len(rows) <= _MOST_TEXTS:
            self._earlier[path] = found

    def unwritten(self) -> dict[str, bytes]:
        """Return the files that have to be written, as paths of this disk, the index at the end; none where none has.

        Whoever installs them together with others gives them :data:`FILE_MODE`.
        """
        found = {digest: self._new[digest] for digest in sorted(self._named & self._new.keys())}
        found = {name: text for name, text in found.items() if self._read_file(name) != text}
        if (content := self._content()) != self._was:
            found[_INDEX] = content
        return {os.path.join(self._directory, name): text for name, text in found.items()}

    @property
    def _named(self) -> set[str]:
        """The digests of all texts that the index names."""
        rows = [row[0] for row in self._rows.values() if row[0]]
        return {*rows, *(row[0] for rows in self._earlier.values() for row in rows)}

    def write(self, host: DiskHost) -> None:
        """Write it durably, and remove the texts that nothing names any more.

        :raises InstallError: when it cannot be written.
        """
        there = set(os.listdir(self._directory)) if os.path.isdir(self._directory) else set()
        host.disk.directory(os.path.dirname(self._directory), make=0o755)
        host.disk.directory(self._directory, make=DIRECTORY_MODE)
        for path, content in self.unwritten().items():
            if os.path.basename(path) == _INDEX:
                # The texts are durable before the index that names them.
                host.sync({self._directory})
            host.install(host.stage(path, content, FILE_MODE, None))
        for digest in sorted(there - self._named - {_INDEX, UPGRADE}):
            host.remove(os.path.join(self._directory, digest))
        host.sync({self._directory})

    def _content(self) -> bytes:
        data = {
            "installed_at": self.installed_at,
            "version": self.version,
            "overrides": self._rows,
            "earlier": self._earlier,
        }
        return with_head(data)

    def _read(self) -> Index:
        try:
            return Index.of(with_good_head(self._read_file(_INDEX) or b""))
        except ValueError:
            return Index()

    def _text(self, digest: str) -> bytes | None:
        text = self._new.get(digest)
        if text is None:
            text = self._read_file(digest)
        return text if text is not None and _digest(text) == digest else None

    def _keep(self, text: bytes) -> str:
        digest = _digest(text)
        self._new[digest] = text
        return digest

    def _read_file(self, name: str) -> bytes | None:
        path = os.path.join(self._directory, name)
        if any(True for _ in self._trust.faults(path)):
            return None
        try:
            return read_file(path)
        except OSError:
            return None


def with_head(data: object) -> bytes:
    """Return data as JSON, behind a line with its digest."""
    text = json.dumps(data, indent=0).encode()
    return f"bases {_FORMAT} {_digest(text)}\n".encode() + text


def with_good_head(content: bytes) -> dict[str, Any]:
    """Return the data that :func:`with_head` made a text of.

    :raises ValueError: when it is damaged.
    """
    head, _, text = content.partition(b"\n")
    if head != f"bases {_FORMAT} {_digest(text)}".encode():
        raise ValueError("it has another digest")
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(data, dict):
        raise ValueError("it is not an object")
    return data


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()


def _digest_in(value: Any) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError("it has something else in the place of a digest")
    return value


def _version_in(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_VERSION or not value.isprintable():
        raise ValueError("it has something else in the place of a version")
    return value


def _table_in(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it has something else in the place of a table")
    return value


def _rows_in(value: Any, length: int) -> list[list[Any]]:
    if not isinstance(value, list) or any(not isinstance(row, list) or len(row) != length for row in value):
        raise ValueError("it has something else in the place of a row")
    return value
