r"""The original's database files: one record a line, as text (docs/original.md#text-files).

A line is ``key=type|property|value|...``. ``\n`` (two characters) in it stands for a newline and ``\|`` in a value for
a bar; a line that begins with ``#`` is a comment. The original knows no way to write a backslash that stands before
an ``n`` or before the bar between two fields. A record it would read otherwise has a comment before its line, which
says in JSON what it really is:

    # exact: {"name": "share", "type": "ibay", "props": {"Path": "C:\\new"}}
    share=ibay|Path|C:\new

Such a comment counts only as long as the line is the one that was written with it.

Bytes that are not UTF-8 are kept as surrogate escapes, so that they can be written back as they were.
"""

from __future__ import annotations

import io
import time

from esmith.errors import RefusedError
from esmith.names import shorten
from esmith.store.model import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: What ``\s`` is in the original's patterns.
BLANKS = " \t\n\r\f\v"

_EXACT = "# exact: "
_HEADER = """\
# DO NOT MODIFY THIS FILE.
# This file is automatically maintained by the Mitel Networks SME Server
# configuration software.  Manually editing this file may put your 
# system in an unknown state.
#
# updated: {}
"""  # noqa: W291  (to the byte)


class Entry:
    """A record where it stands in a file.

    :param number: the line, counted from 1.
    :param record: what the line says.
    :param text: the line, and the comment before it that belongs to it.
    :param flaws: what is odd about it, in words; the original still reads it as ``record``.
    """

    __slots__ = ("flaws", "number", "record", "text")

    def __init__(self, number: int, record: Record, text: str, flaws: list[str]) -> None:
        self.number = number
        self.record = record
        self.text = text
        self.flaws = flaws


def parse(data: bytes) -> Iterator[Entry]:
    """Yield every record of a file, in the order of its lines; a key may come more than once."""
    return (read_line(*line) for line in lines_of(data))


def lines_of(data: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield every line of a file that is a record: its number, itself, and the comment that may belong to it or ""."""
    comment = ""
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
        if line.startswith(_EXACT):
            comment = line
            continue
        start = line.lstrip(BLANKS)
        if start and start[0] != "#":
            yield number, line, comment
        comment = ""


def read_line(number: int, line: str, comment: str) -> Entry:
    """Return the record of a line, as :func:`lines_of` yields it."""
    record, flaws = _split(line)
    if not comment:
        return Entry(number, record, line, flaws)
    exact = _from_json(comment.removeprefix(_EXACT))
    if exact is not None and _line(exact) == line:
        return Entry(number, exact, f"{comment}\n{line}", [])
    return Entry(number, record, line, [*flaws, "the comment before the line does not belong to it: left out"])


def may_be_flat(data: bytes) -> bool:
    """Return whether a file may hold records: some line has a ``=``, or there is nothing but comments."""
    is_empty = True
    for line in io.BytesIO(data):
        if line.strip() and not line.lstrip().startswith(b"#"):
            if b"=" in line:
                return True
            is_empty = False
    return is_empty


def header() -> str:
    """Return the comment a file begins with."""
    return _HEADER.format(time.asctime())


def format_record(record: Record) -> str:
    """Return the line of a record, with a comment before it where the original would read something else."""
    line = _line(record)
    return line if reads_equal(record) else f"{_EXACT}{_json(record)}\n{line}"


def reads_equal(record: Record) -> bool:
    """Return whether the original reads the line of a record as that record."""
    return _split(_line(record))[0] == record


def as_the_original(record: Record) -> Record:
    """Return what the original reads in the line of a record."""
    return _split(_line(record))[0]


def check_key(file: str, key: str) -> None:
    """Refuse a key that would be lost in a file.

    :raises RefusedError: with the reason.
    """
    if not key:
        raise RefusedError("a key cannot be empty", place=file, hint="name the record")
    if key != key.strip(BLANKS) or key.startswith("#") or any(char in key for char in "=\n\0"):
        raise RefusedError(
            "a key cannot begin or end with a blank, begin with '#', or contain '=', a newline or a NUL",
            place=f"{file}: key {shorten(key)!r}",
            hint="such records are lost in a flat file; choose another key",
        )


def check_property(place: str, prop: str) -> None:
    """Refuse a property name that cannot be found again in a file.

    :param place: file and key, for the message.
    :raises RefusedError: with the reason.
    """
    if not prop:
        raise RefusedError("a property name cannot be empty", place=place, hint="name the property")
    if any(char in prop for char in "|\n\0"):
        raise RefusedError(
            "a property name cannot contain '|', a newline or a NUL",
            place=f"{place}: property {shorten(prop)!r}",
            hint="choose another name",
        )


def check_type(place: str, type: str) -> None:
    """Refuse a type that would be read as properties.

    :param place: file and key, for the message.
    :raises RefusedError: with the reason.
    """
    if "|" in type:
        raise RefusedError(
            "a type cannot contain '|'", place=place, hint="give properties as separate words: set KEY TYPE PROP VALUE"
        )
    check_value(place, type)


def check_value(place: str, value: str) -> None:
    """Refuse a value that a text file cannot hold. Newlines are allowed, as in the original.

    :param place: file, key and property, for the message.
    :raises RefusedError: with the reason.
    """
    if "\0" in value:
        raise RefusedError("a value cannot contain a NUL", place=place, hint="give it as plain text")


def sorted_props(props: dict[str, str]) -> dict[str, str]:
    """Return properties in the byte order of their names."""
    if "".join(props).isascii():
        names = sorted(props)
        return props if names == list(props) else {name: props[name] for name in names}
    return dict(sorted(props.items(), key=lambda item: as_bytes(item[0])))


def as_bytes(text: str) -> bytes:
    """Return a text as it stands in a file."""
    return text.encode("utf-8", "surrogateescape")


def _split(line: str) -> tuple[Record, list[str]]:
    """Return the record of a line as the original reads it, and what is odd about it."""
    flaws = []
    key, equals, value = line.partition("=")
    if not equals:
        flaws.append("there is no '=': read as a record with an empty value")
    type, *fields = _fields(value.replace("\\n", "\n"))
    if len(fields) % 2:
        flaws.append("the last field is a property without a value: read as empty")
        fields.append("")
    props: dict[str, str] = {}
    for name, text in zip(fields[::2], fields[1::2], strict=True):
        if name in props:
            flaws.append(f"the property {shorten(name)!r} stands there twice: the last one counts")
        props[name] = text.replace("\\|", "|") if "\\" in text else text
    return Record(key, type, sorted_props(props)), flaws


def _fields(value: str) -> list[str]:
    """Return what stands between the bars, but for bars that have a backslash before them."""
    if "\\" not in value:
        return value.split("|")
    first, *others = value.split("|")
    fields = [first]
    for part in others:
        if fields[-1].endswith("\\"):
            fields[-1] += f"|{part}"
        else:
            fields.append(part)
    return fields


def _line(record: Record) -> str:
    # A backslash at the end of a field hides the bar behind it, so that field comes last, where no bar follows.
    props = sorted(record.props.items(), key=lambda item: (item[1].endswith("\\"), as_bytes(item[0])))
    fields = [record.type]
    for name, value in props:
        fields += [name, value.replace("|", "\\|")]
    return f"{record.key}={'|'.join(fields)}".replace("\n", "\\n")


def _json(record: Record) -> str:
    import json

    data = {"name": record.key, "type": record.type, "props": record.props}
    return json.dumps(data, ensure_ascii=False)


def _from_json(text: str) -> Record | None:
    import json

    try:
        data = json.loads(text)
        match data:
            case {"name": str(key), "type": str(type), "props": dict(props)} if all(
                isinstance(value, str) for value in props.values()
            ):
                record = Record(key, type, sorted_props(props))
                as_bytes(_line(record))
                return record
    except (ValueError, RecursionError):  # no JSON, or no text
        return None
    return None
