"""What an answer of etcd means: done, refused so that nothing happened, or not known.

What is not known to be a refusal is not known. A refusal is made before the request is handed to the cluster (no
leader, too many requests, too large, no token: ``etcdserver/v3_server.go`` and ``api/v3rpc/interceptor.go`` of etcd
3.4), or when it is applied, which then changes nothing (no right). "No room" is neither: see :class:`FullError`. Which
words come with which, ``tests/fleet/etcd`` tries with the real etcd, but for too many requests, learners, and a gateway
that does not reach its own member.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from esmith.fleet.etcd.errors import (
    BusyEtcdError,
    CompactedError,
    DeniedError,
    FullError,
    RefusedByEtcdError,
)
from esmith.fleet.etcd.fields import MalformedError, number, words
from esmith.fleet.etcd.wire import Answer

#: The numbers of gRPC (its documentation, "Status codes").
_INVALID, _NOT_FOUND, _EXISTS, _DENIED, _PRECONDITION, _RANGE, _MISSING, _UNAUTHENTICATED = (
    3, 5, 6, 7, 9, 11, 12, 16,
)  # fmt: skip
_OK = 200
_CLIENT_ERRORS = range(400, 500)
_NEEDS_TOKEN = ("invalid auth token", "revision of auth store is old", "user name is empty")
_TOO_LARGE = "what is sent to etcd at once must be at most 1.5 MB and 128 operations"


class Verdict(Enum):
    """What to do next."""

    DONE = "it is done"
    ELSEWHERE = "nothing happened here; another endpoint may do it"
    RENEW = "nothing happened here; it needs a new token"
    REFUSED = "nothing happened, and no other endpoint will do it"
    UNKNOWN = "it may have happened"


class Judgement(NamedTuple):
    """A verdict with its reason, and the error to raise."""

    verdict: Verdict
    reason: str
    error: RefusedByEtcdError | None = None


def judge(answer: Answer, place: str) -> Judgement:
    """Say what an answer means for the request.

    :param place: the endpoint, for messages.
    """
    if answer.status == _OK and answer.body and "error" not in answer.body:
        return Judgement(Verdict.DONE, "")
    if "code" not in answer.body:
        return _of_http(answer, place)
    try:
        # etcd 3.4 has its words as "error"; 3.5 as "message", and 3.5 of some as both.
        code, message = number(answer.body, "code"), words(answer.body, "error") or words(answer.body, "message")
    except MalformedError as error:
        return Judgement(Verdict.UNKNOWN, f"its answer is not one of etcd: {error}")
    return of_message(code, message, place)


def _of_http(answer: Answer, place: str) -> Judgement:
    """Judge an answer that is not etcd's own but of the server of HTTP before it."""
    reply = f"HTTP {answer.status}: {answer.text or 'nothing'}"
    if "CommonName of client" in answer.text:
        cure = "make one without: 'esmith fleet certificates --out /root/renewed --client HOST'"
        reason = "the certificate of this host has a common name (CN), which etcd does not take with JSON"
        return Judgement(Verdict.REFUSED, reason, DeniedError(reason, place=place, hint=cure))
    if answer.status in _CLIENT_ERRORS:
        return Judgement(Verdict.ELSEWHERE, f"{reply}; this is not etcd, or its JSON gateway is switched off")
    return Judgement(Verdict.UNKNOWN, f"its answer is not one of etcd: {reply}")


def of_message(code: int, message: str, place: str) -> Judgement:
    """Judge etcd's own error.

    :param code: the number of gRPC.
    :param message: etcd's words.
    """
    if elsewhere := _elsewhere(message):
        return Judgement(
            Verdict.ELSEWHERE, elsewhere, BusyEtcdError(message) if "too many requests" in message else None
        )
    if code == _UNAUTHENTICATED or any(text in message for text in _NEEDS_TOKEN):
        cure = "etcd wants a user and a password; the user may have been removed: 'esmith fleet status'"
        return Judgement(Verdict.RENEW, message, DeniedError(message, place=place, hint=cure))
    if error := _refusal(code, message, place):
        return Judgement(Verdict.REFUSED, message, error)
    return Judgement(Verdict.UNKNOWN, message)


def _elsewhere(message: str) -> str:
    """Return the reason when this member alone cannot do it now, else ""."""
    if "etcdserver: no leader" in message:
        return "it has no leader: too many members are down or cut off"
    if "etcdserver: too many requests" in message:
        return "it has too many requests to do"
    if "rpc not supported for learner" in message:
        return "it is a learner, which answers no clients"
    if "SubConns are in TransientFailure" in message:
        # The gateway is a client of its own member, and nothing is sent without a connection.
        return f"its JSON gateway does not reach etcd itself: {message}"
    return ""


def _refusal(code: int, message: str, place: str) -> RefusedByEtcdError | None:
    """Return the error of what certainly changed nothing, else None."""
    if "database space exceeded" in message:
        return FullError(
            message, place=place, hint="'esmith fleet status' shows how room is made and the alarm cleared"
        )
    if "revision has been compacted" in message:
        return CompactedError(0, place)
    if code == _DENIED or "permission denied" in message or "authentication failed" in message:
        return DeniedError(
            message, place=place, hint="the user, its password or its rights in etcd are not those of this host"
        )
    if "too large" in message or "too many operations" in message or "larger than max" in message:
        return RefusedByEtcdError(message, place=place, hint=_TOO_LARGE)
    if code in (_INVALID, _NOT_FOUND, _EXISTS, _PRECONDITION, _RANGE, _MISSING):
        return RefusedByEtcdError(message, place=place)
    # Number 8 has other meanings, too.
    return None
