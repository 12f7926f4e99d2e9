"""``db DATABASE batch`` and ``config batch``: many commands from standard input, in one transaction.

A line is what would be typed after ``config``, with the quotes of a shell (shlex). All lines are done, or none is.
"""

from __future__ import annotations

import os

from esmith.cli.verbs import VERBS, NothingDone
from esmith.errors import EsmithError, RefusedError, UsageError
from esmith.schema.silent import Silent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.cli.verbs import Verb
    from esmith.schema.load import Schema
    from esmith.store.protocol import Transaction

#: What makes a line one for shlex, which takes longer than the command itself.
_QUOTES = ("'", '"', "\\")
_READ_BYTES = 2**20


def commands_of(text: str) -> list[tuple[int, Verb, list[str]]]:
    """Return the commands of a text: the number of the line, the verb, and its operands.

    Blank lines, and those that begin with ``#``, are left out.

    :raises UsageError: when a line is no command that writes; its number is in the message.
    """
    found = []
    split = _words_of if any(quote in text for quote in _QUOTES) else _words_without_quotes
    for number, line in enumerate(text.split("\n"), 1):
        words = split(line, number)
        if not words or words[0].startswith("#"):
            continue
        name, *operands = words
        verb = VERBS.get(name)
        if verb is None or verb.write is None:
            writing = ", ".join(name for name, one in VERBS.items() if one.write is not None)
            raise UsageError(f"line {number}: {name!r} is not one of {writing}", hint="nothing was changed")
        if not verb.accepts(operands):
            raise UsageError(f"line {number}: needs {verb.name} {verb.operands}", hint="nothing was changed")
        found.append((number, verb, operands))
    return found


def _words_without_quotes(line: str, _number: int) -> list[str]:
    return line.split()


def _words_of(line: str, number: int) -> list[str]:
    if not any(quote in line for quote in _QUOTES):
        return line.split()
    import shlex

    try:
        return shlex.split(line)
    except ValueError as error:
        reason = f"{error}".lower()
        raise UsageError(
            f"line {number}: the quotes are wrong: {reason}", hint="correct them; nothing was changed"
        ) from error


def do_all(
    commands: list[tuple[int, Verb, list[str]]], transaction: Transaction, schema: Schema | None, database: str
) -> list[str]:
    """Do all commands, and return their hints, each with its line.

    :raises EsmithError: for the first that is refused, or that finds no record; the caller gives up the transaction.
    """
    hints: list[str] = []
    silent = Silent(schema, transaction) if schema is not None else None
    for number, verb, operands in commands:
        assert verb.write is not None
        try:
            if verb.name == "setprop" and silent and len(operands) == 3:
                key, prop, value = operands
                if silent.is_silent_setting(database, key, prop, value):
                    transaction.set_prop(database, key, prop, value)
                    continue
            outcome = verb.write(transaction, schema, database, operands)
        except EsmithError as error:
            error.place = f"line {number}: {error.place}" if error.place else f"line {number}"
            raise
        if outcome is None or isinstance(outcome, NothingDone):
            reason = outcome.reason if outcome else f"{database} has no record {operands[0]!r}"
            raise RefusedError(reason, place=f"line {number}")
        hints += (f"line {number}: {hint}" for hint in outcome)
    return hints


def read_input() -> str:
    """Return standard input.

    :raises RefusedError: when it is not UTF-8.
    """
    content = b"".join(_parts())
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RefusedError("is not UTF-8", place=f"line {line}", hint="nothing was changed") from None


def _parts() -> Iterator[bytes]:
    while part := os.read(0, _READ_BYTES):
        yield part
