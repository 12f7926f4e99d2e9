"""What the children of the helper do: a verb, a login, and to look at what is going on."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from esmith.errors import BusyError, EsmithError, RefusedError
from esmith.events.confirm import find_unconfirmed
from esmith.manager import wire
from esmith.manager.helper.context import Context, Verb, VerbError
from esmith.manager.helper.login import check_login, still_allowed
from esmith.manager.helper.opened import opened
from esmith.manager.helper.settling import running_jobs, settle_jobs

if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.manager.helper.children import Send, Work

#: The exit status of a child that found that the account is no administrator any more.
REVOKED = 3
_KINDS = ((BusyError, wire.BUSY), (RefusedError, wire.REFUSED), (EsmithError, wire.FAILED))


def verb_work(
    verb: Verb,
    context: Context,
    arguments: dict[str, Any],
    mark: str,
    also: Mapping[str, tuple[Verb, dict[str, Any]]] = MappingProxyType({}),
) -> Work:
    """Return what a child does for a verb.

    :param context: who asks.
    :param mark: what the account looked like at its login.
    :param also: the verbs that are asked with it, by their names, and their arguments.
    """

    def work(send: Send) -> int:
        try:
            if not still_allowed(context.layout, context.account, mark):
                send(wire.error(wire.SESSION, "this account may not log in here any more, or its password was changed"))
                return REVOKED
            result = verb(context, arguments)
            line = wire.answer(result, {name: other(context, words) for name, (other, words) in also.items()})
        except VerbError as error:
            line = error.line
        except EsmithError as error:
            line = VerbError.of(error, next(kind for one, kind in _KINDS if isinstance(error, one))).line
        if len(line) > wire.MOST_ANSWER:
            line = wire.error(wire.FAILED, "the answer is too long", hint="ask for less at once")
        send(line)
        return 0

    return work


def login_work(layout: Layout, account: str, password: str, address: str) -> Work:
    """Return what a child does for a login: it writes who it is, or nothing."""

    def work(send: Send) -> int:
        try:
            verdict = check_login(layout, account, password, address)
        except EsmithError as error:
            send(VerbError.of(error).line)
            return 0
        if verdict is not None:
            send(json.dumps({"account": verdict.account, "idle": verdict.idle, "mark": verdict.mark}).encode())
        return 0

    return work


def state_work(layout: Layout, account: str, mark: str) -> Work:
    """Return what a child does for the verb ``session``: it writes which jobs run, and what is to be confirmed."""

    def work(send: Send) -> int:
        if not still_allowed(layout, account, mark):
            return REVOKED
        send(json.dumps(going_on(layout)).encode())
        return 0

    return work


def going_on(layout: Layout) -> dict[str, Any]:
    """Return which jobs run, and what is to be confirmed.

    :raises EsmithError: when the databases cannot be read.
    """
    return {"running": running_jobs(layout), "unconfirmed": _unconfirmed(layout)}


def settling_work(layout: Layout) -> Work:
    """Return what a child does when the helper begins: it sees to the end of jobs that were killed."""

    def work(_send: Send) -> int:
        settle_jobs(layout)
        return 0

    return work


def _unconfirmed(layout: Layout) -> dict[str, Any] | None:
    """Return the change that is rolled back unless it is confirmed, None when there is none."""
    with opened(layout) as snapshot:
        change = find_unconfirmed(snapshot)
    if change is None:
        return None
    left = max(0, int(change.deadline - time.time()))
    return {"what": change.what, "deadline": change.deadline, "left": left}
