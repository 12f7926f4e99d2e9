"""One call of etcd at whichever endpoint answers: the order of the endpoints, the time limit, the token.

The limit is for the whole call, also with three endpoints that hang: each gets its share of the time that is left to
connect, and for a read to answer. A change that was sent gets all of it, because nobody else may be asked then.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from esmith.errors import UsageError
from esmith.fleet.etcd import fields
from esmith.fleet.etcd.errors import AwayError, DeniedError, OutcomeUnknownError, RefusedByEtcdError
from esmith.fleet.etcd.fields import MalformedError
from esmith.fleet.etcd.judging import Judgement, Verdict, judge
from esmith.fleet.etcd.tls import Tls
from esmith.fleet.etcd.wire import Answer, Endpoint, LostError, NotSentError, TooLongError, Wire, endpoint_of

T = TypeVar("T")

#: Seconds after which a kept connection is tried before it is used; a new one is before a change. The kernel of a
#: member that hangs takes connections, and the outcome of a change that was sent there would not be known.
_FRESH = 0.5
#: With this a member that knows no leader refuses at once, and does not wait for one (etcd, "hasleader").
_NEEDS_LEADER = {"Grpc-Metadata-hasleader": "true"}
_AUTHENTICATE = "/v3/auth/authenticate"
#: Connections that are kept, an endpoint.
_KEPT = 2


class Session:
    """The endpoints of a cluster, with their kept connections. Threads may share it.

    :param endpoints: URLs; an ``https`` one needs ``tls``.
    :param user: the user of etcd, "" for none.
    :param timeout: seconds of a whole call.
    :raises UsageError: there is no endpoint, or one is not a URL.
    """

    def __init__(self, endpoints: Sequence[str], tls: Tls | None, user: str, password: str, timeout: float) -> None:
        self.endpoints = [endpoint_of(url) for url in endpoints]
        if not self.endpoints:
            raise UsageError("no endpoint of etcd is given", hint="an endpoint is like https://10.0.0.1:2379")
        self.user = user
        self.timeout = timeout
        self._password = password
        self._token = ""
        #: Whether etcd answered that it knows no users.
        self._is_open = False
        needs_tls = any(endpoint.is_tls for endpoint in self.endpoints)
        if needs_tls and tls is None:
            raise UsageError("an endpoint with https needs the certificates of this host")
        self._context = tls.context() if tls is not None and needs_tls else None
        self._lock = threading.Lock()
        self._order = list(self.endpoints)
        self._kept: dict[Endpoint, list[Wire]] = {endpoint: [] for endpoint in self.endpoints}

    def close(self) -> None:
        """Close all kept connections; the next call connects again."""
        with self._lock:
            wires = [wire for kept in self._kept.values() for wire in kept]
            for kept in self._kept.values():
                kept.clear()
        for wire in wires:
            wire.close()

    @property
    def order(self) -> list[Endpoint]:
        """The endpoints in the order in which they are tried now."""
        with self._lock:
            return list(self._order)

    def answered(self, endpoint: Endpoint, failed: Sequence[Endpoint] = ()) -> None:
        """Have an endpoint tried first from now on, and those that failed last."""
        with self._lock:
            if self._order[0] != endpoint:
                rest = [each for each in self._order if each not in (endpoint, *failed)]
                self._order = [endpoint, *rest, *(each for each in failed if each != endpoint)]

    def context_of(self, endpoint: Endpoint) -> Any:
        """The TLS towards an endpoint, None where it has none."""
        return self._context if endpoint.is_tls else None

    def call(
        self,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[Mapping[str, Any]], T],
        *,
        changes: bool,
        needs_leader: bool = True,
        timeout: float | None = None,
    ) -> T:
        """Ask until an endpoint has answered.

        :param read: makes the result of the answer; raises :class:`MalformedError`.
        :param changes: whether the request changes something, so that it may not be sent twice.
        :param timeout: seconds, when not those of the session.
        :raises AwayError: no endpoint answered, and nothing was changed.
        :raises OutcomeUnknownError: a change was sent and not answered.
        :raises RefusedByEtcdError: etcd refused; its subclasses say why.
        """
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        headers = _NEEDS_LEADER if needs_leader else {}
        reasons: dict[str, str] = {}
        order = self.order
        refused: RefusedByEtcdError | None = None
        for index, endpoint in enumerate(order):
            now = time.monotonic()
            share = now + (end - now) / (len(order) - index)
            try:
                answer, judgement = self._try(
                    endpoint, path, body, headers, (share, end if changes else share), changes
                )
                if judgement.verdict is Verdict.DONE:
                    result = read(answer.body)
                    self.answered(endpoint, order[:index])
                    return result
            except NotSentError as error:
                reasons[endpoint.url] = str(error)
                continue
            except (LostError, MalformedError) as error:
                if isinstance(error, TooLongError) and not changes:
                    raise
                judgement = Judgement(Verdict.UNKNOWN, str(error))
            reasons[endpoint.url] = judgement.reason
            if judgement.verdict is Verdict.UNKNOWN and changes:
                self._put_last(endpoint)
                raise OutcomeUnknownError(endpoint.url, judgement.reason)
            if judgement.verdict in (Verdict.REFUSED, Verdict.RENEW) and judgement.error:
                raise judgement.error
            refused = refused or judgement.error
        if refused is not None:
            raise refused
        raise AwayError(reasons)

    def _put_last(self, endpoint: Endpoint) -> None:
        with self._lock:
            self._order.remove(endpoint)
            self._order.append(endpoint)

    def _try(
        self,
        endpoint: Endpoint,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        ends: tuple[float, float],
        changes: bool,
    ) -> tuple[Answer, Judgement]:
        """Ask one endpoint, with a new token when the old one does not count any more.

        :param ends: until when it must be connected, and until when it must have answered.
        :raises NotSentError: nothing was sent.
        :raises LostError: it was, and there is no answer.
        """
        wire = self.take(endpoint, ends[0], probe=changes)
        is_whole = False
        try:
            token = self.token_at(wire, ends[0])
            answer, judgement = self._ask(wire, path, body, {**headers, **token}, ends[1])
            if judgement.verdict is Verdict.RENEW and self.user:
                self.forget(token)
                token = self.token_at(wire, ends[1])
                answer, judgement = self._ask(wire, path, body, {**headers, **token}, ends[1])
            is_whole = True
        finally:
            self._give(wire, is_whole)
        return answer, judgement

    def _ask(
        self, wire: Wire, path: str, body: Mapping[str, Any], headers: Mapping[str, str], end: float
    ) -> tuple[Answer, Judgement]:
        answer = wire.ask(path, body, headers, end)
        return answer, judge(answer, wire.endpoint.url)

    def take(self, endpoint: Endpoint, end: float, *, probe: bool, keep: bool = True) -> Wire:
        """Return a connection, a kept one where there is one.

        :param probe: whether to ask for the version first on a new one.
        :param keep: whether a kept one may be used.
        :raises NotSentError: there is none, or nobody answers on it.
        """
        if keep and (wire := self._take_kept(endpoint)) is not None:
            now = time.monotonic()
            with contextlib.suppress(NotSentError):
                return wire if now - wire.answered < _FRESH else self._tried(wire, now + (end - now) / 2)
        wire = Wire(endpoint, self.context_of(endpoint), end)
        return self._tried(wire, end) if probe else wire

    def _take_kept(self, endpoint: Endpoint) -> Wire | None:
        kept = self._kept[endpoint]
        with contextlib.suppress(IndexError):
            while True:
                wire = kept.pop()
                if wire.is_usable:
                    return wire
                wire.close()
        return None

    def _tried(self, wire: Wire, end: float) -> Wire:
        """Return a connection on which the member has answered just now."""
        try:
            wire.ask("/version", None, {}, end)
        except LostError as error:
            self._give(wire, is_whole=False)
            raise NotSentError(str(error)) from error
        return wire

    def _give(self, wire: Wire, is_whole: bool) -> None:
        """Keep a connection, or when it failed close all to that endpoint: the others will be no better."""
        kept = self._kept[wire.endpoint]
        if is_whole and wire.is_usable and len(kept) < _KEPT:
            kept.append(wire)
            return
        wire.close()
        while not is_whole and kept:
            with contextlib.suppress(IndexError):
                kept.pop().close()

    def token_at(self, wire: Wire, end: float) -> dict[str, str]:
        """Return the header with the token, {} without a user; asks for a token where there is none.

        :raises NotSentError: it could not be had from this endpoint.
        :raises RefusedByEtcdError: etcd does not take the user and the password.
        """
        if not self.user or self._is_open:
            return {}
        if not self._token:
            self._token = self._authenticate(wire, end)
        return {"Authorization": self._token} if self._token else {}

    def log_in(self, timeout: float) -> None:
        """Ask for a new token at whichever endpoint gives one.

        :param timeout: seconds for all of it.
        :raises AwayError: no endpoint gave one in time.
        :raises DeniedError: etcd does not take the user and the password.
        """
        end = time.monotonic() + timeout
        reasons: dict[str, str] = {}
        order = self.order
        self.forget_all()
        for index, endpoint in enumerate(order):
            now = time.monotonic()
            share = now + (end - now) / (len(order) - index)
            is_whole = False
            try:
                wire = self.take(endpoint, share, probe=True)
                try:
                    self.token_at(wire, share)
                    is_whole = True
                finally:
                    self._give(wire, is_whole)
            except NotSentError as error:
                reasons[endpoint.url] = str(error)
                continue
            self.answered(endpoint, order[:index])
            return
        raise AwayError(reasons)

    def forget(self, token: Mapping[str, str]) -> None:
        """Do without a token that etcd does not know any more, unless another thread has a new one already."""
        self._is_open = False
        if token.get("Authorization", "") == self._token:
            self._token = ""

    def forget_all(self) -> None:
        """Do without the token there is."""
        self._token, self._is_open = "", False

    def _authenticate(self, wire: Wire, end: float) -> str:
        body = {"name": self.user, "password": self._password}
        try:
            answer, judgement = self._ask(wire, _AUTHENTICATE, body, _NEEDS_LEADER, end)
            if judgement.verdict is Verdict.DONE:
                token = fields.text(answer.body, "token")
                if not token or not token.isascii() or not token.isprintable():
                    raise MalformedError("there is no token")
                return token
        except (LostError, MalformedError) as error:
            raise NotSentError(f"no token: {error}") from error
        if "authentication is not enabled" in judgement.reason:
            # As 'esmith fleet init' finds it, before it switches users on.
            self._is_open = True
            return ""
        if judgement.verdict is Verdict.REFUSED:
            cure = "the user may have been removed from the fleet, or the password is an old one"
            raise DeniedError(judgement.reason, place=wire.endpoint.url, hint=cure)
        raise NotSentError(f"no token: {judgement.reason}")
