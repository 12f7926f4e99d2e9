"""New secrets between a preview and its apply: they wait here, and never go back to the browser."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Any

#: How long they wait, in seconds; a session that is idle ends sooner.
_AGE = 1800.0
#: How many wait at most; the oldest goes first.
_MOST = 200
#: How long they may be together, in characters.
_MOST_CHARACTERS = 1_000_000


class Kept:
    """Secrets by a token that only the page of their preview has; another session cannot use it."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[float, bytes, dict[str, Any]]] = {}

    def keep(self, session: str, values: dict[str, Any]) -> str:
        """Keep values for a session; return their token, none when there are no values."""
        if not values:
            return ""
        now = time.monotonic()
        self._waiting = {token: row for token, row in self._waiting.items() if now - row[0] < _AGE}
        token = secrets.token_urlsafe(18)
        self._waiting[token] = (now, _whose(session), values)
        lengths = [sum(len(str(value)) for value in row[2].values()) for row in self._waiting.values()]
        while len(lengths) > _MOST or sum(lengths) > _MOST_CHARACTERS:
            del self._waiting[next(iter(self._waiting))], lengths[0]
        return token

    def find(self, session: str, token: str) -> dict[str, Any] | None:
        """Return the values of a token; None when they are gone or belong to another session."""
        at, owner, values = self._waiting.get(token, (0.0, b"", {}))
        return values if owner == _whose(session) and time.monotonic() - at < _AGE else None

    def forget(self, session: str) -> None:
        """Forget all values of a session that ends."""
        owner = _whose(session)
        self._waiting = {token: row for token, row in self._waiting.items() if row[1] != owner}

    def drop(self, token: str) -> None:
        """Forget values that were used."""
        self._waiting.pop(token, None)


def _whose(session: str) -> bytes:
    return hashlib.sha256(session.encode()).digest()
