"""What a verb gets: the root, and who asks; and the errors that it answers with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esmith.errors import EsmithError
from esmith.manager import wire
from esmith.store.model import Author

if TYPE_CHECKING:
    from esmith.layout import Layout

#: A verb: from who asks and the arguments to the result.
Verb = Callable[["Context", dict[str, Any]], Any]


@dataclass(frozen=True)
class Context:
    """Who asks.

    :param layout: the root.
    :param account: the account that is logged in.
    :param address: the address of its browser.
    """

    layout: Layout
    account: str
    address: str

    def author(self, what: str) -> Author:
        """Return the author of a change, for the journal: the account, what was changed, and from where.

        :param what: the page, or what was done: ``configuration/email``, ``undo 12``.
        """
        return Author(self.account, "", ["server-manager", what, "from", self.address])


def not_found(what: str) -> VerbError:
    """Return the answer about something that does not exist.

    :param what: which, in one sentence.
    """
    return VerbError(wire.NOT_FOUND, what)


class VerbError(Exception):
    """What a verb answers with when it does not do what was asked.

    :param kind: one of :data:`esmith.manager.wire.KINDS`.
    :param message: a sentence for the administrator.
    :param more: what else is to be known: place, hint, fields, retry_after, conflict.
    """

    def __init__(self, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.more = more

    @classmethod
    def of(cls, error: EsmithError, kind: str = wire.FAILED) -> VerbError:
        """Return the answer of an error of the engine."""
        return cls(kind, error.message, place=error.place, hint=error.hint)

    @property
    def line(self) -> bytes:
        """The line of the protocol."""
        return wire.error(self.kind, self.message, **self.more)
