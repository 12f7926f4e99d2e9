"""Reading the original's database files for an import: which files there are, and which of their records can be stored.

Nothing is changed or left out without a :class:`Finding` that names the line. A finding of what a file holds has no
value, since that might be a password.
"""

from __future__ import annotations

import os
import re

from esmith.errors import RefusedError, UsageError
from esmith.names import is_leftover
from esmith.store import STORE_FILES, limits
from esmith.store.flat import format as flat_format
from esmith.store.flat.format import BLANKS, Entry
from esmith.store.model import Record
from esmith.store.replace import file_trouble

#: What was read otherwise than it stands there, so that it can be stored.
REPAIRED = "repaired"
#: What cannot be stored.
REFUSED = "refused"
#: What is stored, though the schema does not allow it.
DOUBTFUL = "doubtful"
#: What is stored and allowed, of which setting it by hand would give a hint.
HINT = "hint"
#: What was stored, and a migration took away.
DROPPED = "dropped"

_BACKUPS = (".bak", ".old", ".save", ".orig", ".tmp")
_LOCKS = (".lock", ".lck")


class Finding:
    """What an import reports about a line.

    :param line: counted from 1; 0 for the file as a whole.
    :param place: key and property, if the line has them.
    :param kind: ``repaired``, ``refused``, ``doubtful``, ``hint`` or ``dropped``.
    """

    __slots__ = ("kind", "line", "message", "place")

    def __init__(self, line: int, place: str, kind: str, message: str) -> None:
        self.line = line
        self.place = place
        self.kind = kind
        self.message = message


class FlatSource:
    """What a file holds, as far as it can be stored.

    :param path: the file.
    :param database: the database it is for.
    """

    def __init__(self, path: str, database: str) -> None:
        self.path = path
        self.database = database
        #: False when the file is none of the original's database files.
        self.usable = True
        self.records: dict[str, Record] = {}
        self.lines: dict[str, int] = {}
        self.findings: list[Finding] = []

    @property
    def refused(self) -> list[Finding]:
        """What cannot be stored."""
        return [finding for finding in self.findings if finding.kind == REFUSED]

    @property
    def ordered_findings(self) -> list[Finding]:
        """The findings in the order of the lines."""
        return sorted(self.findings, key=lambda finding: finding.line)

    def note(self, line: int, place: str, kind: str, message: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(line, place, kind, message))

    def read(self) -> None:
        """Read the file.

        :raises StoreError: when it cannot be read.
        """
        try:
            with open(self.path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise file_trouble(self.path, error) from error
        reason = self._why_unusable(data)
        if reason:
            self.usable = False
            self.note(0, "", REFUSED, reason)
            return
        data = self._without_bytes_of_windows(data)
        last: dict[str, Entry] = {}
        for entry in flat_format.parse(data):
            double = last.pop(entry.record.key, None)
            if double is not None:
                text = f"the record stands there a second time: line {double.number} does not count"
                self.note(entry.number, _shown(entry.record.key), REPAIRED, text)
            last[entry.record.key] = entry
        # A key that had to be repaired never takes the place of one that stands in the file as it is.
        for entry in sorted(last.values(), key=lambda entry: _repaired_key(entry.record.key) != entry.record.key):
            self._take(entry)

    def _why_unusable(self, data: bytes) -> str:
        try:
            limits.check_database(self.database)
        except UsageError as error:
            return error.message
        if data.startswith(b"\0"):
            return "is no text, so it is no database file"
        return "" if flat_format.may_be_flat(data) else "no line has a '=', so it is no database file"

    def _without_bytes_of_windows(self, data: bytes) -> bytes:
        if data.startswith(b"\xef\xbb\xbf"):
            self.note(1, "", REPAIRED, "a byte order mark was left out")
            data = data[3:]
        lines = data.split(b"\n")
        ends = [number for number, line in enumerate(lines, start=1) if line.endswith(b"\r")]
        if ends:
            many = f"; so do {len(ends) - 1} more" if len(ends) > 1 else ""
            self.note(ends[0], "", REPAIRED, f"the line ends in a carriage return, which was left out{many}")
        return b"\n".join(line.removesuffix(b"\r") for line in lines)

    def _take(self, entry: Entry) -> None:
        old = entry.record
        key = _repaired_key(old.key)
        for flaw in entry.flaws:
            self.note(entry.number, "", REPAIRED, flaw)
        try:
            limits.check_key(self.database, key)
            type = self._text(entry, key, "", old.type)
            limits.check_type(self.database, key, type)
        except RefusedError as error:
            self.note(entry.number, _shown(key), REFUSED, error.message)
            return
        if key != old.key:
            if key in self.records:
                text = (
                    f"the key with a blank or with other bytes cannot be kept beside the one of line {self.lines[key]}"
                )
                self.note(entry.number, key, REFUSED, text)
                return
            what = (
                "blanks around the key were left out" if _is_text(old.key) else "the key is not UTF-8: read as Latin-1"
            )
            self.note(entry.number, key, REPAIRED, what)
        record = Record(key, type, self._props(entry, key))
        if record.props and not type:
            self.note(entry.number, key, DOUBTFUL, "the record has properties and no type: 'show' leaves them out")
        self.records[key] = record
        self.lines[key] = entry.number

    def _props(self, entry: Entry, key: str) -> dict[str, str]:
        if entry.text.isascii() and self._may_hold(key, entry.record.props):
            return entry.record.props  # nothing to read otherwise, and in order
        props: dict[str, str] = {}
        for old_name, old_value in sorted(entry.record.props.items(), key=lambda item: not _is_text(item[0])):
            name = _decoded(old_name)
            try:
                limits.check_property(self.database, key, name)
                if name in props:
                    raise RefusedError("the property stands there twice, in different bytes")
                value = self._text(entry, key, name, old_value)
                limits.check_value("", value)
            except RefusedError as error:
                self.note(entry.number, f"{key} {_shown(name)}".strip(), REFUSED, error.message)
                continue
            if not _is_text(old_name):
                self.note(entry.number, f"{key} {name}", REPAIRED, "the name is not UTF-8: read as Latin-1")
            props[name] = value
        return flat_format.sorted_props(props)

    def _may_hold(self, key: str, props: dict[str, str]) -> bool:
        """Return whether a record may hold all these properties."""
        try:
            limits.check_properties(self.database, key, props)
        except RefusedError:
            return False
        return True

    def _text(self, entry: Entry, key: str, prop: str, text: str) -> str:
        if not _is_text(text):
            self.note(entry.number, f"{key} {prop}".strip(), REPAIRED, "the value is not UTF-8: read as Latin-1")
        return _decoded(text)


def find_sources(path: str) -> tuple[list[FlatSource], dict[str, str]]:
    """Return the database files that a path names, and the files of a directory that are ignored, with the reasons.

    :raises UsageError: when there are none.
    :raises StoreError: when the directory cannot be read.
    """
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise UsageError("there is no such file", place=path, hint="name database files, or their directory")
        return [FlatSource(path, os.path.basename(path))], {}
    try:
        names = sorted(os.listdir(path), key=os.fsencode)
    except OSError as error:
        raise file_trouble(path, error) from error
    sources, skipped = [], {}
    for name in names:
        file = os.path.join(path, name)
        reason = _no_database(file, name, names)
        if reason:
            skipped[file] = reason
        else:
            sources.append(FlatSource(file, name))
    if not sources:
        raise UsageError("the directory holds no database file", place=path, hint="name the original's database files")
    return sources, skipped


def _no_database(file: str, name: str, names: list[str]) -> str:
    """Return why a file of a directory is no database, "" when it is one."""
    if name in STORE_FILES:
        return "a file of this store"
    if name.startswith("."):
        return "hidden"
    if os.path.isdir(file):
        return "a directory"
    if not os.path.isfile(file):
        return "no file"
    if name.endswith(_LOCKS):
        return "a lock file"
    if is_leftover(name) or name.endswith(_BACKUPS):
        return "a backup file"
    process = re.fullmatch(r"(.+)\.\d+", name)
    # FILE.PID is what the original writes before it renames it to FILE.
    return "left by a write that was interrupted" if process and process[1] in names else ""


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\udc80" <= char <= "\udcff" for char in text)


def _decoded(text: str) -> str:
    return text if _is_text(text) else flat_format.as_bytes(text).decode("latin-1")


def _repaired_key(key: str) -> str:
    return _decoded(key).strip(BLANKS)


def _shown(name: str) -> str:
    """Return a name for a message, in one line."""
    from esmith.names import shorten

    return shorten(name if name.isprintable() else repr(name)[1:-1])
