"""What expanding a template for one output gives."""

from __future__ import annotations

import itertools

from esmith.enums import Enum
from esmith.expressions import expression
from esmith.fields import dataclass, field
from esmith.fragments.metadata import NO_BLANK_LINES, Metadata
from esmith.fragments.reads import Reads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fragments.choice import Choice
    from esmith.fragments.tree import Fragment, Template

_LINE = expression(rb"[^\n]*\n|[^\n]+")


class Kind(Enum):
    """What an output should be."""

    FILE = "file"
    SYMLINK = "symlink"
    #: It should not exist.
    ABSENT = "absent"
    #: It is left as it is, whether it exists or not.
    LEFT = "left"


@dataclass
class Rendering:
    """What one output should be.

    :param path: its absolute path in the configured system.
    :param template: its template.
    :param metadata: the metadata of its template.
    :param kind: what it should be.
    :param content: the content of a file, the target of a link.
    :param mode: its permissions.
    :param owner: the user it should belong to.
    :param group: the group it should belong to.
    :param engines: how each fragment was run, in order.
    :param parts: what each fragment gave, in order; empty when the lines of the content are not theirs.
    :param own: what was read for this output alone.
    :param warnings: what the fragments warned of.
    :param others: the files that its fragments make besides, by ``processTemplate``.
    :param beside: the output whose fragment makes this one so; "" for an output of its own.
    :param key: the record or key it is for; None for none.
    :param listed: the making of the keys it is one of, for an output of a template with ``outputs``: it depends on what
        was read for that as well, which is the same for all of them.
    :param recalled: nothing it is made of has changed and the output is as it was installed, so it was not expanded:
        content, engines and reads are not known.
    :param repeatable: whether expanding it once more gives the same: chance gives something else each time.
    """

    path: str
    template: Template
    metadata: Metadata
    kind: Kind = Kind.FILE
    content: bytes = b""
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    engines: list[tuple[Fragment, Choice]] = field(default_factory=list)
    parts: list[tuple[Fragment, bytes]] = field(default_factory=list)
    own: Reads = field(default_factory=Reads)
    warnings: list[str] = field(default_factory=list)
    others: list[Rendering] = field(default_factory=list)
    beside: str = ""
    key: str | None = None
    listed: Rendering | None = None
    recalled: bool = False
    repeatable: bool = True

    @property
    def reads(self) -> Reads:
        """What was read. It may be much, and is put together each time: see :meth:`reads_apart`."""
        if self.listed is None:
            return self.own
        found = Reads()
        for reads in self.reads_apart():
            found.add(reads)
        return found

    def reads_apart(self) -> list[Reads]:
        """Return what was read for the keys, which all outputs of a template have in common, and for this output."""
        return [self.own] if self.listed is None else [self.listed.own, self.own]

    @property
    def own_warnings(self) -> list[str]:
        """The warnings without those of the making of the keys, which stand at the end."""
        return self.warnings if self.listed is None else self.warnings[: -len(self.listed.warnings) or None]

    def fragments_at(self, line: int) -> list[Fragment]:
        """Return the fragments that a line of the output comes from, none when that is not known.

        They are several where one does not end its last line.

        :param line: from 1.
        """
        ends = list(itertools.accumulate(len(part) for _, part in self.parts))
        number = 0
        for found in _LINE.finditer(b"".join(part for _, part in self.parts)):
            number += not (NO_BLANK_LINES in self.metadata.filters and not found[0].strip())
            if number == line:
                pairs = zip(self.parts, ends, strict=True)
                return [
                    fragment
                    for (fragment, part), end in pairs
                    if part and end > found.start() and end - len(part) < found.end()
                ]
        return []
