"""Reading the original's database files for an import: which files there are, and which of their records can be stored.

Nothing is changed or left out without a :class:`Finding` that names the line. A finding of what a file holds has no
value, since that might be a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from esmith.errors import RefusedError, UsageError
from esmith.names import is_leftover
from esmith.store import STORE_FILES, limits
from esmith.store.flat import format as flat_format
from esmith.store.flat.format import BLANKS, Entry
from esmith.store.model import Record
from esmith.store.replace import file_trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

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


class Records(Mapping[str, Record]):
    """The records of a file by their keys. Of most the line is kept, and taken apart when the record is asked for."""

    def __init__(self) -> None:
        self._found: dict[str, str | Record] = {}
        #: Which names of properties, in this order, are those of a plain line; and the length of the longest.
        self._layouts: dict[tuple[str, ...], int] = {}

    def __getitem__(self, key: str) -> Record:
        found = self._found[key]
        if isinstance(found, Record):
            return found
        return Record.of_fields(key, found[len(key) + 1 :].split("|"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, key: object) -> bool:
        return key in self._found

    def text(self, key: str) -> str:
        """Return a record as its type, name and value of each property, with a NUL between."""
        found = self._found[key]
        return found.text if isinstance(found, Record) else found[len(key) + 1 :].replace("|", "\0")

    def put(self, key: str, found: str | Record) -> None:
        """Add a record, or the plain line of one."""
        self._found[key] = found

    def plain_key(self, line: str) -> str:
        """Return the key of a line that is what the store will hold; "" when there is more to look at."""
        key, _, value = line.partition("=")
        if not (line.isascii() and line.isprintable()) or "\\" in line or len(line) > limits.MAX_VALUE_BYTES:
            return ""
        type, *fields = value.split("|")
        if not type or len(fields) % 2 or not key or key[0] in " #" or key[-1] == " ":
            return ""
        names = tuple(fields[::2])
        longest = self._layouts.get(names)
        if longest is None:
            if "" in names or list(names) != sorted(set(names)):
                return ""
            longest = self._layouts[names] = max(map(len, names), default=0)
        return key if len(key) + 1 + longest <= limits.MAX_NAME_BYTES else ""


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
        self.records = Records()
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
        last: dict[str, tuple[int, str] | Entry] = {}
        for number, line, comment in flat_format.lines_of(self._without_bytes_of_windows(data)):
            key = "" if comment else self.records.plain_key(line)
            found: tuple[int, str] | Entry = (number, line)
            if not key:
                found = flat_format.read_line(number, line, comment)
                key = found.record.key
            double = last.pop(key, None)
            if double is not None:
                before = double.number if isinstance(double, Entry) else double[0]
                text = f"the record stands there a second time: line {before} does not count"
                self.note(number, _shown(key), REPAIRED, text)
            last[key] = found
        # A key that had to be repaired never takes the place of one that stands in the file as it is.
        repaired = []
        for name, one in last.items():
            if not isinstance(one, Entry):
                self.lines[name] = one[0]
                self.records.put(name, one[1])
            elif _repaired_key(name) == name:
                self._take(one)
            else:
                repaired.append(one)
        for entry in repaired:
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
        if b"\r" not in data:
            return data
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
        self.records.put(key, record)
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
            limits.check_record(self.database, key, "", props)
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
