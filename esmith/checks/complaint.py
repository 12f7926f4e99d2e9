"""What a check complains of, and where the line it means comes from."""

from __future__ import annotations

import re

from esmith.expressions import expression
from esmith.fields import dataclass
from esmith.names import shorten
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from esmith.checks.views import Ended
    from esmith.fragments.rendering import Rendering

#: How many complaints about one file are shown.
SHOWN_LINES = 6
_SHOWN_CANDIDATES = 3
_LINE_LENGTH = 300
_LINE_NUMBER = expression(r"\bline (\d{1,9})\b")
_WORD = expression(r"[A-Za-z_][\w.-]{2,}")


@dataclass(frozen=True)
class Complaint:
    """One line of what a check has to say.

    :param text: the line.
    :param path: the file it is about.
    :param numbers: the lines of that file that it may mean, from 1.
    :param rendering: what gives that file, None when that is not known.
    """

    text: str
    path: str
    numbers: tuple[int, ...]
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
        numbered = re.search(rf"{re.escape(path)}:(\d{{1,9}})\b", text) or _LINE_NUMBER.search(text)
        if named and numbered:
            return cls(text, path, (int(numbered[1]),), renderings[path])
        for candidate in [path] if named else [checked, *(other for other in renderings if other != checked)]:
            numbers = _lines_that_begin_so(text, renderings.get(candidate))
            if numbers:
                return cls(text, candidate, numbers, renderings[candidate])
        return cls(text, path, (int(numbered[1]),) if numbered else (), renderings.get(path))

    def lines(self) -> Iterator[str]:
        """Yield it as lines for the administrator."""
        yield shorten(printable(self.text), _LINE_LENGTH)
        if self.rendering is None:
            return
        # PHP names the line after the last one when something is not closed.
        last = len(self.rendering.content.splitlines())
        for number in self.numbers:
            fragments = self.rendering.fragments_at(min(number, last))
            if fragments:
                yield f"line {min(number, last)} comes from {fragments[-1].path}"
            for fragment in fragments[:-1]:
                yield f"  it begins in {fragment.path}, which does not end its last line"


def shown_lines(found: Iterable[Complaint]) -> tuple[str, ...]:
    """Return complaints as lines for the administrator; where a line comes from is written once."""
    lines = [line for complaint in found for line in complaint.lines()]
    return tuple(dict.fromkeys(lines))


def complaints(ended: Ended, fails_on: str) -> list[str] | None:
    """Return what a program has to complain of, None when it accepts its file.

    :param fails_on: a pattern of what it prints when it refuses the file; "" when its exit status shows it.
    """
    errors = [line for line in ended.err.splitlines() if line.strip()]
    printed = errors + [line for line in ended.out.splitlines() if line.strip()]
    matching = [line for line in printed if re.search(fails_on, line)] if fails_on else []
    if ended.status == 0 and not matching:
        return None
    # Some print the whole file to standard output first.
    return list(dict.fromkeys(matching or errors or printed))[:SHOWN_LINES]


def _lines_that_begin_so(text: str, rendering: Rendering | None) -> tuple[int, ...]:
    """Return the numbers of the lines that begin with a word of a text; none when there are many."""
    if rendering is None:
        return ()
    words = set(_WORD.findall(text))
    lines = rendering.content.decode("utf-8", "replace").splitlines()
    found = [number for number, line in enumerate(lines, 1) if (match := _WORD.match(line)) and match[0] in words]
    return tuple(found) if len(found) <= _SHOWN_CANDIDATES else ()
