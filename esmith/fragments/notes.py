"""What expanding a template leaves behind besides its text."""

from __future__ import annotations

from esmith.fields import dataclass, field
from esmith.fragments.reads import Reads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from esmith.fragments.choice import Choice
    from esmith.fragments.tree import Fragment


@dataclass
class Notes:
    """What expanding a template leaves behind besides its text.

    :param reads: what was read.
    :param warnings: what the fragments warned of, each once.
    :param engines: how each fragment was run, in order.
    :param names: the variables that were looked up, whether they were given or not.
    :param repeatable: whether the same variables give the same text for another output: Perl may do anything, and
        chance gives something else each time.
    """

    reads: Reads = field(default_factory=Reads)
    warnings: list[str] = field(default_factory=list)
    engines: list[tuple[Fragment, Choice]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    repeatable: bool = True

    def warn(self, text: str) -> str:
        """Note a warning; returns "", for fragments that print what it gives."""
        if text not in self.warnings:
            self.warnings.append(text)
        return ""

    def ran(self, fragment: Fragment, choice: Choice) -> None:
        """Note how a fragment was run."""
        if (fragment, choice) not in self.engines:
            self.engines.append((fragment, choice))

    def add(self, other: Notes, given: Collection[str]) -> None:
        """Note what a template inside this one left behind.

        :param given: the variables that this one gave it; it took all others from those of this one.
        """
        self.reads.add(other.reads)
        self.engines += [one for one in other.engines if one not in self.engines]
        self.names |= other.names.difference(given)
        self.repeatable &= other.repeatable
        for text in other.warnings:
            self.warn(text)
