"""How ``db`` and ``config`` answer a wrong command line; a right one does not pay for it."""

from __future__ import annotations

from itertools import pairwise

from esmith.cli.verbs import VERBS, Verb
from esmith.errors import UsageError
from esmith.schema.secrecy import MASK, looks_secret


def refuse_joined(program: str, words: list[str], operands: list[str]) -> None:
    """Refuse two commands typed as one: the wiki page lost line breaks (docs/page.md, blocks 86 to 91).

    :param words: the arguments of the program.
    :param operands: those of the verb, which are the last of them.
    :raises UsageError: when one of the operands begins a second command.
    """
    for joined in ("signal-event", "expand-template"):
        if joined in operands:
            place = words.index(joined)
            shown = [words[0], *(MASK if looks_secret(prop) else word for prop, word in pairwise(words))]
            raise UsageError(
                f"these are two commands; type them one after the other:\n"
                f"    {program} {' '.join(shown[:place])}\n"
                f"    {' '.join(shown[place:])}"
            )


def usage() -> str:
    """Return the usage message of ``db``, which is the original's."""
    return "\n".join(["usage:", *(f"    {usage_line(verb)}" for verb in VERBS.values())])


def usage_line(verb: Verb) -> str:
    """Return the line of the usage message that shows a verb."""
    return f"/sbin/e-smith/db dbfile {verb.name} {verb.operands}".rstrip()
