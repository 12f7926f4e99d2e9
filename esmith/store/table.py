"""The engine's own tables: the one place where their rows are read and written.

A row may be damaged, or be written by a newer version. So each row is checked when it is read: one that does not have
the form its module expects counts as missing, and stops nothing. What becomes of it is in
docs/concepts.md#damaged-rows: the next command that changes files sets it aside
(:func:`esmith.events.damage.set_aside_damaged`).

A row ends with a checksum. The row of a generation may hold a megabyte, and each command looks for damaged rows: with
the checksum it need not be decoded for that.
"""

from __future__ import annotations

import os
import sys
import zlib

from esmith.fields import MISSING, dataclass, fields, is_dataclass
from esmith.functions import cache, partial
from esmith.quick_json import WITH_BLANKS, encode, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Generic, TypeVar

    from esmith.store.protocol import Snapshot, Transaction

    Row = TypeVar("Row")
    _T = TypeVar("_T")
else:
    # typing takes longer to import than all rows to read.
    Row = None

    class Generic:
        """The base of a class of which there are several types."""

        def __class_getitem__(cls, _type):
            return cls


#: The class of a union of types, which :mod:`types` has no more than a name for.
_UNION = type(int | str)
#: Larger numbers are neither a time nor a size, and the C library refuses them as a time.
_LARGEST = 2**53
#: What the checksums begin with. Another number makes the rows of other versions damaged ones.
_FORMAT = b"1"
#: What stands between a row and its checksum of eight hexadecimal digits.
_MARK = b"\n#"
_CHECKSUM_BYTES = len(_MARK) + 8


class DamagedRowError(ValueError):
    """The bytes of a row are not what its table holds."""


@dataclass(frozen=True)
class StateTable(Generic[Row]):
    """One of the engine's own tables.

    :param name: its name in the store.
    :param decode: gives what the bytes of a row mean; it raises ValueError when they are damaged.
    :param encode: gives the bytes of a row.
    :param meaning: says in a clause what the loss of a row means, from its name.
    :param fits: whether a row may have its name.
    """

    name: str
    decode: Callable[[bytes], Row]
    encode: Callable[[Row], bytes]
    meaning: Callable[[str], str]
    fits: Callable[[str, Row], bool] = lambda _name, _row: True

    def get(self, snapshot: Snapshot, name: str) -> Row | None:
        """Return a row, None when there is none or it is damaged."""
        row = snapshot.state(self.name, name)
        return None if row is None else self.read(name, row)

    def rows(self, snapshot: Snapshot) -> dict[str, Row]:
        """Return the rows that are not damaged, in byte order of their names."""
        found = ((name, self.read(name, row)) for name, row in snapshot.states(self.name))
        return {name: row for name, row in found if row is not None}

    def rows_with(self, snapshot: Snapshot, text: bytes) -> dict[str, Row]:
        """Return the rows in which a text stands, as :meth:`rows`: what others say is not even read."""
        found = ((name, self.read(name, row)) for name, row in snapshot.states(self.name) if text in row)
        return {name: row for name, row in found if row is not None}

    def damaged(self, snapshot: Snapshot) -> dict[str, bytes]:
        """Return the damaged rows."""
        return {
            name: row
            for name, row in snapshot.states(self.name)
            if not _is_as_written(name, row) and self.read(name, row) is None
        }

    def names(self, snapshot: Snapshot) -> list[str]:
        """Return the names of all rows, also of those that are damaged, in byte order."""
        return [name for name, _ in snapshot.states(self.name)]

    def holds(self, snapshot: Snapshot, name: str, content: bytes) -> bool:
        """Return whether a row is written just so.

        :param content: what ``encode`` gave.
        """
        row = snapshot.state(self.name, name)
        return row is not None and row[:-_CHECKSUM_BYTES] == content and _is_as_written(name, row)

    def put(self, transaction: Transaction, name: str, row: Row | None) -> None:
        """Write a row; None deletes it."""
        transaction.set_state(self.name, name, None if row is None else _with_checksum(name, self.encode(row)))

    def read(self, name: str, row: bytes) -> Row | None:
        """Return what a row means, None when it is damaged."""
        try:
            found = self.decode(_content(name, row))
        except ValueError:
            return None
        return found if is_text(name) and self.fits(name, found) else None


def json_table(
    name: str,
    kind: type[_T],
    meaning: Callable[[str], str],
    fits: Callable[[str, _T], bool] = lambda _name, _row: True,
) -> StateTable[_T]:
    """Return a table whose rows are objects of a dataclass, as JSON.

    :param kind: the dataclass, see :func:`decode_json`.
    :param meaning: as that of :class:`StateTable`.
    :param fits: likewise.
    """
    return StateTable(name, partial(decode_json, kind), encode_json, meaning, fits)


def _with_checksum(name: str, content: bytes) -> bytes:
    return content + _checksum(name, content)


def _checksum(name: str, content: bytes) -> bytes:
    place = b"%s\0%s\0" % (_FORMAT, name.encode("utf-8", "surrogateescape"))
    return b"%s%08x" % (_MARK, zlib.crc32(content, zlib.crc32(place)))


def _is_as_written(name: str, row: bytes) -> bool:
    """Return whether a row has its checksum."""
    return row[-_CHECKSUM_BYTES:] == _checksum(name, row[:-_CHECKSUM_BYTES])


def _content(name: str, row: bytes) -> bytes:
    """Return a row without its checksum; rows of older versions have none.

    :raises DamagedRowError: when the checksum is not that of the row.
    """
    if row[-_CHECKSUM_BYTES : len(_MARK) - _CHECKSUM_BYTES] != _MARK:
        return row
    content = row[:-_CHECKSUM_BYTES]
    if row[-_CHECKSUM_BYTES:] != _checksum(name, content):
        raise DamagedRowError("has another checksum")
    return content


def encode_json(row: Any) -> bytes:
    """Return the JSON of an object of a dataclass, as :func:`decode_json` reads it.

    A field that has its default is left out: the row of an install names thousands of files, most of them new ones.
    """
    return encode(row, _given, WITH_BLANKS).encode()


def _given(data: Any) -> dict[str, Any]:
    """Return the fields of an object of a dataclass that do not have their defaults.

    :raises TypeError: for anything else that JSON does not know.
    """
    if not is_dataclass(data):
        raise TypeError(f"{type(data).__name__} is not a row of a table")
    kind: type = type(data)
    values = ((name, getattr(data, name), default) for name, default in _defaults_of(kind))
    return {name: value for name, value, default in values if value != default}


@cache
def _defaults_of(kind: type) -> list[tuple[str, Any]]:
    """Return the fields of a dataclass, each with its default; MISSING for one that has none."""
    return [
        (one.name, one.default if one.default_factory is MISSING else one.default_factory()) for one in fields(kind)
    ]


def decode_json(kind: type[_T], row: bytes) -> _T:
    """Return the object of a dataclass that a row holds as JSON.

    Fields that this version does not know are left out, and missing ones get their defaults.

    :param kind: the dataclass. Its fields are texts, numbers, lists, dictionaries, dataclasses, and unions with None.
    :raises DamagedRowError: when the row is no JSON, a field is missing that has no default, or has another type.
    """
    try:
        data = loads(row)
    except (ValueError, RecursionError) as error:
        raise DamagedRowError("is not JSON") from error
    made: _T = _build(kind, data)
    return made


def is_text(text: str) -> bool:
    """Return whether a text can be the name of a file: it holds no NUL, and no half of a character."""
    if text.isascii():
        return "\0" not in text
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def is_path(text: str) -> bool:
    """Return whether a text is an absolute path of the configured system, below its root."""
    if ".." not in text:
        return text.startswith("/") and bool(text.strip("/."))
    return text.startswith("/") and os.path.normpath(f"/{text.lstrip('/')}") != "/"


def _build(hint: Any, data: Any) -> Any:
    return _builder(hint)(data)


@cache
def _builder(hint: Any) -> Callable[[Any], Any]:
    """Return what checks and makes a value of a type; made once for each, since a generation may have 10,000 values."""
    if is_dataclass(hint) and isinstance(hint, type):
        return partial(_build_object, hint)
    origin = getattr(hint, "__origin__", None)
    inner: tuple[Any, ...] = getattr(hint, "__args__", ())
    if isinstance(hint, _UNION):
        other = _builder(next(one for one in inner if one is not type(None)))
        return lambda data: None if data is None else other(data)
    if origin is list:
        return partial(_build_list, _builder(inner[0]))
    if origin is dict:
        return partial(_build_dictionary, _builder(inner[1]))
    return _build_text if hint is str else partial(_build_number, hint)


def _build_list(build: Callable[[Any], Any], data: Any) -> Any:
    if type(data) is not list:
        raise DamagedRowError("is not a list")
    return [build(entry) for entry in data]


def _build_dictionary(build: Callable[[Any], Any], data: Any) -> Any:
    if type(data) is not dict or not all(map(is_text, data)):
        raise DamagedRowError("is not an object")
    return {key: build(entry) for key, entry in data.items()}


def _build_text(data: Any) -> str:
    if type(data) is str and is_text(data):
        return data
    raise DamagedRowError("has another form")


def _build_number(kind: Any, data: Any) -> Any:
    """Return a number or a truth value; a number may be given without a fraction."""
    found = type(data)
    if (found is kind or (kind is float and found is int)) and -_LARGEST < data < _LARGEST:
        return data
    raise DamagedRowError("has another form")


def _build_object(kind: type, data: Any) -> Any:
    if type(data) is not dict:
        raise DamagedRowError("is not an object")
    given = {}
    for name, build, is_needed in _fields_of(kind):
        if name in data:
            given[name] = build(data[name])
        elif is_needed:
            raise DamagedRowError(f"has no {name}")
    return kind(**given)


@cache
def _fields_of(kind: type) -> list[tuple[str, Callable[[Any], Any], bool]]:
    """Return the fields of a dataclass: the name, what makes the value, and whether a row must have it."""
    module = vars(sys.modules[kind.__module__])
    return [
        (one.name, _builder(eval(str(one.type), module)), one.default is MISSING and one.default_factory is MISSING)
        for one in fields(kind)
    ]
