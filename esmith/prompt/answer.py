"""The program that a shell asks what may come next: ``esmith-complete``, which answers before anybody waits for it.

It reads the question from standard input, its parts ended by a NUL each, because the line may hold a password, and the
arguments of a process can be seen by everybody. The first part is the shell. Of bash it gets the line up to the cursor
and COMP_WORDBREAKS; of the others the words, the last of which is the one at the cursor.

The answer is a line that says what the shell is to do (``words``; ``nospace``, the same without a blank after a word;
``files`` or ``dirs``, to complete these itself) and one line for each word: the word, and where there is a note, a tab
and the note. For bash it is quoted, and without notes; zsh and fish quote what they insert. Where it has none, for
whatever reason, that is no error: nobody asked for anything yet.
"""

from __future__ import annotations

import os

from esmith.printable import printable
from esmith.prompt.line import Line, bash_line, bash_words, offered
from esmith.prompt.table import Known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    from esmith.prompt.candidates import Context

#: What the shell completes itself (:mod:`esmith.prompt.declaration`).
_BY_SHELL = ("files", "dirs")
#: Kinds of words that may be paths.
_PATHS = ("", "path", "what", "override")
#: Which database ``config`` is for.
_CONFIG = "configuration"
#: More of a line than anybody types, in bytes.
_LONGEST = 1 << 17
#: How much of a note is shown, in characters.
_LONGEST_NOTE = 70
_ROOT = "--root"


def main(table: str) -> NoReturn:
    """Answer the question on standard input, and end the process.

    :param table: the declarations, see :mod:`esmith.prompt.table`.
    """
    try:
        text = answer(table, _read())
        os.write(1, text.encode())
    finally:
        # Whatever is wrong, the shell shows nothing; the next command says what it is.
        os._exit(0)


def _read() -> bytes:
    question = os.read(0, _LONGEST)
    # A pipe may give the parts one after the other.
    while more := os.read(0, _LONGEST):
        question += more
    return question


def answer(table: str, question: bytes) -> str:
    """Return the answer to a question.

    :raises EsmithError: when the databases cannot be read.
    :raises LookupError: when the line does not show what may come.
    :raises ValueError: when it is no text.
    """
    shell, *parts = question.decode().split("\0")[:-1]
    line = bash_line(*parts[:2]) if shell == "bash" else Line([*parts[:-1]], parts[-1])
    if line is None:
        return ""
    place = _Place(table, line)
    kind = place.find()
    if kind in _BY_SHELL:
        return f"{kind}\n"
    found: dict[str, str] = {}
    current, skipped = line.current, len(place.option)
    try:
        for word, note in place.names(kind):
            if word.startswith(current):
                found.setdefault(word, note)
    finally:
        place.close()
    words = list(found)
    if not place.is_ours:
        words = [place.option + word for word in offered([word[skipped:] for word in words] if skipped else words)]
    is_begun = bool(words) and all(word[-1] in "/=" for word in words)
    if shell == "bash":
        # It shows no notes.
        lines = bash_words([word[line.kept :] for word in words], line.opened)
    else:
        if shell == "fish":
            # It quotes what it inserts, but not "~" at the beginning: that would become a home.
            words = [word for word in words if word[0] != "~"]
        lines = [f"{word}\t{_shown(note)}" if (note := found[word]) else word for word in words]
    return "\n".join(["nospace" if is_begun else "words", *lines, ""])


def _shown(note: str) -> str:
    # Of a sentence that is cut the beginning is of use as well.
    text = printable(note).partition(". ")[0]
    return text if len(text) <= _LONGEST_NOTE else f"{text[: _LONGEST_NOTE - 3]}..."


class _Place:
    """Where in a command the cursor is.

    :param table: the declarations.
    """

    def __init__(self, table: str, line: Line) -> None:
        self._table, self._line = table, line
        #: Whether the names are ours, and not somebody's.
        self.is_ours = True
        self._root: str | None = None
        self._given: dict[str, str | None] = {}
        self._operands: list[str | None] = []
        #: What the word at the cursor begins with before a value: ``--root=``.
        self.option = ""
        self._context: Context | None = None

    def find(self) -> str:
        """Return what kind of word is at the cursor: one of the candidates', ``commands`` or ``options``."""
        program, *words = self._line.words
        name = os.path.basename(program or "")
        known = Known(self._table, name)
        if not known.is_known:
            raise LookupError(name)
        if name == "config":
            self._given["database"] = _CONFIG
        kind, number, options_end, waiting = "", 0, False, ""
        for word in words:
            if waiting:
                self._take(waiting, word)
                waiting = ""
            elif not options_end and word is not None and word.startswith("-"):
                options_end = word == "--"
                waiting = self._after_option(known, word)
            elif known.commands and number >= len(known.operands):
                known, number = self._below(known, word), 0
                self._operands.clear()
            else:
                kind = known.operand(number)
                self._take(kind, word)
                self._operands.append(word)
                number += 1
                options_end = options_end or known.stops
        self._known = known
        return self._at_cursor(waiting, number, options_end=options_end)

    def _at_cursor(self, waiting: str, number: int, *, options_end: bool) -> str:
        known, current = self._known, self._line.current
        if waiting:
            return waiting.partition(" ")[2]
        option, mark, _ = current.partition("=")
        if not options_end and current.startswith("-"):
            if not mark:
                return "options"
            self.option = f"{option}="
            return known.options.get(option, ("", ""))[0]
        if known.commands and number >= len(known.operands):
            return "commands"
        kind = known.operand(number)
        # Of some operands that may be left out; and of what may be several things.
        paths = ["path" if other in ("", "what") else other for other, _ in known.operands if other in _PATHS]
        return paths[0] if current.startswith("/") and paths and kind not in _BY_SHELL else kind

    def _below(self, known: Known, word: str | None) -> Known:
        if word not in known.commands:
            raise LookupError(word)
        below = Known(self._table, f"{known.name} {word}")
        if below.stops:
            # Options of db and config stand anywhere before the key.
            below.options = known.options | below.options
        return below

    def _after_option(self, known: Known, word: str) -> str:
        """Return the name and the kind of an option whose word is still to come; "" for another."""
        name, mark, value = word.partition("=")
        kind = known.options.get(name, ("", ""))[0]
        if mark:
            self._take(f"{name} {kind}", value)
        return "" if mark or not kind else f"{name} {kind}"

    def _take(self, kind: str, word: str | None) -> None:
        """Note a word: an operand of a kind, or the word of an option, whose name is before the kind.

        :raises LookupError: when the root is not known: another one has other names.
        """
        name, _, option_kind = kind.partition(" ")
        if name == _ROOT:
            if word is None:
                raise LookupError(_ROOT)
            self._root = word
        else:
            kind = option_kind or kind
            self._given["key" if kind == "new-key" else kind] = word

    def names(self, kind: str) -> Iterable[tuple[str, str]]:
        """Yield the names of a kind, each with a note."""
        if kind == "options":
            return ((name, note) for name, (_, note) in self._known.options.items() if name.startswith("--"))
        if kind == "commands":
            return self._known.commands.items()
        if kind.startswith("="):
            return ((self.option + word, "") for word in kind[1:].split("|"))
        if kind.startswith(","):
            # Several of these, with commas between.
            typed = self._line.current[: self._line.current.rfind(",") + 1] or self.option
            given = typed.removeprefix(self.option).split(",")
            return ((typed + word, "") for word in kind[1:].split("|") if word not in given)
        self.is_ours = False
        from esmith.prompt.candidates import KINDS, Context

        if kind not in KINDS:
            return ()
        context = self._context = Context(self._root, self._line.current.removeprefix(self.option))
        context.given, context.words, context.operands = self._given, self._line.words, self._operands
        found = KINDS[kind](context)
        return ((self.option + word, note) for word, note in found) if self.option else found

    def close(self) -> None:
        """Close what was opened."""
        if self._context is not None:
            self._context.close()
