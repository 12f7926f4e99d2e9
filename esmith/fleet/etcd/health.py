"""How each member of etcd is, and what cures what is wrong with it."""

from __future__ import annotations

import email.utils
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from esmith.errors import EsmithError
from esmith.fleet.etcd import cures, fields
from esmith.fleet.etcd.cures import Trouble
from esmith.fleet.etcd.fields import MalformedError
from esmith.fleet.etcd.judging import Verdict, judge
from esmith.fleet.etcd.session import Session
from esmith.fleet.etcd.wire import Endpoint, LostError, NotSentError, Wire

#: Seconds by which clocks may differ: certificates and invitations go by them, the order of changes does not.
_SKEW = 5.0
#: Days before its end from which a certificate is a trouble.
_SOON = 14
_DAY = 86_400


class MemberHealth(NamedTuple):
    """How one endpoint answered.

    :param name: its name in the cluster, "" when that is not known.
    :param answers: whether it answered at all.
    :param has_leader: whether it knows one; without one nothing is changed.
    :param leads: whether it is the leader itself.
    :param db_size: bytes of its database.
    :param db_size_in_use: bytes of it that are in use; the rest is got back by defragmenting.
    :param alarms: what it has raised: ``NOSPACE``, ``CORRUPT``.
    :param skew: seconds by which its clock is before that of this host; None when it does not say.
    :param certificate_days: days for which its certificate is still valid; None without TLS.
    :param error: why it did not answer, else "".
    :param troubles: what is wrong, each with its cure.
    """

    endpoint: str
    name: str = ""
    answers: bool = False
    version: str = ""
    has_leader: bool = False
    leads: bool = False
    revision: int = 0
    raft_index: int = 0
    db_size: int = 0
    db_size_in_use: int = 0
    alarms: Sequence[str] = ()
    skew: float | None = None
    certificate_days: float | None = None
    error: str = ""
    troubles: Sequence[Trouble] = ()


def health_of(session: Session) -> list[MemberHealth]:
    """Ask all endpoints at once, and find what is wrong with each and with the cluster."""
    found: dict[str, MemberHealth] = {}
    end = time.monotonic() + session.timeout

    def ask(endpoint: Endpoint) -> None:
        found[endpoint.url] = _ask(session, endpoint, end)

    threads = [threading.Thread(target=ask, args=(endpoint,), daemon=True) for endpoint in session.endpoints]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0) + 0.1)
    late = "no answer in time"
    members = [found.get(each.url) or MemberHealth(each.url, error=late) for each in session.endpoints]
    return [member._replace(troubles=_troubles(member, members)) for member in members]


def _ask(session: Session, endpoint: Endpoint, end: float) -> MemberHealth:
    try:
        wire = session.take(endpoint, end, probe=False, keep=False)
    except NotSentError as error:
        return MemberHealth(endpoint.url, error=str(error))
    try:
        return _status(wire, end)
    except (LostError, MalformedError, NotSentError) as error:
        return MemberHealth(endpoint.url, error=str(error))
    except EsmithError as error:
        return MemberHealth(endpoint.url, error=error.message)
    finally:
        wire.close()


def _status(wire: Wire, end: float) -> MemberHealth:
    url = wire.endpoint.url
    answer = wire.ask("/v3/maintenance/status", {}, {}, end)
    judgement = judge(answer, url)
    if judgement.verdict is not Verdict.DONE:
        return MemberHealth(url, error=judgement.reason)
    body = answer.body
    own = fields.number(fields.table(body, "header"), "member_id")
    leader = fields.number(body, "leader")
    alarms = [
        kind for kind in ("NOSPACE", "CORRUPT") if any(f"alarm:{kind}" in each for each in fields.texts(body, "errors"))
    ]
    return MemberHealth(
        endpoint=url,
        name=_name(wire, own, end),
        answers=True,
        version=fields.words(body, "version"),
        has_leader=leader != 0,
        leads=leader == own != 0,
        revision=fields.revision_of(body),
        raft_index=fields.number(body, "raftIndex"),
        db_size=fields.number(body, "dbSize"),
        db_size_in_use=fields.number(body, "dbSizeInUse"),
        alarms=alarms,
        skew=_skew(answer.date),
        certificate_days=_days(wire.certificate),
    )


def _name(wire: Wire, own: int, end: float) -> str:
    """Return the name of the member; "" when it is not known, which is no trouble and must not take all the time."""
    now = time.monotonic()
    try:
        answer = wire.ask("/v3/cluster/member/list", {}, {}, now + (end - now) / 2)
        members = fields.tables(answer.body, "members")
        return next((fields.words(each, "name") for each in members if fields.number(each, "ID") == own), "")
    except (LostError, MalformedError):
        return ""


def _skew(date: str) -> float | None:
    """Return by how many seconds a clock is before that of this host (RFC 9110, 6.6.1: whole seconds)."""
    try:
        shown = email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return shown + 0.5 - time.time()


def _days(certificate: Mapping[str, Any]) -> float | None:
    try:
        return (ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) / _DAY
    except (KeyError, ValueError, TypeError):
        return None


def _troubles(member: MemberHealth, members: Sequence[MemberHealth]) -> list[Trouble]:
    """Find what is wrong with a member, the most urgent first."""
    if not member.answers:
        return [cures.down(member.endpoint, member.error)]
    found = []
    if not member.has_leader:
        down = [each.endpoint for each in members if not each.answers]
        found.append(cures.no_leader(down))
    if "CORRUPT" in member.alarms:
        found.append(cures.corrupt(member.name or member.endpoint))
    if "NOSPACE" in member.alarms:
        answering = [each.endpoint for each in members if each.answers]
        found.append(cures.full(answering, member.revision))
    if member.skew is not None and abs(member.skew) > _SKEW:
        found.append(cures.clock(member.skew))
    if member.certificate_days is not None and member.certificate_days < _SOON:
        found.append(cures.ends_soon(member.endpoint, member.certificate_days))
    return found
