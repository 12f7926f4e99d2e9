"""Choosing the engine of a fragment by its text (docs/fragments.md#which-language).

The blocks of a fragment are looked at as Text::Template would find them, and what is in them decides. Whether the
fragment is in the original's language unless it says otherwise is known to :mod:`esmith.fragments.language`.
"""

from __future__ import annotations

import functools
import re

from esmith.expressions import expression
from esmith.fields import dataclass
from esmith.fragments.choice import Choice
from esmith.fragments.signs import Block, has_interpolation, may_be_jinja, sign_of_perl

#: How much of the line before a brace is looked at.
_BEFORE = 200
_BRACE = expression(r"\\\\(?=\\*[{}])|\\[{}]|[{}]")
_ESCAPED = expression(r"\\[{}]")
_COULD_BE_PERL = expression(r"\{%\w+\s*\}|\{#[^{}]*\}")
_HALF = expression(r"\{(?:[{%]|#(?=\s))")
_WORD = expression(r"[A-Za-z_]\w*", re.ASCII)
_JINJA = expression(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


@dataclass
class _Found:
    """What Text::Template and Jinja2 would find in a text; it is kept, so nobody changes it.

    :param blocks: the outermost blocks that are no Jinja2.
    :param constructs: the places of what is Jinja2 with their ends, also inside blocks.
    :param escaped: the place of the first brace with a backslash, -1 when there is none.
    :param balanced: no brace is left open or closes nothing.
    """

    blocks: list[Block]
    constructs: list[tuple[int, int]]
    escaped: int = -1
    balanced: bool = True

    def holds_construct(self, block: Block) -> bool:
        """Return whether a block has Jinja2 in it."""
        return any(block.place < start < block.end for start, _ in self.constructs)


# An event reads the same fragment for many outputs, and a look at its text takes as long as to expand it.
@functools.lru_cache(maxsize=1024)
def choose_engine(text: str, *, place: str = "") -> Choice:
    """Return the engine a fragment's text asks for.

    :param place: why its place makes it Perl unless its text is Jinja2, e.g. ``beside fragments in Perl``; "" when
        the place says nothing, so that braces without a sign of Perl are plain text.
    """
    found = _search(text)
    constructs = [one for one in found.constructs if not (place and text.startswith("{#", one[0]))]
    for block in found.blocks:
        sign = sign_of_perl(block, alone=not found.holds_construct(block))
        if sign is None:
            continue
        what = f"has {sign[1]}"
        outside = [start for start, _ in constructs if not block.place < start < block.end]
        weak = [start for start in outside if not text.startswith("{#", start)]
        if weak:
            return _either(text, block.place, what, weak[0])
        return Choice("perl", f"{what} in braces", _line(text, block.place + 1 + sign[0]))
    if constructs:
        return _with_jinja(text, found, constructs, place)
    half = _HALF.search(text)
    if half and not (place and found.balanced):
        return _half_jinja(text, half, place)
    return _without_marks(text, found, place)


def bare_words(text: str) -> list[tuple[str, int]]:
    """Return the blocks that are only a word, each with its line: Perl takes the word for a text, or calls it."""
    words = ((block.text.strip(), block.place) for block in _search(text).blocks)
    return [(word, _line(text, place)) for word, place in words if _WORD.fullmatch(word)]


def _with_jinja(text: str, found: _Found, constructs: list[tuple[int, int]], place: str) -> Choice:
    """Return the engine of a text that has Jinja2 and no block of Perl."""
    start = constructs[0][0]
    if place and found.escaped >= 0:
        return _either(text, found.escaped, "has a brace with a backslash", start)
    for one, end in constructs if place else ():
        if has_interpolation(text[one:end]):
            return _either(text, one, "has a variable in double quotes", one)
    return Choice("jinja2", f"has {text[start : start + 2]}", _line(text, start))


def _half_jinja(text: str, mark: re.Match[str], place: str) -> Choice:
    """Return the engine of a text where a mark of Jinja2 begins and does not end."""
    line = _line(text, mark.start())
    if place or not _COULD_BE_PERL.match(text, mark.start()):
        return Choice("jinja2", f"has {mark.group()}", line)
    return Choice("", f"has {mark.group()}, which may be a hash or a comment of Perl or a mistake in Jinja2", line)


def _without_marks(text: str, found: _Found, place: str) -> Choice:
    """Return the engine of a text in which no brace shows what it is."""
    brace = re.search("[{}]", text)
    if brace is None:
        return Choice("text", "has nothing to expand")
    if place:
        return Choice("perl", f"has {brace.group()} {place}", _line(text, brace.start()))
    if found.escaped < 0:
        return Choice("text", "has nothing to expand")
    line, escaped = _line(text, found.escaped), text[found.escaped : found.escaped + 2]
    if not found.blocks and found.balanced:
        return Choice("perl", f"has {escaped}, which is how a brace is written beside Perl", line)
    reason = f"has {escaped} as beside Perl, and a brace without a backslash in which there is no sign of Perl"
    return Choice("", reason, line, either="Perl or plain text")


def _either(text: str, at: int, what: str, construct: int) -> Choice:
    mark = text[construct : construct + 2]
    return Choice("", f"{what} as Perl has, and {mark} as Jinja2 has", _line(text, at))


@functools.lru_cache(maxsize=1024)
def _search(text: str) -> _Found:
    """Find the blocks, the Jinja2 and the braces with a backslash of a text; an open block goes to the end."""
    found = _Found([], [])
    depth = start = place = 0
    for brace in _BRACE.finditer(text):
        if brace.start() < place:
            continue
        jinja = _JINJA.match(text, brace.start()) if brace.group() == "{" else None
        if jinja and may_be_jinja(jinja.group(), inside=depth > 0):
            found.constructs.append(jinja.span())
            place = jinja.end()
        elif brace.group() == "{":
            start = start if depth else brace.start()
            depth += 1
        elif brace.group() == "}" and depth:
            depth -= 1
            if depth == 0:
                found.blocks.append(_block(text, start, brace.start()))
        elif brace.group() == "}":
            found.balanced = False
        elif found.escaped < 0 and not depth and _ESCAPED.match(brace.group()):
            found.escaped = brace.start()
    if depth:
        found.balanced = False
        found.blocks.append(_block(text, start, len(text)))
    return found


def _block(text: str, start: int, end: int) -> Block:
    first = max(0, start - _BEFORE)
    return Block(start, end, text[max(first, text.rfind("\n", first, start) + 1) : start], text[start + 1 : end])


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
