"""Who is logged in. The helper makes the sessions, and keeps them in its memory: with it they end.

Of a token only the digest is kept, so that nobody who reads this memory has one.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: How long a session lasts at most, in seconds, whatever is done in it.
ABSOLUTE = 8 * 3600.0
#: How many sessions an account may have, and all accounts together. The one that was not used for longest ends.
MOST_OF_ACCOUNT = 50
MOST = 500
_TOKEN_BYTES = 32
#: A token is longer by a third than its bytes.
LONGEST_TOKEN = 64


def since_boot() -> float:
    """Return the time that the limits are counted in, in seconds: it goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Session:
    """A session.

    :param account: who is logged in.
    :param address: from where the login came.
    :param idle: how long it lasts without use, in seconds.
    :param mark: what the account looked like at the login (:func:`esmith.manager.helper.login.still_allowed`).
    :param since: when it began, in the time of the limits.
    :param began: the same in seconds since 1970.
    :param used: when it was used last, in the time of the limits.
    """

    account: str
    address: str
    idle: float
    mark: str
    since: float
    began: float
    used: float
    digest: bytes = field(repr=False, default=b"")

    def idle_left(self, now: float) -> float:
        """Return how long it lasts without use, in seconds."""
        return self.used + self.idle - now

    def absolute_left(self, now: float) -> float:
        """Return how long it lasts at most, in seconds."""
        return self.since + ABSOLUTE - now


class Sessions:
    """All of them.

    :param clock: the time of the limits.
    """

    def __init__(self, clock: Callable[[], float] = since_boot) -> None:
        self._clock = clock
        self._sessions: dict[bytes, Session] = {}

    def begin(self, account: str, address: str, *, idle: float, mark: str) -> str:
        """Begin a session and return its token.

        :param account: who has logged in.
        :param address: from where.
        :param idle: how long it lasts without use, in seconds.
        :param mark: what the account looks like now.
        """
        self._end_old()
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._clock()
        session = Session(account, address, idle, mark, now, time.time(), now, _digest(token))
        self._make_room([other for other in self._sessions.values() if other.account == account], MOST_OF_ACCOUNT)
        self._make_room([*self._sessions.values()], MOST)
        self._sessions[session.digest] = session
        return token

    def _make_room(self, sessions: list[Session], most: int) -> None:
        for session in sorted(sessions, key=lambda one: one.used)[: max(0, len(sessions) - most + 1)]:
            del self._sessions[session.digest]

    def find(self, token: str, *, is_use: bool = True) -> Session | None:
        """Return the session of a token, None when there is none, or it has ended.

        :param is_use: whether it lasts longer by that.
        """
        self._end_old()
        session = self._sessions.get(_digest(token))
        if session is not None and is_use:
            session.used = self._clock()
        return session

    def is_on(self, session: Session) -> bool:
        """Return whether a session has not ended."""
        self._end_old()
        return self._sessions.get(session.digest) is session

    def _end_old(self) -> None:
        now = self._clock()
        ended = [one.digest for one in self._sessions.values() if min(one.idle_left(now), one.absolute_left(now)) <= 0]
        for digest in ended:
            del self._sessions[digest]

    def end(self, session: Session) -> None:
        """End a session; nothing happens when it has ended."""
        self._sessions.pop(session.digest, None)

    def end_all(self, account: str) -> None:
        """End all sessions of an account."""
        for session in self.of(account):
            self.end(session)

    def of(self, account: str) -> list[Session]:
        """Return the sessions of an account, the one that was used last first."""
        self._end_old()
        found = [session for session in self._sessions.values() if session.account == account]
        return sorted(found, key=lambda session: session.used, reverse=True)

    def left(self, session: Session) -> dict[str, int]:
        """Return how long a session lasts, in whole seconds: without use, and at most."""
        now = self._clock()
        return {"idle_left": int(session.idle_left(now)), "absolute_left": int(session.absolute_left(now))}

    def last_use(self, session: Session) -> float:
        """Return when a session was used last, in seconds since 1970."""
        return time.time() - (self._clock() - session.used)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
