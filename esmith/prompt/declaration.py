"""The declaration of a command: its options, its operands, its help (docs/commands.md#esmith-completion).

:mod:`esmith.cli.declarations` makes these of the commands; completion and manual pages are made of them, so that both
know a new command, option or verb at once.
"""

from __future__ import annotations

from esmith.fields import dataclass, field

#: What a shell completes by itself.
FILES, DIRECTORIES = "files", "dirs"


@dataclass(frozen=True)
class Option:
    """One option.

    :param names: as they are typed.
    :param kind: what its word is, see :mod:`esmith.prompt.candidates`; "" for a flag.
    :param shown: as a help page shows it, with what stands for its word.
    :param help: what it does.
    """

    names: tuple[str, ...]
    kind: str
    shown: str
    help: str


@dataclass(frozen=True)
class Operand:
    """One operand.

    :param kind: what it is, see :mod:`esmith.prompt.candidates`.
    :param repeats: whether it may come again, together with those beside it that may.
    """

    kind: str
    repeats: bool = False


@dataclass(frozen=True)
class Declaration:
    """One command.

    :param words: what it is called by, e.g. ``esmith history``.
    :param short: its help in one sentence.
    :param help: its help, in paragraphs; one that begins with ``\\b`` is shown as it is.
    :param usage: what follows its name.
    :param stops: whether nothing is an option any more after the first operand.
    :param commands: its subcommands.
    :param heading: the one that it stands below, in the help page of the command above it.
    """

    words: tuple[str, ...]
    short: str
    help: str
    usage: str
    options: list[Option] = field(default_factory=list)
    operands: list[Operand] = field(default_factory=list)
    stops: bool = False
    commands: list[Declaration] = field(default_factory=list)
    heading: str = ""

    def all(self) -> list[Declaration]:
        """Return it and all commands below it."""
        return [self, *(found for command in self.commands for found in command.all())]
