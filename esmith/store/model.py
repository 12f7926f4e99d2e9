"""What the store holds: records, and the revisions that changed them.

Plain classes with slots: importing :mod:`dataclasses` costs more than a whole ``getprop``.
"""

from __future__ import annotations

#: Stands in the journal for a value, or a part of a word, that was forgotten; no value can hold this character.
FORGOTTEN = "\x02"


class Record:
    """One record of a database.

    :param key: its name, e.g. ``qpsmtpd``.
    :param type: its type, e.g. ``service``; for a record without properties this is its value.
    :param props: its properties, in byte order of their names.
    """

    __slots__ = ("key", "props", "type")

    def __init__(self, key: str, type: str, props: dict[str, str]) -> None:
        self.key = key
        self.type = type
        self.props = props

    @classmethod
    def of_fields(cls, key: str, fields: list[str]) -> Record:
        """Return a record.

        :param fields: its type, and name and value of each property in turn.
        :raises ValueError: when the last property lacks its value.
        """
        return cls(key, fields[0], dict(zip(fields[1::2], fields[2::2], strict=True)))

    @property
    def text(self) -> str:
        """Its type, name and value of each property, with a NUL between."""
        fields = [self.type]
        for field in self.props.items():
            fields += field
        return "\0".join(fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return (self.key, self.type, self.props) == (other.key, other.type, other.props)

    def __hash__(self) -> int:
        return hash((self.key, self.type))

    def __repr__(self) -> str:
        return f"Record({self.key!r}, {self.type!r}, {self.props!r})"

    @property
    def raw(self) -> str:
        """The record in one line, ``type|property|value|...``, as the original's files and ``get`` show it.

        A ``|`` inside a value is written ``\\|`` (docs/original.md#text-files).
        """
        fields = [self.type]
        for name, value in self.props.items():
            fields += [name, value.replace("|", "\\|")]
        return "|".join(fields)


class Author:
    """Who changes something, for the journal.

    :param user: login name of the process.
    :param sudo_user: who called sudo, or "".
    :param command: the words of the command.
    """

    __slots__ = ("command", "sudo_user", "user")

    def __init__(self, user: str, sudo_user: str, command: list[str]) -> None:
        self.user = user
        self.sudo_user = sudo_user
        self.command = command

    @classmethod
    def current(cls, command: list[str]) -> Author:
        """Return the author of this process, running ``command``; what is not printable is written by its code."""
        import os
        import pwd

        try:
            user = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            user = str(os.getuid())
        clean = [_printable(word) for word in command]
        return cls(_printable(user), _printable(os.environ.get("SUDO_USER", "")), clean)


class Change:
    """One cell that a revision changed.

    :param database: name of the database.
    :param key: key of the record.
    :param prop: name of the property; "" for the record's type.
    :param old: the value before, None if there was none, FORGOTTEN if it was forgotten.
    :param new: the value after, None if it was deleted, FORGOTTEN if it was forgotten.
    """

    __slots__ = ("database", "key", "new", "old", "prop")

    def __init__(self, database: str, key: str, prop: str, old: str | None, new: str | None) -> None:
        self.database = database
        self.key = key
        self.prop = prop
        self.old = old
        self.new = new

    @property
    def cell(self) -> tuple[str, str, str]:
        """What was changed: (database, key, property)."""
        return self.database, self.key, self.prop

    def __repr__(self) -> str:
        return f"Change({self.database!r}, {self.key!r}, {self.prop!r}, {self.old!r}, {self.new!r})"


class Revision:
    """One entry of the journal: everything one command changed.

    :param number: 1 for the first change ever, then counting up by one.
    :param time: seconds since 1970.
    :param author: who did it, and with which command.
    :param changes: what changed.
    """

    __slots__ = ("author", "changes", "number", "time")

    def __init__(self, number: int, time: int, author: Author, changes: list[Change]) -> None:
        self.number = number
        self.time = time
        self.author = author
        self.changes = changes


class Erased:
    """What came of overwriting what no row holds any more.

    :param left: how many of the texts are still found.
    :param readers: processes that read an older state, which has to stay as long as they do.
    """

    __slots__ = ("left", "readers")

    def __init__(self, left: int, readers: list[int]) -> None:
        self.left = left
        self.readers = readers


def _printable(text: str) -> str:
    """Return a text as the journal has it; nearly all are printable, and do not pay for the import."""
    if text.isprintable():
        return text
    from esmith.printable import printable

    return printable(text)
