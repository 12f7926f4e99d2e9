"""Reading TOML files: which keys a table may hold, and the type of each.

One reader for ``template.toml``, the schema files and the files of services, so that all of them report a mistake in
the same way: the file, the table, the key, and what its value must be.
"""

from __future__ import annotations

import io

from esmith.names import nearest, shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from esmith.errors import EsmithError
else:
    Protocol = object

#: How much of a wrong value a message shows, in characters.
_SHOWN = 60


#: What no timeout has to exceed, in seconds; the system refuses one that is much longer.
_LONGEST = 1_000_000


class Type:
    """What the value of a key must be. Plain, because ``config setprop`` pays for every import.

    :param name: how a message names it, as in "must be a list of strings".
    :param accepts: whether a value is one.
    """

    __slots__ = ("accepts", "name")

    def __init__(self, name: str, accepts: Callable[[Any], bool]) -> None:
        self.name = name
        self.accepts = accepts


def _fits(value: int) -> bool:
    """Return whether a number has 64 bits, all that TOML promises (https://toml.io/en/v1.0.0#integer)."""
    return -(2**63) <= value < 2**63


def _is_texts(values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


TEXT = Type("a string", lambda value: isinstance(value, str))
NAME = Type("a string that is not empty", lambda value: isinstance(value, str) and value != "")
FLAG = Type("true or false", lambda value: isinstance(value, bool))
INTEGER = Type("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool) and _fits(value))
NUMBER = Type(
    "a number",
    lambda value: INTEGER.accepts(value) or (isinstance(value, float) and float("-inf") < value < float("inf")),
)
SECONDS = Type(f"a number of seconds, at most {_LONGEST}", lambda value: NUMBER.accepts(value) and value <= _LONGEST)
TEXTS = Type("a list of strings", lambda value: isinstance(value, list) and _is_texts(value))
TABLE = Type("a table", lambda value: isinstance(value, dict))
TEXT_TABLE = Type("a table of strings", lambda value: isinstance(value, dict) and _is_texts(value.values()))


def either(one: Type, other: Type) -> Type:
    """Return the type of a key whose value may be of two types."""
    return Type(f"{one.name} or {other.name}", lambda value: one.accepts(value) or other.accepts(value))


def one_of(*words: str) -> Type:
    """Return the type of a key whose value is one of some strings."""
    return Type(f"one of {', '.join(map(repr, words))}", lambda value: value in words)


def list_of(*words: str) -> Type:
    """Return the type of a key whose value is a list of some strings."""
    name = f"a list, and each of it {one_of(*words).name}"
    return Type(name, lambda value: TEXTS.accepts(value) and all(word in words for word in value))


class Tables(Protocol):
    """What files hold that were read before; :class:`esmith.private.KeptTables` is that."""

    def find(self, path: str, /) -> tuple[dict[str, Any] | None, bytes | None]:
        """Return what a file holds, None when that is not known, and what it looks like."""

    def note(self, path: str, looks: bytes | None, data: dict[str, Any], /) -> None:
        """Note what a file holds that was read."""

    def is_checked(self, path: str, program: str, /) -> bool:
        """Return whether what was found for a file is in order, as the program says that decides on it."""

    def note_checked(self, path: str, program: str, /) -> None:
        """Note that what a file holds is in order."""


_tables: Tables | None = None


def find_in(tables: Tables | None) -> None:
    """Have files that were read before not be read again in this process.

    :param tables: what they hold; None to read every file.
    """
    global _tables
    _tables = tables


class TomlFile:
    """A TOML file that was read.

    :param path: the file, which messages name.
    :param error: the class of the errors.
    :param data: what the file holds, where that is known already; it is not read then.
    :param text: what was read of the file, where that was done already.
    :raises EsmithError: of that class, when the file cannot be read or is not TOML.
    :raises FileNotFoundError: when there is no such file.
    :raises NotADirectoryError: when its directory is a file.
    """

    def __init__(
        self, path: str, error: type[EsmithError], data: dict[str, Any] | None = None, text: bytes | None = None
    ) -> None:
        self.path = path
        self._error = error
        self._tables: Tables | None = None
        self._is_known = False
        if data is not None:
            self.data = data
            return
        self._tables = _tables if text is None else None
        known, looks = self._tables.find(path) if self._tables is not None else (None, None)
        self._is_known = known is not None
        if known is not None:
            self.data = known
            return
        try:
            with open(path, "rb") if text is None else io.BytesIO(text) as file:
                import tomllib

                self.data = tomllib.load(file)
        except (FileNotFoundError, NotADirectoryError):
            raise
        except (OSError, ValueError, RecursionError) as trouble:
            raise self.error(f"cannot be read: {trouble}", hint="correct the file, or install it again") from trouble
        if _tables is not None:
            _tables.note(path, looks, self.data)

    def is_checked(self, program: str) -> bool:
        """Return whether the file is as it was when it was found to be in order.

        :param program: how the files of the program look that decide on that.
        """
        return self._is_known and self._tables is not None and self._tables.is_checked(self.path, program)

    def note_checked(self, program: str) -> None:
        """Note that the file is in order."""
        if self._tables is not None:
            self._tables.note_checked(self.path, program)

    def error(self, message: str, hint: str = "") -> EsmithError:
        """Return an error of this file, to be raised.

        :param hint: what to do.
        """
        return self._error(message, place=self.path, hint=hint)

    def check(self, table: Any, keys: Mapping[str, Type], name: str = "") -> None:
        """Check that a table has only known keys, and each a value of its type.

        :param table: the table, or the value that should be one.
        :param keys: the type of each key.
        :param name: the table's name, as it stands between brackets in the file; "" for the file as a whole.
        :raises EsmithError: of the file's class, when it does not.
        """
        if not isinstance(table, dict):
            raise self.error(f"{name} must be a table, not {_shown(table)}", hint=f"write [{name}]")
        where = f"[{name}] " if name else ""
        for key, value in table.items():
            if key not in keys:
                close = nearest(key, keys)
                hint = f"did you mean {close!r}?" if close else f"the keys are {', '.join(keys)}"
                raise self.error(f"{where}unknown key {key!r}", hint=hint)
            if not keys[key].accepts(value):
                raise self.error(f"{where}{key} must be {keys[key].name}, not {_shown(value)}", hint="correct the file")


def _shown(value: Any) -> str:
    """Return a value for a message; a number that Python writes out for nobody (more than 4,300 digits) without it."""
    try:
        return shorten(str(value).lower() if isinstance(value, bool) else repr(value), _SHOWN)
    except ValueError:
        return "a number that is too long"
