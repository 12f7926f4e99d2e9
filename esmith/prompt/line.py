"""The words of a line that somebody types, as far as they can be known without running anything.

zsh and fish give the words. bash gives the line, which is read here: nothing of it is ever evaluated. A word that holds
what only the shell knows, such as ``$name``, is not known.
"""

from __future__ import annotations

#: In a name that is offered, besides letters and digits: nothing that any shell takes for more than itself.
_PLAIN = "_-+.,/:@%="
#: What a shell may take for more than itself at the beginning of a word, or a command for an option.
_NOT_FIRST = "-=%+"


def is_plain(word: str) -> bool:
    """Return whether a word means itself to bash, zsh and fish without any quotes, and may be offered.

    A value may hold anything; what holds blanks, quotes, ``$``, ``*`` or a control character is left out.
    """
    return bool(word) and word[0] not in _NOT_FIRST and all(char.isalnum() or char in _PLAIN for char in word)


class Line:
    """What was typed up to the cursor.

    :param words: the words before the one at the cursor; None for one that is not known.
    :param current: what is typed of the word at the cursor.
    :param kept: how many characters of it the shell keeps, so that they are not part of an answer.
    """

    __slots__ = ("current", "kept", "words")

    def __init__(self, words: list[str | None], current: str, kept: int = 0) -> None:
        self.words, self.current, self.kept = words, current, kept


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
        ends = [word.rfind(mark) + (mark != "@") for mark in breaks if mark in word]
        kept = max(ends, default=0)
    return Line(reader.words, word, kept)


class _Reader:
    """Reads the words of one simple command, as bash(1) has it under QUOTING."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.words: list[str | None] = []
        self.word = ""
        #: Whether there is a word at all, which may be empty: ''.
        self._begun = False
        #: Whether the word holds what only the shell knows.
        self.is_lost = False
        #: Whether something in the word is quoted, and whether it is just a quote that is still open.
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
                self.is_quoted = True
                place += 1
                self._take(text[place : place + 1])
            elif char in ";|&(":
                # What is before it is another command.
                self._end()
                self.words.clear()
            elif char in "$`<>){}*?[]~#!" and not (char in "~#!" and self._begun):
                self._begun = self.is_lost = True
            else:
                self._take(char)
            place += 1

    def _take(self, text: str) -> None:
        self._begun = True
        self.word += text

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
        self.word, self.opened = "", ""
        self._begun = self.is_lost = self.is_quoted = False
