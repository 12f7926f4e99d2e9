"""Arguments that came over the wire: each is of the type it has to be, and short; nothing else is there.

The web process is not trusted. What a text means is checked by those who look it up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from esmith.manager import wire
from esmith.manager.helper.context import VerbError

#: How long the name of a thing may be, and a value of a setting, in characters.
LONGEST_NAME, LONGEST_VALUE = 1000, 100_000
#: How many values one operation may have, and how many entries one of them.
MOST_VALUES, MOST_ENTRIES = 1000, 20_000
#: No number of a revision or a generation is larger.
_GREATEST = 2**63 - 1
#: How long somebody may take to confirm a change, in seconds.
_SHORTEST_CONFIRM, _LONGEST_CONFIRM = 5, 24 * 3600

#: Checks a value, and returns it.
Check = Callable[[str, Any], Any]


def take(data: Any, required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> dict[str, Any]:
    """Return arguments that have been checked.

    :param data: what came.
    :param required: the arguments that have to be there, each with its check.
    :param optional: those that may be; they are None where they are missing.
    :raises VerbError: when one is missing, unknown, or not what it has to be.
    """
    if not isinstance(data, dict):
        raise wrong("the arguments are not an object")
    known = {**required, **(optional or {})}
    for name in data:
        if name not in known:
            raise wrong(f"there is no argument {shown(name)}")
    for name in required:
        if name not in data:
            raise wrong(f"the argument {name} is missing")
    found = {name: check(name, data[name]) for name, check in known.items() if name in data}
    return {**dict.fromkeys(known), **found}


def wrong(message: str) -> VerbError:
    """Return the error of a request that cannot be read."""
    return VerbError(wire.BAD_REQUEST, message)


def shown(text: object) -> str:
    """Return the beginning of what came, for a message."""
    return ascii(text if not isinstance(text, str) else text[:60])


def text(name: str, value: Any, longest: int = LONGEST_VALUE) -> str:
    """Check a text: it may be stored, or refused by the store with a reason."""
    if not isinstance(value, str):
        raise wrong(f"{name} is not a text")
    if len(value) > longest:
        raise wrong(f"{name} is longer than {longest} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise wrong(f"{name} is not a text: it holds half a character") from None
    return value


def named(name: str, value: Any) -> str:
    """Check the name of a thing: it is not empty, and one line without characters that are not printable."""
    found = text(name, value, LONGEST_NAME)
    if not found or not found.isprintable():
        raise wrong(f"{name} is not a name")
    return found


def or_none(check: Check) -> Check:
    """Return a check that lets null pass as well."""
    return lambda name, value: None if value is None else check(name, value)


text_or_none, named_or_none = or_none(text), or_none(named)


def query(name: str, value: Any) -> str:
    """Check what is searched for."""
    return text(name, value, LONGEST_NAME)


def line(longest: int = LONGEST_NAME) -> Check:
    """Return the check of a text that may be empty, but has no control characters.

    :param longest: how many characters it may have.
    """

    def check(name: str, value: Any) -> str:
        found = text(name, value, longest)
        if any(char < " " or char == "\x7f" for char in found):
            raise wrong(f"{name} holds a character that no name holds")
        return found

    return check


def flag(name: str, value: Any) -> bool:
    """Check a truth value."""
    if not isinstance(value, bool):
        raise wrong(f"{name} is neither true nor false")
    return value


def number(name: str, value: Any) -> int:
    """Check a number that counts something."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _GREATEST:
        raise wrong(f"{name} is not a number")
    return value


def count(least: int = 0, most: int = _GREATEST) -> Check:
    """Return the check of a number that is neither too small nor too large."""

    def check(name: str, value: Any) -> int:
        found = number(name, value)
        if not least <= found <= most:
            raise wrong(f"{name} is not a number from {least} to {most}")
        return found

    return check


def seconds(name: str, value: Any) -> float | None:
    """Check how long somebody may take to confirm a change, or null."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(f"{name} is not a number of seconds")
    if not _SHORTEST_CONFIRM <= value <= _LONGEST_CONFIRM:
        raise wrong(f"{name} is not between {_SHORTEST_CONFIRM} and {_LONGEST_CONFIRM} seconds")
    return float(value)


def mapping(name: str, value: Any) -> dict[str, Any]:
    """Check an object, of which the names are texts."""
    if not isinstance(value, dict) or len(value) > MOST_VALUES:
        raise wrong(f"{name} is not an object, or it has too many parts")
    for key in value:
        text(f"a name in {name}", key, LONGEST_NAME)
    return value


def values(name: str, value: Any) -> dict[str, str | None]:
    """Check values of properties: a text, or null for none."""
    found = mapping(name, value)
    return {key: None if one is None else text(f"{name}: {shown(key)}", one) for key, one in found.items()}


def form_values(name: str, value: Any) -> dict[str, str | list[str] | None]:
    """Check values of fields: a text, a list of texts, or null for not set."""
    found: dict[str, str | list[str] | None] = {}
    for key, one in mapping(name, value).items():
        where = f"{name}: {shown(key)}"
        found[key] = texts(where, one) if isinstance(one, list) else None if one is None else text(where, one)
    return found


def texts(name: str, value: Any) -> list[str]:
    """Check a list of texts."""
    if not isinstance(value, list) or len(value) > MOST_ENTRIES:
        raise wrong(f"{name} is not a list, or it is too long")
    return [text(name, one) for one in value]


def words(name: str, value: Any) -> list[str]:
    """Check the arguments of an event."""
    found = texts(name, value)
    if len(found) > 3:
        raise wrong(f"{name} has too many words")
    return [named(name, one) for one in found]
