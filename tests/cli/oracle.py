"""What ``db`` has to do, as docs/original.md says: the oracle of test_db_random.py.

It shares no code with the product, and knows records as plain dictionaries.
Where this version differs from the original on purpose, a comment names the
row of docs/original.md.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

#: Verb, operands of the usage line, how many operands it needs, how many of the first must not be empty, and where its
#: pairs begin.
TABLE: dict[str, tuple[str, int, int, int | None]] = {
    "keys": ("", 0, 0, None),
    "print": ("[key]", 0, 0, None),
    "show": ("[key]", 0, 0, None),
    "get": ("key", 1, 1, None),
    "set": ("key type [prop1 val1] [prop2 val2] ...", 2, 1, 2),
    "setdefault": ("key type [prop1 val1] [prop2 val2] ...", 2, 2, 2),
    "delete": ("key", 1, 1, None),
    "printtype": ("[key]", 0, 0, None),
    "gettype": ("key", 1, 1, None),
    "settype": ("key type", 2, 2, None),
    "printprop": ("key [prop1] [prop2] [prop3] ...", 1, 1, None),
    "getprop": ("key prop", 2, 2, None),
    "setprop": ("key prop1 val1 [prop2 val2] [prop3 val3] ...", 3, 1, 1),
    "delprop": ("key prop1 [prop2] [prop3] ...", 2, 1, None),
}


def usage_line(verb: str) -> str:
    """Return the line of the usage message for a verb, without the blanks before it."""
    return f"/sbin/e-smith/db dbfile {verb} {TABLE[verb][0]}".rstrip()


USAGE = "usage:\n" + "".join(f"    {usage_line(verb)}\n" for verb in TABLE)


@dataclass
class Expected:
    """What a command has to do.

    :param code: its exit code.
    :param out: what it prints.
    :param err: what it says on stderr; None for a message of this version, of one line at least.
    """

    code: int
    out: str = ""
    err: str | None = ""


class Refused(Exception):  # noqa: N818  (it is an outcome)
    """What is to be stored cannot be: exit code 3."""


@dataclass
class Record:
    """A record: its type and its properties."""

    type: str
    props: dict[str, str] = field(default_factory=dict)

    def ordered(self) -> list[tuple[str, str]]:
        """Return the properties in byte order."""
        return sorted(self.props.items(), key=lambda pair: pair[0].encode())

    def raw(self) -> str:
        """Return the record as ``get`` prints it: a bar in a value has a backslash before it."""
        fields = [self.type]
        for name, value in self.ordered():
            fields += [name, value.replace("|", "\\|")]
        return "|".join(fields)

    def shown(self, key: str) -> list[str]:
        """Return the lines of ``show``; a record without a type shows no properties."""
        lines = [f"    {name}={value}" for name, value in self.ordered()] if self.type else []
        return [f"{key}={self.type}", *lines]


class Oracle:
    """A database, or a flat file.

    :param flat: whether it is a flat file, where values may have several lines and any length.
    """

    def __init__(self, *, flat: bool) -> None:
        self.flat = flat
        self.records: dict[str, Record] = {}

    def run(self, words: list[str]) -> Expected:
        """Carry out a command: the words after the database."""
        if any("\udc80" <= char <= "\udcff" for word in words for char in word):
            return Expected(3, err=None)
        verb, operands = (words[0] if words else ""), words[1:]
        if verb not in TABLE:
            return Expected(2, err=USAGE)
        _, needs, named, pairs = TABLE[verb]
        odd = pairs is not None and (len(operands) - pairs) % 2 == 1
        if len(operands) < needs or "" in operands[:named] or odd:
            return Expected(2, err=usage_line(verb) + "\n")
        if pairs is not None and "signal-event" in operands:
            return Expected(2, err=None)
        if verb.startswith(("set", "del")):
            return self._write(verb, operands)
        lines = self._read(verb, operands)
        return Expected(1) if lines is None else Expected(0, "".join(f"{line}\n" for line in lines))

    def dump(self) -> str:
        """Return what ``print`` prints."""
        return "".join(f"{key}={self.records[key].raw()}\n" for key in self._keys())

    def file_lines(self) -> list[str]:
        """Return the lines of the flat file that are no comments, in the original's format.

        Changed: a value that ends with a backslash comes last, where no bar follows that the backslash would hide.
        """
        lines = []
        for key in self._keys():
            record = self.records[key]
            last = {name: value for name, value in record.props.items() if value.endswith("\\")}
            first = {name: value for name, value in record.props.items() if name not in last}
            fields = [Record(record.type, first).raw(), *([Record("", last).raw()[1:]] if last else [])]
            lines.append(f"{key}={'|'.join(fields)}".replace("\n", "\\n"))
        return lines

    def _keys(self) -> list[str]:
        return sorted(self.records, key=str.encode)

    def _read(self, verb: str, operands: list[str]) -> list[str] | None:
        if verb == "keys":
            return self._keys() or None
        if verb in ("print", "show", "printtype"):
            wanted = [key for key in self._keys() if not operands or key == operands[0]]
            return [line for key in wanted for line in self._listed(verb, key)] or None
        record = self.records.get(operands[0])
        if verb == "printprop" and len(operands) > 1:
            # Of one record, or of none at all: never exit 1.
            props = record.props if record else {}
            return [f"{name}={props[name]}" for name in operands[1:] if name in props]
        if record is None:
            return None
        if verb == "get":
            return [record.raw()]
        if verb == "gettype":
            return None if record.props and not record.type else [record.type]
        if verb == "printprop":
            return [f"{name}={value}" for name, value in record.ordered()] or None
        # Changed: the type of a record that has no property "type".
        value = record.props.get(operands[1], record.type if operands[1] == "type" else None)
        return None if value is None else [value]

    def _listed(self, verb: str, key: str) -> list[str]:
        record = self.records[key]
        if verb == "show":
            return record.shown(key)
        return [f"{key}={record.raw() if verb == 'print' else record.type}"]

    def _write(self, verb: str, operands: list[str]) -> Expected:
        key = operands[0]
        record = self.records.get(key)
        try:
            if verb == "set" or (verb == "setdefault" and record is None):
                self.records[key] = self._made(key, operands[1], operands[2:])
            elif verb in ("delete", "settype") and record is None:
                return Expected(1)
            elif verb == "delete":
                del self.records[key]
            elif record is not None and verb == "settype":
                self.records[key] = self._made(key, operands[1], [], record.props)
            elif record is not None and verb == "setprop":
                self.records[key] = self._made(key, record.type, operands[1:], record.props)
            elif record is not None and verb == "delprop":
                for name in operands[1:]:
                    record.props.pop(name, None)
        except Refused:
            # Changed: what cannot be kept exactly is refused (docs/original.md#values-and-names).
            return Expected(3, err=None)
        return Expected(0)

    def _made(self, key: str, type: str, pairs: list[str], old: dict[str, str] | None = None) -> Record:
        new = dict(zip(pairs[::2], pairs[1::2], strict=True))
        self._check_name(key, extra="=")
        if key != key.strip(" \t\n\r\f\v" if self.flat else " \t") or key.startswith("#"):
            raise Refused
        self._check_value(type)
        if "|" in type:
            raise Refused
        for name, value in new.items():
            self._check_name(name, extra="|")
            if not name or (not self.flat and len(f"{key}.{name}".encode()) > 511):
                raise Refused
            self._check_value(value)
        if not self.flat and len(f"{key}.".encode()) > 511:
            raise Refused
        return Record(type, {**(old or {}), **new})

    def _check_name(self, name: str, *, extra: str) -> None:
        if any(char in name for char in f"\n{extra}"):
            raise Refused
        self._check_controls(name)

    def _check_value(self, value: str) -> None:
        self._check_controls(value)
        if not self.flat and len(value.encode()) > 65_536:
            raise Refused

    def _check_controls(self, text: str) -> None:
        if not self.flat and any(unicodedata.category(char) == "Cc" and char != "\t" for char in text):
            raise Refused
