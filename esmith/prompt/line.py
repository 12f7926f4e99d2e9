"""The words of a line that somebody types, as far as they can be known without running anything.

zsh and fish give the words. bash gives the line, which is read here: nothing of it is ever evaluated. A word that holds
what only the shell knows, such as ``$name``, is not known.
"""

from __future__ import annotations

#: What bash takes for nothing but itself without quotes, besides other letters and digits.
_SIGNS = "_-+.,/:@%="
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + _SIGNS
#: What it takes for more than itself within each kind of quotes.
_WITHIN = {"'": "'", '"': '"$`\\!'}


def offered(words: list[str]) -> list[str]:
    """Return those of some words that may be offered, in quotes where they need them.

    Not those that a command takes for an option, nor those with a character that is not printable: what a terminal does
    with that, no quotes prevent.
    """
    text = f" {' '.join(words)} "
    # All at once: of thousands seldom one is so.
    if text.isprintable() and " -" not in text and "  " not in text:
        return words
    return [word for word in words if word[:1] not in ("", "-") and word.isprintable()]


def bash_words(words: list[str], opened: str = "") -> list[str]:
    """Return words as bash needs them at the cursor, without those that cannot stand there.

    :param opened: the quote that is open there; "" for none.
    """
    if opened:
        return [word for word in words if not any(mark in word for mark in _WITHIN[opened])]
    return words if not "".join(words).strip(_PLAIN) else list(map(_escaped, words))


def _escaped(word: str) -> str:
    return "".join(char if char.isalnum() or char in _SIGNS else f"\\{char}" for char in word)


class Line:
    """What was typed up to the cursor.

    :param words: the words before the one at the cursor; None for one that is not known.
    :param current: what is typed of the word at the cursor.
    :param kept: how many characters of it the shell keeps, so that they are not part of an answer.
    :param opened: the quote that it begins with and that is still open, where bash needs to know.
    """

    __slots__ = ("current", "kept", "opened", "words")

    def __init__(self, words: list[str | None], current: str, kept: int = 0, opened: str = "") -> None:
        self.words, self.current, self.kept, self.opened = words, current, kept, opened


def bash_line(text: str, breaks: str) -> Line | None:
    """Return the line of bash; None where the word at the cursor is not known.

    :param text: the line, up to the cursor.
    :param breaks: ``COMP_WORDBREAKS``: what is before the last of these in a word, bash keeps.
    """
    reader = _Reader(text)
    reader.read()
    word = reader.word
    if reader.is_lost or reader.is_quoted and not reader.opened:
        return None
    kept = 0
    if not reader.opened:
        # bash itself takes "@" for the beginning of a host name, and keeps only what is before it.
        ends = [reader.bare.rfind(mark) + (mark != "@") for mark in breaks if mark in reader.bare]
        kept = max(ends, default=0)
    return Line(reader.words, word, kept, reader.opened)


class _Reader:
    """Reads the words of one simple command, as bash(1) has it under QUOTING."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.words: list[str | None] = []
        self.word = ""
        #: The word, with a NUL for each character after a backslash.
        self.bare = ""
        #: Whether there is a word at all, which may be empty: ''.
        self._begun = False
        #: Whether the word holds what only the shell knows.
        self.is_lost = False
        #: Whether something in the word stands in quotes, and whether it is just a quote that is still open.
        self.is_quoted = False
        self.opened = ""

    def read(self) -> None:
        """Read all of it."""
        place, text = 0, self._text
        while place < len(text):
            char = text[place]
            if char in " \t\n":
                self._end()
            elif char in "'\"":
                place = self._quoted(place)
            elif char == "\\":
                place += 1
                self._take(text[place : place + 1], "\0")
            elif char in ";|&(":
                # What is before it is another command.
                self._end()
                self.words.clear()
            elif char in "$`<>){}*?[]~#!" and not (char in "~#!" and self._begun):
                self._begun = self.is_lost = True
            else:
                self._take(char)
            place += 1

    def _take(self, text: str, bare: str = "") -> None:
        self._begun = True
        self.word += text
        self.bare += bare or text

    def _quoted(self, start: int) -> int:
        """Read what a quote begins, and return where it ends."""
        quote, text = self._text[start], self._text
        is_whole = not self._begun
        self._begun = self.is_quoted = True
        place = start + 1
        while place < len(text) and text[place] != quote:
            if quote == '"' and text[place] in "$`":
                self.is_lost = True
            if quote == '"' and text[place] == "\\" and text[place + 1 : place + 2] in ("$", "`", '"', "\\"):
                place += 1
                is_whole = False
            self.word += text[place : place + 1]
            place += 1
        if place >= len(text) and is_whole:
            self.opened = quote
        return place

    def _end(self) -> None:
        if self._begun:
            self.words.append(None if self.is_lost else self.word)
        self.word = self.bare = self.opened = ""
        self._begun = self.is_lost = self.is_quoted = False
