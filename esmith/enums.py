"""Classes of named values, as :mod:`enum` has them, which takes longer to import than a file takes to be made.

Type checkers take :class:`Enum` for that of :mod:`enum`, and it is that as far as the engine uses it: each member is
one object with ``name`` and ``value``, a text, and a class yields its members in order.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import Enum
    from typing import Any

__all__ = ["Enum"]


class _Members(type):
    """A class that yields its members."""

    def __iter__(cls) -> Iterator[Any]:
        return (one for one in vars(cls).values() if isinstance(one, cls))


class _Enum(metaclass=_Members):
    """What has one of the named values of its class."""

    __slots__ = ("name", "value")
    name: str
    value: str

    def __init_subclass__(cls) -> None:
        for name, value in list(vars(cls).items()):
            if isinstance(value, str) and not name.startswith("_"):
                member = cls()
                member.name, member.value = name, value
                setattr(cls, name, member)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}: {self.value!r}>"


if not TYPE_CHECKING:
    Enum = _Enum
