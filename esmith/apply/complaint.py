"""What a check complains of, and where the line it means comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from esmith.apply.views import Ended
from esmith.fragments.rendering import Rendering
from esmith.names import shorten

_SHOWN_LINES = 6
_LINE_LENGTH = 300
_LINE_NUMBER = re.compile(r"\bline (\d+)\b")
_WORD = re.compile(r"[A-Za-z_][\w.-]{2,}")


@dataclass(frozen=True)
class Complaint:
    """One line of what a check has to say.

    :param text: the line.
    :param path: the file it is about.
    :param number: the line of that file, from 1; 0 when that is not known.
    :param rendering: what gives that file, None when that is not known.
    """

    text: str
    path: str
    number: int
    rendering: Rendering | None

    @classmethod
    def about(cls, text: str, checked: str, renderings: Mapping[str, Rendering | None]) -> Complaint:
        """Find out what a line that a program printed is about.

        Programs name the file or not, and the line or not; clamconf names just the word it does not like.

        :param checked: the file that is checked.
        :param renderings: the files it may be about.
        """
        named = [path for path in renderings if re.search(rf"{re.escape(path)}(?![\w./-])", text)]
        path = checked if checked in named or not named else max(named, key=len)
        numbered = re.search(rf"{re.escape(path)}:(\d+)\b", text) or _LINE_NUMBER.search(text)
        if named and numbered:
            return cls(text, path, int(numbered[1]), renderings[path])
        candidates = [path] if named else [checked, *(other for other in renderings if other != checked)]
        for candidate in candidates:
            number = _line_that_begins_so(text, renderings.get(candidate))
            if number:
                return cls(text, candidate, number, renderings[candidate])
        number = int(numbered[1]) if numbered else 0
        return cls(text, path, number, renderings.get(path))

    def lines(self, *, numbered: bool) -> Iterator[str]:
        """Yield it as lines for the administrator.

        :param numbered: whether the number of the line is to be shown; a program's line has it already.
        """
        text = shorten("".join(char if char.isprintable() else "?" for char in self.text), _LINE_LENGTH)
        yield f"line {self.number}: {text}" if numbered and self.number else text
        fragment = self.rendering.fragment_at(self.number) if self.rendering and self.number else None
        if fragment is not None:
            yield f"line {self.number} comes from {fragment.path}"


def complaints(ended: Ended, fails_on: str) -> list[str] | None:
    """Return what a program has to complain of, None when it accepts its file.

    :param fails_on: a pattern of what it prints when it refuses the file; "" when its exit status tells.
    """
    errors = [line for line in ended.err.splitlines() if line.strip()]
    printed = errors + [line for line in ended.out.splitlines() if line.strip()]
    telling = [line for line in printed if re.search(fails_on, line)] if fails_on else []
    if ended.status == 0 and not telling:
        return None
    # Some print the whole file to standard output first.
    return list(dict.fromkeys(telling or errors or printed))[:_SHOWN_LINES]


def _line_that_begins_so(text: str, rendering: Rendering | None) -> int:
    """Return the number of the only line of a file that begins with a word of a text; 0 when there is none."""
    if rendering is None:
        return 0
    words = set(_WORD.findall(text))
    lines = rendering.content.decode("utf-8", "replace").splitlines()
    found = [number for number, line in enumerate(lines, 1) if (match := _WORD.match(line)) and match[0] in words]
    return found[-1] if len(found) == 1 else 0
