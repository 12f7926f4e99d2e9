"""Small roots for the tests of backups: a store and some trees, without anything that is shipped."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from esmith.backup.form import PARTS, TOP
from esmith.backup.opening import open_backup
from esmith.backup.restore import Restored, restore
from esmith.backup.write import write_backup
from esmith.events.session import Session
from esmith.events.signal import signal_event
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author, Record
from esmith.store.protocol import Transaction

AUTHOR = Author("root", "", ["config", "set"])
CUSTOM = "etc/e-smith/templates-custom"
KEYS = "home/e-smith/dkim_keys"


class Small:
    """A root with a store.

    :param path: the folder; it is made.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True)
        self.path = path
        self.layout = Layout(str(path))
        open_store(self.layout, create=True).close()

    def change(self, *changes: Callable[[Transaction], object]) -> None:
        """Make each change in a transaction of its own."""
        store = open_store(self.layout, write=True)
        for change in changes:
            with store.transaction(AUTHOR) as transaction:
                change(transaction)
        store.close()

    def set(self, key: str, **props: str) -> None:
        """Make a record of the configuration."""
        self.change(lambda transaction: transaction.set_record("configuration", Record(key, "service", props)))

    def write(self, name: str, content: bytes = b"x\n", mode: int = 0o644) -> Path:
        """Write a file below the folder."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
        return file

    def backup(self, file: Path) -> Path:
        """Make a backup, and return the file."""
        store = open_store(self.layout)
        write_backup(self.layout, store, str(file))
        store.close()
        return file

    def restore(self, file: Path, parts: Iterable[str] = PARTS, *, timeout: float = 60.0) -> Restored:
        """Restore a backup."""
        session = Session(self.layout, open_store(self.layout, write=True), lambda _: None, timeout)
        try:
            with open_backup(str(file)) as backup:
                return restore(session, backup, tuple(parts))
        finally:
            session.store.close()

    def add_event(self) -> None:
        """Add an event, which writes two settings into a file."""
        self.write("etc/e-smith/events/tiny-update/templates2expand/LIST", b"/etc/tiny\n")
        self.write("etc/e-smith/templates/etc/tiny/10text", b"{{ qpsmtpd.DNSBL }} {{ qpsmtpd.RHSBL }}\n")
        self.write("etc/e-smith/templates/etc/tiny/template-begin", b"")

    def signal(self) -> str:
        """Signal that event, and return what is in the file."""
        store = open_store(self.layout, write=True)
        signal_event(Session(self.layout, store, lambda _: None), "tiny-update")
        store.close()
        return self.path.joinpath("etc/tiny").read_text()

    def settings(self) -> dict[str, dict[str, Record]]:
        """Return all records."""
        store = open_store(self.layout)
        with store.snapshot() as snapshot:
            found = {name: {one.key: one for one in snapshot.records(name)} for name in snapshot.databases()}
        store.close()
        return found

    def journal(self) -> list[tuple[Any, ...]]:
        """Return the journal, the newest revision first."""
        store = open_store(self.layout)
        with store.snapshot() as snapshot:
            found = [
                (
                    one.number,
                    one.time,
                    one.author.user,
                    one.author.command,
                    sorted((*change.cell, change.old, change.new) for change in one),
                )
                for one in snapshot.journal()
            ]
        store.close()
        return found

    def revision(self, database: str | None = None) -> int:
        """Return the last revision."""
        store = open_store(self.layout)
        with store.snapshot() as snapshot:
            number = snapshot.revision(database)
        store.close()
        return number

    def trees(self, *names: str) -> dict[str, tuple[int, bytes]]:
        """Return what is in some folders: the kind and mode of each name, and what a file holds or a link leads to."""
        return tree_of(self.path, *(names or ("etc/e-smith", KEYS)))


def tree_of(folder: Path, *names: str) -> dict[str, tuple[int, bytes]]:
    """Return what is in folders below one; see :meth:`Small.trees`."""
    found = {}
    for path in sorted(one for name in names for one in (folder / name).rglob("*")):
        held = b""
        if path.is_symlink():
            held = os.fsencode(os.readlink(path))
        elif path.is_file():
            held = path.read_bytes()
        found[str(path.relative_to(folder))] = path.lstat().st_mode, held
    return found


def members_of(file: Path) -> dict[str, bytes]:
    """Return the regular members of a backup, read without the engine."""
    with tarfile.open(file) as archive:
        return {
            one.name.removeprefix(f"{TOP}/"): (archive.extractfile(one) or io.BytesIO()).read()
            for one in archive
            if one.isreg()
        }


class Forged:
    """A backup that is changed, and of which all checksums are right again.

    :param file: a good one.
    """

    def __init__(self, file: Path) -> None:
        with tarfile.open(file) as archive:
            self.entries = [
                (one, (archive.extractfile(one) or io.BytesIO()).read() if one.isreg() else b"") for one in archive
            ]
        self.manifest: dict[str, Any] = json.loads(self.data("MANIFEST.json"))

    def data(self, name: str) -> bytes:
        """Return what a member holds."""
        return next(data for one, data in self.entries if one.name == f"{TOP}/{name}")

    def put(self, name: str, data: bytes, kind: bytes = tarfile.REGTYPE, target: str = "") -> None:
        """Add a member before the manifest."""
        entry = tarfile.TarInfo(f"{TOP}/{name}")
        entry.type, entry.linkname = kind, target
        self.entries.insert(-2, (entry, data))

    def replace(self, name: str, data: bytes) -> None:
        """Have a member hold something else."""
        self.entries = [(one, data if one.name == f"{TOP}/{name}" else held) for one, held in self.entries]

    def list_file(self, path: str, kind: str = "file", **more: Any) -> None:
        """Have the manifest name a file."""
        whole = {"path": path, "kind": kind, "mode": 0o644, "owner": "root", "group": "root", **more}
        self.manifest["files"].append(whole)

    def write(self, file: Path, *, sums: bool = True) -> Path:
        """Write it.

        :param sums: whether the checksums are made right.
        """
        if sums:
            regular = [(one.name.removeprefix(f"{TOP}/"), data) for one, data in self.entries[:-2] if one.isreg()]
            self.manifest["members"] = [
                {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in regular
            ]
            text = json.dumps(self.manifest).encode()
            lines = [*regular, ("MANIFEST.json", text)]
            self.replace("MANIFEST.json", text)
            self.replace(
                "SHA256SUMS", "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in lines).encode()
            )
        with gzip.open(file, "wb") as packed:
            for entry, data in self.entries:
                entry.size = len(data)
                packed.write(entry.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
            packed.write(bytes(1024))
        return file
