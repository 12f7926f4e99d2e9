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
    _ran: set[tuple[str, str, str, int, str]] = field(default_factory=set)

    def warn(self, text: str) -> str:
        """Note a warning; returns "", for fragments that print what it gives."""
        if text not in self.warnings:
            self.warnings.append(text)
        return ""

    def ran(self, fragment: Fragment, choice: Choice) -> None:
        """Note how a fragment was run."""
        self._add_engines([(fragment, choice)])

    def add(self, other: Notes, given: Collection[str]) -> None:
        """Note what a template inside this one left behind.

        :param given: the variables that this one gave it; it took all others from those of this one.
        """
        self.reads.add(other.reads)
        self._add_engines(other.engines)
        self.names |= other.names.difference(given)
        self.repeatable &= other.repeatable
        for text in other.warnings:
            self.warn(text)

    def _add_engines(self, others: list[tuple[Fragment, Choice]]) -> None:
        for one in others:
            # By what is compared fast: a template with many inside it is asked for each of them.
            fragment, choice = one
            place = fragment.path, fragment.name, choice.engine, choice.line, choice.reason
            if place not in self._ran:
                self._ran.add(place)
                self.engines.append(one)
