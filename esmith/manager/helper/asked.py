"""The arguments of a verb, checked one by one; what is not as it should be is a request that is none."""

from __future__ import annotations

from typing import Any

from esmith.manager import wire
from esmith.manager.helper.context import VerbError

#: The longest text that a verb which only looks takes, in characters: no name that is stored is longer.
LONGEST = 600
#: No number of a revision or a generation is larger.
LARGEST = 2**63 - 1


class Asked:
    """The arguments of a verb.

    :param arguments: as they came.
    :param names: the arguments that the verb has.
    :raises VerbError: when there are others.
    """

    def __init__(self, arguments: dict[str, Any], *names: str) -> None:
        other = sorted(set(arguments) - set(names))
        if other:
            raise _wrong(f"there is no argument {other[0][:60]!r}")
        self._arguments = arguments

    def text(self, name: str, default: str | None = None, *, most: int = LONGEST) -> str:
        """Return a text of one line.

        :param default: where it is missing or null; without one it must be there.
        :param most: how many characters it may have.
        :raises VerbError: when it is missing, no text, too long, or has control characters.
        """
        value = self._arguments.get(name)
        if value is None:
            value = default
        if not isinstance(value, str):
            raise _wrong(f"{name} is not a text")
        if len(value) > most:
            raise _wrong(f"{name} is too long; the most is {most} characters")
        if any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in value):
            raise _wrong(f"{name} holds a character that no name holds")
        return value

    def number(self, name: str, default: int | None = None, *, least: int = 0, most: int = LARGEST) -> int:
        """Return a whole number.

        :param default: where it is missing or null; without one it must be there.
        :raises VerbError: when it is missing, no whole number, too small or too large.
        """
        value = self._arguments.get(name)
        if value is None:
            value = default
        if type(value) is not int:
            raise _wrong(f"{name} is not a whole number")
        if not least <= value <= most:
            raise _wrong(f"{name} is not a number from {least} to {most}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return whether something is wanted.

        :raises VerbError: when it is neither true nor false.
        """
        value = self._arguments.get(name, default)
        if not isinstance(value, bool):
            raise _wrong(f"{name} is neither true nor false")
        return value


def not_found(message: str) -> VerbError:
    """Return the answer when what is asked for does not exist.

    :param message: which, in one sentence.
    """
    return VerbError(wire.NOT_FOUND, message)


def _wrong(message: str) -> VerbError:
    return VerbError(wire.BAD_REQUEST, message)
