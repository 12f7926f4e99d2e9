"""Which engine the texts of fragments ask for, kept in the private directory of a root.

To look at a text takes as long as to expand it, and what comes out follows from the text alone
(:func:`esmith.fragments.engine.choose_engine`). So it is kept by the digest of the text.
"""

from __future__ import annotations

import marshal
import os
import sys

from esmith.fragments.choice import Choice
from esmith.looks import looks_of_program
from esmith.private import PrivateDirectory, digest_of, keep_later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout

#: Another number for another form of the file.
_FILE = f"choices-1-{sys.hexversion:x}"
#: The modules that choose.
_DECIDING = ("engine.py", "signs.py", "kept_choices.py")
#: More than these are not kept: those of texts that are no more are among them.
_MOST = 5000
#: Why a text that shows no language is in the original's, where it only matters whether that is so.
_PLACE = "in the original's language"


class KeptChoices:
    """What the texts of fragments ask for. The file is read when the first is asked for.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._directory = PrivateDirectory(layout.kept_code)
        self._rows: dict[str, tuple[str, str, int, str, bool]] | None = None
        self._head = ""

    def choose(self, data: bytes) -> tuple[Choice, bool]:
        """Return the engine a text asks for, and whether it asks for the same one in the original's language."""
        rows, name = self._all(), digest_of(data)
        if name in rows:
            engine, reason, line, either, is_certain = rows[name]
            return Choice(engine, reason, line, either), is_certain
        # Only where the text is new.
        from esmith.fragments.engine import choose_engine

        text = data.decode("utf-8", "surrogateescape")
        choice = choose_engine(text)
        is_certain = choose_engine(text, place=_PLACE).engine == choice.engine
        if len(rows) < _MOST:
            rows[name] = choice.engine, choice.reason, choice.line, choice.either, is_certain
            keep_later(self._directory.path, _FILE, self._content)
        return choice, is_certain

    def _content(self) -> bytes:
        return marshal.dumps((self._head, self._all()))

    def _all(self) -> dict[str, tuple[str, str, int, str, bool]]:
        if self._rows is None:
            self._rows = {}
            here = os.path.dirname(os.path.abspath(__file__))
            self._head = looks_of_program(f"{here}/{name}" for name in _DECIDING)
            content = self._directory.read(_FILE)
            if content is not None:
                head, rows = marshal.loads(content)
                if head == self._head and len(rows) < _MOST:
                    self._rows = rows
        return self._rows
