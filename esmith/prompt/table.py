"""The declarations of all commands as one text, which the program that answers shells looks up.

A command begins with a line ``:`` and what it is called by, its one sentence, and ``stops`` where nothing is an option
after the first operand. A line ``-`` is an option: names, kind, help. A line ``+`` is an operand: its kind, and
``repeats``. Between these are tabs. The program has it within itself (:func:`esmith.prompt.files.completion_files`): a
file of its own would have to be found, believed and read at each press of a key.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.prompt.declaration import Declaration


def text_of(declarations: Iterable[Declaration]) -> str:
    """Return the text of some commands and all below them."""
    lines: list[str] = []
    for declaration in (found for top in declarations for found in top.all()):
        lines.append(
            _line(":" + " ".join(declaration.words), first_sentence(declaration.short), "stops" * declaration.stops)
        )
        lines += [_line("-" + " ".join(one.names), one.kind, first_sentence(one.help)) for one in declaration.options]
        lines += [_line(f"+{one.kind}", "repeats" * one.repeats) for one in declaration.operands]
    return "\n".join(["", *lines, ""])


def _line(*parts: str) -> str:
    """Return a line; a part is made of words with blanks between, so no tab and no newline is in it."""
    return "\t".join(" ".join(part.split()) for part in parts)


def first_sentence(help: str) -> str:
    """Return the first sentence of a help, or what comes before a colon or a semicolon, without its mark."""
    import re

    # click shows the default at the end of what an option does.
    text = re.sub(r" *\[default: [^]]*\]$", "", " ".join(help.partition("\n\n")[0].split()))
    first = re.split(r"[.:;] (?=[A-Z])|; ", text, maxsplit=1)[0]
    return first if first.endswith("...") else first.rstrip(".:")


class Known:
    """One command of the table.

    :param table: the text.
    :param name: what the command is called by.
    """

    def __init__(self, table: str, name: str) -> None:
        self.name = name
        #: What its options are: name -> (kind, help).
        self.options: dict[str, tuple[str, str]] = {}
        self.operands: list[tuple[str, bool]] = []
        #: Its subcommands, each with its sentence.
        self.commands: dict[str, str] = {}
        self.stops = False
        self.is_known = False
        start = table.find(f"\n:{name}\t")
        if start < 0:
            return
        self.is_known = True
        first, *lines = table[start + 1 : _end(table, start)].split("\n")
        self.stops = first.endswith("\tstops")
        for line in lines:
            parts = line[1:].split("\t")
            if line[0] == "-":
                self.options |= dict.fromkeys(parts[0].split(), (parts[1], parts[2]))
            else:
                self.operands.append((parts[0], parts[1] == "repeats"))
        self._find_commands(table)

    def _find_commands(self, table: str) -> None:
        begin = f"\n:{self.name} "
        place = table.find(begin)
        while place >= 0:
            word, _, rest = table[place + len(begin) : table.find("\n", place + 1)].partition("\t")
            if " " not in word:
                self.commands[word] = rest.partition("\t")[0]
            place = table.find(begin, place + 1)

    def operand(self, number: int) -> str:
        """Return the kind of an operand, counted from 0; "" where there is none."""
        if number < len(self.operands):
            return self.operands[number][0]
        repeating = [kind for kind, repeats in self.operands if repeats]
        if not repeating:
            return ""
        return repeating[(number - len(self.operands)) % len(repeating)]


def _end(table: str, start: int) -> int:
    end = table.find("\n:", start + 1)
    return end if end >= 0 else len(table) - 1
