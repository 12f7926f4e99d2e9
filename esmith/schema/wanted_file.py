"""Reading what is wanted: a file of TOML, or database files of SME Server (docs/commands.md#a-wanted-state)."""

from __future__ import annotations

import os
import re
import sys

from esmith.errors import EsmithError, RefusedError, UsageError
from esmith.names import shorten
from esmith.schema.secrecy import looks_secret
from esmith.schema.wanted import Wanted, WantedRecord, raise_faults
from esmith.store.flat.source import REFUSED, REPAIRED, FlatSource, find_sources
from esmith.store.toml_text import TYPE, TYPE_BESIDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What a file of TOML is called; whatever has another name is a database file of SME Server.
ENDING = ".toml"
#: Standard input, which is TOML.
STDIN = "-"
_SHOWN = 60
#: The head of a table of TOML, which a database file would have as a record without a type.
_TABLE = re.compile(r"\[[^=|]+\]")


def read_wanted(path: str, database: str | None = None) -> Wanted:
    """Read what is wanted.

    :param path: a file whose name ends in ``.toml``, or ``-`` for standard input; or a database file as ``esmith
        export`` writes it, or a directory of such files.
    :param database: the only database it may be about, for which a database file of any name is; None for all.
    :raises UsageError: when there is no such file.
    :raises StoreError: when it cannot be read.
    :raises RefusedError: when something in it is no setting; all of that is named.
    """
    if path == STDIN or path.endswith(ENDING):
        return _Toml(path, database).wanted()
    return _read_flat(path, database)


def _read_flat(path: str, database: str | None) -> Wanted:
    sources, _ = find_sources(path)
    if database is not None:
        if os.path.isdir(path):
            raise UsageError("is a directory, which has more than one database", place=path, hint="name one file")
        sources[0].database = database
    faults: list[EsmithError] = []
    notes = []
    found: dict[str, dict[str, WantedRecord]] = {}
    lines: dict[tuple[str, str], str] = {}
    for source in sources:
        if source.path.endswith(ENDING):
            raise UsageError("is TOML in a directory of database files", place=source.path, hint="name it itself")
        _take(source, found, lines)
        doubtful = {finding.line for finding in source.findings}
        heads = [key for key, record in source.records.items() if _TABLE.fullmatch(key) and not record.text]
        if table := next((key for key in heads if source.lines[key] in doubtful), ""):
            place = f"{source.path}:{source.lines[table]}"
            raise RefusedError("is a table of TOML", place=place, hint=f"give the file a name that ends in {ENDING}")
        for finding in source.ordered_findings:
            place = f"{source.path}:{finding.line}" if finding.line else source.path
            what = f"{finding.place}: {finding.message}" if finding.place else finding.message
            if finding.kind == REFUSED:
                faults.append(RefusedError(what, place=place))
            elif finding.kind == REPAIRED:
                notes.append(f"{place}: {what}")
    raise_faults(faults)
    return Wanted(path, found, lambda name, key, _prop: lines.get((name, key), path), is_whole=True, notes=notes)


def _take(source: FlatSource, found: dict[str, dict[str, WantedRecord]], lines: dict[tuple[str, str], str]) -> None:
    source.read()
    records = found[source.database] = {}
    for key, record in source.records.items():
        records[key] = WantedRecord(record.type, record.props)
        lines[source.database, key] = f"{source.path}:{source.lines[key]}"


class _Toml:
    """A file of TOML.

    :param database: the only database it may be about; None for all.
    :raises UsageError: when there is no such file.
    :raises RefusedError: when it cannot be read, or is not TOML.
    """

    def __init__(self, path: str, database: str | None) -> None:
        import tomllib

        self._path = path
        self._database = database
        self._faults: list[EsmithError] = []
        self._lines: dict[tuple[str, ...], int] | None = None
        self._text = _text_of(path)
        try:
            self._data: dict[str, Any] = tomllib.loads(self._text)
        except (ValueError, RecursionError) as trouble:
            raise RefusedError(
                f"is not TOML: {trouble}".replace("\n", " "),
                place=path,
                hint='a record is a table: [configuration.qpsmtpd], and a line in it: DNSBL = "enabled"',
            ) from trouble

    def wanted(self) -> Wanted:
        """Return what the file wants.

        :raises RefusedError: when something in it is no setting.
        """
        found: dict[str, dict[str, WantedRecord]] = {}
        for name, records in self._data.items():
            if not isinstance(records, dict):
                self._refuse((name,), f"{name!r} stands in no table", "put it into the table of its record")
            elif self._database not in (None, name):
                cure = "leave it out, or use: config apply FILE"
                self._refuse((name,), f"is about the database {name!r}, not {self._database}", cure)
            else:
                found[name] = {key: self._record(name, key, value) for key, value in records.items()}
        raise_faults(self._faults)
        return Wanted(self._path, found, self._place, is_whole=False)

    def _record(self, database: str, key: str, value: Any) -> WantedRecord:
        if not isinstance(value, dict):
            # The value of a record without properties is its type.
            return WantedRecord(self._value((database, key), value))
        props = {name: self._value((database, key, name), one) for name, one in value.items()}
        type = props.pop(TYPE_BESIDE) if TYPE_BESIDE in props else props.pop(TYPE, None)
        return WantedRecord(type, props)

    def _value(self, place: tuple[str, ...], value: Any) -> str:
        """Return a value, which has to be a string: of a number or a date TOML does not keep how it is written."""
        if isinstance(value, str):
            return value
        database, key, *names = place
        if isinstance(value, dict):
            name = ".".join([key, *names])
            cure = f'a name with dots stands in quotes: [{database}."{name}"]'
            self._refuse(place, "is a table in the table of a record", cure)
        elif isinstance(value, list):
            self._refuse(place, "is a list", 'write one string, as setprop takes it: "one,two"')
        else:
            shown = shorten(str(value).lower() if isinstance(value, bool) else str(value), _SHOWN)
            if looks_secret(place[-1]):
                self._refuse(place, "the value is no string", "write what is to be stored in quotes")
            else:
                self._refuse(place, f"{shown} is no string", f'write what is to be stored in quotes: "{shown}"')
        return ""

    def _refuse(self, place: tuple[str, ...], message: str, cure: str) -> None:
        name = " ".join(place)
        self._faults.append(RefusedError(f"{name}: {message}", place=self._place(*place), hint=cure))

    def _place(self, *names: str) -> str:
        """Return file and line of a database, a record or a property; of the nearest around it that is found."""
        if self._lines is None:
            self._lines = _lines_of(self._text)
        wanted = tuple(names)
        while wanted and (not wanted[-1] or wanted not in self._lines):
            wanted = wanted[:-1]
        return f"{self._path}:{self._lines[wanted]}" if wanted else self._path


def _text_of(path: str) -> str:
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
        return data.decode()
    except FileNotFoundError as error:
        raise UsageError("there is no such file", place=path, hint="name a file of TOML, or a database file") from error
    except UnicodeDecodeError as error:
        raise RefusedError("is not UTF-8", place=path, hint="convert it, e.g. with iconv") from error
    except OSError as error:
        raise RefusedError(f"cannot be read: {error.strerror}", place=path) from error


def _lines_of(text: str) -> dict[tuple[str, ...], int]:
    """Return the lines in which tables and properties begin, as far as each line shows it; for messages only."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            table = _names(line) or table
            names = table
        else:
            inside = _names(line) or _names(f"{line.partition('=')[0]} = 0")
            names = (*table, *inside) if inside else ()
        # Also what is around it, which has no line of its own perhaps.
        for length in range(1, len(names) + 1):
            found.setdefault(names[:length], number)
    return found


def _names(line: str) -> tuple[str, ...]:
    import tomllib

    try:
        data: Any = tomllib.loads(line)
    except (ValueError, RecursionError):
        return ()
    names = []
    while isinstance(data, dict) and len(data) == 1:
        ((name, data),) = data.items()
        names.append(name)
    return tuple(names)
