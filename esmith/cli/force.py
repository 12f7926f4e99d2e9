"""The command that stores what the schema does not allow, as a message shows it."""

from __future__ import annotations

import shlex
from itertools import pairwise

from esmith.schema.load import Schema

#: A longer command is cut after its key, in characters.
_LONGEST = 200


def forced(command: list[str], operands: list[str], schema: Schema, database: str) -> str:
    """Return a refused command with ``--force``, quoted for a shell.

    A command with the value of a secret property is cut after its key, and so is a long one.

    :param command: the program and its arguments.
    :param operands: the last of the arguments: the key, and what follows it.
    :param schema: says which properties are secret.
    """
    forced = [command[0], "--force", *command[1:]]
    # Any two words in a row may be a property and its value: where the pairs begin depends on the verb.
    is_secret = any(
        schema.may_be_secret(database, operands[0], prop if place else "", value)
        for place, (prop, value) in enumerate(pairwise(operands))
    )
    shown = shlex.join(forced)
    if is_secret or len(shown) > _LONGEST:
        return f"{shlex.join(forced[: len(forced) - len(operands) + 1])} ..."
    return shown
