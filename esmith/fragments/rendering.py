"""What expanding a template for one output gives."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from esmith.fragments.engine import Choice
from esmith.fragments.metadata import Metadata
from esmith.fragments.reads import Reads
from esmith.fragments.tree import Fragment, Template


class Kind(enum.Enum):
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
    :param metadata: what is said of its template.
    :param kind: what it should be.
    :param content: the content of a file, the target of a link.
    :param mode: its permissions.
    :param owner: the user it should belong to.
    :param group: the group it should belong to.
    :param engines: how each fragment was run, in order.
    :param spans: how many lines each fragment gave, in order.
    :param reads: what was read.
    :param warnings: what the fragments warned of.
    :param recalled: nothing it is made of has changed and the output is as it was installed, so it was not expanded:
        content, engines and reads are not known.
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
    spans: list[tuple[Fragment, int]] = field(default_factory=list)
    reads: Reads = field(default_factory=Reads)
    warnings: list[str] = field(default_factory=list)
    recalled: bool = False

    def fragment_at(self, line: int) -> Fragment | None:
        """Return the fragment that a line of the output comes from, None when that is not known.

        :param line: from 1.
        """
        last = 0
        for fragment, count in self.spans:
            last += count
            if line <= last:
                return fragment
        return None
