"""What is remembered of the shipped texts that overrides were made from, in ``/var/lib/e-smith/bases``.

Texts are files with their digest as the name. The index names the digest of each override, and of the last few texts
that each shipped file had: they are what an override may come from that was copied from another machine. Only
``esmith init`` and the commands that save an override write there. What is damaged, or may be written by others,
counts as not there; nothing is lost with it but what an upgrade would be compared with.
"""

from __future__ import annotations

import json
import os
from typing import Any

from esmith.digests import sha256
from esmith.disk import read_file
from esmith.layout import Layout
from esmith.overrides.model import Base
from esmith.plan.host import DiskHost

#: Nobody else may read what was shipped where an administrator may have put a password.
_DIRECTORY_MODE, _FILE_MODE = 0o700, 0o600
_INDEX = "index"
#: Beside it: what the last upgrade changed (:mod:`esmith.overrides.upgrade`).
UPGRADE = "upgrade"
_FORMAT = 1
#: How many earlier texts of one shipped file are kept, and of all of them together.
_MOST_EARLIER = 5
_MOST_TEXTS = 2000


class Bases:
    """What is remembered.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._directory = os.path.join(layout.state, "bases")
        self._trust = layout.trust
        data = self._read()
        #: When the shipped files were last installed, in seconds since 1970, and of which version they are.
        self.installed_at: float = data.get("installed_at", 0.0)
        self.version: str = data.get("version", "")
        #: Whether it was recorded at all which overrides there were then.
        self.is_known = self.installed_at > 0
        #: For each override the digest of its base, "" for none, the version, and whether that is only probable.
        self._rows: dict[str, tuple[str, str, bool]] = {
            name: (str(row[0]), str(row[1]), bool(row[2])) for name, row in data.get("overrides", {}).items()
        }
        #: For each shipped file its earlier texts, the last one at the end, each with its version.
        self._earlier: dict[str, list[tuple[str, str]]] = {
            name: [(str(digest), str(version)) for digest, version in rows]
            for name, rows in data.get("earlier", {}).items()
        }
        self._new: dict[str, bytes] = {}

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

    def write(self, host: DiskHost) -> None:
        """Write it durably, and remove the texts that nothing names any more.

        :raises InstallError: when it cannot be written.
        """
        named = {row[0] for row in self._rows.values()} | {row[0] for rows in self._earlier.values() for row in rows}
        there = set(os.listdir(self._directory)) if os.path.isdir(self._directory) else set()
        host.disk.directory(os.path.dirname(self._directory), make=0o755)
        host.disk.directory(self._directory, make=_DIRECTORY_MODE)
        for digest in sorted(named & self._new.keys() - there):
            self._install(host, digest, self._new[digest])
        content = self._content()
        if content != self._read_file(_INDEX):
            # The texts are durable before the index that names them.
            host.sync({self._directory})
            self._install(host, _INDEX, content)
        for digest in sorted(there - named - {_INDEX, UPGRADE}):
            host.remove(os.path.join(self._directory, digest))
        host.sync({self._directory})

    def _install(self, host: DiskHost, name: str, content: bytes) -> None:
        host.install(host.stage(os.path.join(self._directory, name), content, _FILE_MODE, None))

    def _content(self) -> bytes:
        data = {
            "installed_at": self.installed_at,
            "version": self.version,
            "overrides": self._rows,
            "earlier": self._earlier,
        }
        text = json.dumps(data, indent=0).encode()
        return f"bases {_FORMAT} {_digest(text)}\n".encode() + text

    def _read(self) -> dict[str, Any]:
        head, _, text = (self._read_file(_INDEX) or b"").partition(b"\n")
        if head != f"bases {_FORMAT} {_digest(text)}".encode():
            return {}
        data: dict[str, Any] = json.loads(text)
        return data

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


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()
