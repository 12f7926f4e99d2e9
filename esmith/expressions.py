"""Regular expressions that are compiled when they are first used: a command uses few of those that its modules have."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import compile as expression
    from typing import Any

__all__ = ["expression"]


class _Expression:
    """Stands for a compiled expression."""

    def __init__(self, *given: Any) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        import re

        compiled = re.compile(*self._given)
        # The next look-up of the name does not come here any more.
        found = self.__dict__[name] = getattr(compiled, name)
        return found


if not TYPE_CHECKING:
    expression = _Expression
