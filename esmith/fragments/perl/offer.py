"""What a template offers to its Perl fragments: what the original's fragments of its path set."""

from __future__ import annotations

import re

from esmith.fields import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Offer:
    """What a template offers to its Perl fragments.

    :param variables: expressions of Perl, by the name they are the value of, with its sigil.
    :param missing: names that the original's fragments set and nobody sets here.
    :param source: the file that says so, for messages.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    source: str = ""

    def named_in(self, text: bytes) -> list[str]:
        """Return the names that a fragment has in it, in whatever sense: what it does not name it cannot ask for."""
        words = set(re.findall(rb"[A-Za-z_]\w*", text))
        return [name for name in (*self.variables, *self.missing) if name[1:].encode() in words]

    def code(self, name: str) -> str:
        """Return Perl that sets a name."""
        target = f"*{name[1:]}" if name.startswith("&") else name
        return f"{target} = do {{\n{self.variables[name]}\n}};"


#: The offer of a text that is not a template of its own.
NOTHING = Offer()
