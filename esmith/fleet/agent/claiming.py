"""Whether this is the only machine that is this host: a copy has its name, its keys and its databases.

Each agent takes a number at random when it begins, and puts it with the status of its host in etcd, always in the place
of the status that it put or saw last. So who puts one finds out that another has put one in between:

- One that follows on an agent of this machine, by the numbers that the machine keeps, goes on at once.
- One that finds the status of another machine waits for some heartbeats. If that one still reports, it was first, and
  this one stops. If not, that one is gone: this machine was set back to an earlier state, or lost its numbers.
- One that finds itself followed by another, which took it for gone, goes on, and says so; the other one stops then.
- One that stops says so in the status of the other.

Who has stopped stays so until an administrator decides (docs/fleet.md#a-host-that-runs-twice). No clocks are compared.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from contextlib import suppress

from esmith.errors import StoreError
from esmith.fields import dataclass, field, replace
from esmith.fleet.agent.errors import StoppedError
from esmith.fleet.etcd.errors import FullError
from esmith.private_files import read_private, replace_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from esmith.fleet.agent.connecting import Connector
    from esmith.fleet.agent.remote import Remote
    from esmith.fleet.etcd.operations import KeyValue
    from esmith.layout import Layout

#: The file with the numbers.
FILE = "instance"
#: So many numbers are kept, and so many others are barred.
_KEPT, _MOST_BARRED = 64, 16
#: Another machine that does not report for so many heartbeats is gone.
_BEATS = 3
_TRIES = 5
#: Seconds for which the status shows that another machine was barred.
_SHOWN = 86_400.0
#: A longer status is none of ours.
_LONGEST = 2**16


@dataclass(frozen=True)
class Known:
    """What a machine keeps.

    :param own: the numbers of its agents, the newest last.
    :param after: the number that may be followed besides, because an administrator allows it; "" for none.
    :param other: that of the machine because of which this one has stopped; "" for none.
    """

    own: tuple[str, ...] = ()
    after: str = ""
    other: str = ""

    @classmethod
    def of(cls, layout: Layout) -> Known:
        """Return it; nothing where the file is not there, or damaged."""
        try:
            data = json.loads(read_private(f"{layout.fleet}/{FILE}"))
            return cls(tuple(str(one) for one in data["own"])[-_KEPT:], str(data["after"]), str(data["other"]))
        except (OSError, ValueError, TypeError, LookupError, RecursionError):
            return cls()

    def save(self, layout: Layout) -> None:
        """Keep it.

        :raises StoreError: when it cannot be written.
        """
        data = json.dumps({"own": self.own[-_KEPT:], "after": self.after, "other": self.other})
        try:
            replace_private(layout.fleet, FILE, data.encode())
        except OSError as error:
            raise StoreError(f"cannot note which agent this is: {error.strerror}", place=layout.fleet) from error


@dataclass(frozen=True)
class _Status:
    """What is in etcd as the status of this host; whoever has its rights may write anything there.

    :param seen: etcd's revision of it; 0 for none.
    :param instance: the number of the agent that put it; "" for none.
    :param after: the number that this one followed on.
    :param barred: the numbers that were barred.
    :param copies: the numbers that have stopped by themselves, and say so here to the one that goes on.
    :param data: all of it.
    """

    seen: int = 0
    instance: str = ""
    after: str = ""
    barred: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: KeyValue | None) -> _Status:
        if row is None:
            return cls()
        try:
            data = json.loads(row.value) if len(row.value) <= _LONGEST else {}
            barred, copies = (tuple(map(str, data.get(name, ())[:_MOST_BARRED])) for name in ("barred", "copies"))
            return cls(
                row.mod_revision,
                str(data.get("instance", "")),
                str(data.get("after", "")),
                barred,
                copies,
                data,
            )
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return cls(row.mod_revision)


class Claim:
    """The claim of an agent to be its host; threads may share it.

    :param layout: the root.
    :param connect: returns the journal in etcd.
    :param heartbeat: seconds from one status to the next, at most.
    """

    def __init__(self, layout: Layout, connect: Connector, heartbeat: float) -> None:
        self._layout = layout
        self.connect = connect
        self._patience = _BEATS * heartbeat
        self._lock = threading.Lock()
        self._number = secrets.token_hex(8)
        self._is_held = False
        self._own: tuple[str, ...] = ()
        self._after = ""
        #: etcd's revision of the status that was put last.
        self._seen = 0
        self._barred: tuple[str, ...] = ()
        self._barred_at = -_SHOWN
        self._is_noted = False
        #: The status of another machine, by etcd's revision, and since when it is there.
        self._watched: tuple[int, float] | None = None

    @property
    def is_doubled(self) -> bool:
        """Whether another machine was barred, or has stopped by itself, not long ago."""
        return time.monotonic() < self._barred_at + _SHOWN

    def require(self) -> None:
        """Refuse to go on where another machine is this host, or may be.

        :raises StoppedError: then.
        :raises StoreError: when etcd or the disk fails.
        """
        with self._lock:
            self._hold(self.connect())

    def put(self, status: Mapping[str, Any]) -> None:
        """Put the status of this host.

        :raises StoppedError: when another machine is this host, or may be; nothing was put.
        :raises StoreError: when it was not put, or that is not known.
        """
        with self._lock:
            remote = self.connect()
            self._hold(remote)
            for _ in range(_TRIES):
                found = self._put(remote, status)
                if found is None:
                    return
                self._judge(remote, found)
            raise _changing()

    def _hold(self, remote: Remote) -> None:
        """Be this host, unless that is so already."""
        for _ in range(_TRIES):
            if self._is_held or self._take(remote):
                return
        raise _changing()

    def _put(self, remote: Remote, status: Mapping[str, Any]) -> _Status | None:
        """Put a status in the place of the one that was seen last; return the one that is there instead."""
        ours = {"instance": self._number, "after": self._after, "barred": self._barred, "copies": ()}
        is_put, revision, row = remote.put_status(json.dumps({**status, **ours}).encode(), self._seen)
        if not is_put:
            return _Status.of(row)
        self._seen = revision
        return None

    def _judge(self, remote: Remote, found: _Status) -> None:
        """Look at what was put in between, and go on after it, or stop."""
        self._seen = found.seen
        if self._number in found.barred:
            raise self._stop(remote, found)
        if found.instance in ("", self._number, *self._own):
            # A copy says that it has stopped, an answer was lost, or etcd was restored.
            self._bar(found.copies)
        elif found.after == self._number:
            self._bar([found.instance])
        else:
            raise self._stop(remote, found)

    def _bar(self, others: Iterable[str]) -> None:
        """Have others stop, and say for some time that there are some."""
        new = tuple(one for one in others if one not in self._barred)
        if new:
            self._barred, self._barred_at = (*self._barred, *new)[-_MOST_BARRED:], time.monotonic()

    def _take(self, remote: Remote) -> bool:
        """Follow on the agent before this one; return False where a status was put at the same moment."""
        known = Known.of(self._layout)
        if known.other:
            raise self._again(remote)
        has_looked = False
        try:
            found = _Status.of(remote.own_status())
            has_looked = True
        finally:
            if not has_looked:
                # While etcd is away nobody reports.
                self._watched = None
        if set(known.own) & set(found.barred):
            raise self._stop(remote, found)
        if found.instance not in ("", known.after, self._number, *known.own):
            self._wait_for(remote, found)
        others = tuple(one for one in known.own if one not in (found.instance, self._number))
        last = (found.instance,) if found.instance in known.own else ()
        known = Known((*others, *last, self._number), known.after)
        known.save(self._layout)
        self._own, self._after, self._seen = known.own, found.instance, found.seen
        self._barred = found.barred
        self._bar(found.copies)
        with suppress(FullError):
            # Where etcd has no room nobody can put a status, and what is in it can be applied.
            if self._put(remote, found.data) is not None:
                return False
        if known.after:
            replace(known, after="").save(self._layout)
        self._is_held = True
        return True

    def _wait_for(self, remote: Remote, found: _Status) -> None:
        """Wait until it is certain that another machine is gone."""
        now = time.monotonic()
        if self._watched is None:
            self._watched = found.seen, now
        seen, since = self._watched
        if seen != found.seen:
            raise self._stop(remote, found)
        if now < since + self._patience:
            raise StoppedError(
                f"another machine was {remote.host} last; if it does not report for {self._patience:.0f} seconds it is "
                "gone, and this one goes on by itself",
                hint="it cannot be two: docs/fleet.md#a-host-that-runs-twice",
            )

    def _stop(self, remote: Remote, found: _Status) -> StoppedError:
        """Keep that another machine is this host, say it there, and return the error that says so."""
        self._is_held = False
        known = Known.of(self._layout)
        replace(known, after="", other=found.instance or "another").save(self._layout)
        self._say(remote, found)
        return twin(remote.host)

    def _again(self, remote: Remote) -> StoppedError:
        """Return the error of an agent that begins where one has stopped; what is there hears of it once more."""
        if not self._is_noted:
            with suppress(StoreError):
                self._say(remote, _Status.of(remote.own_status()))
        return twin(remote.host)

    def _say(self, remote: Remote, found: _Status) -> None:
        """Put into the status of the other machine that this one has stopped; it notices when it puts the next."""
        with suppress(StoreError):
            for _ in range(_TRIES):
                copies = (*found.copies, self._number)[-_MOST_BARRED:]
                data = json.dumps({**found.data, "copies": copies}).encode()
                self._is_noted, _, row = remote.put_status(data, found.seen)
                if self._is_noted:
                    break
                # The other one has put its next status in between.
                found = _Status.of(row)
        # The number is barred; where an administrator has this machine go on, it is with another one.
        self._number = secrets.token_hex(8)


def _changing() -> StoreError:
    return StoreError("others change the status of this host all the time", hint="see: esmith fleet status")


def twin(host: str) -> StoppedError:
    """Return the error of a machine that has stopped, because another one is its host.

    :param host: its name.
    """
    return StoppedError(
        f"{host} runs on two machines, and the other one was first: this one sends and applies nothing",
        hint="on the one that is the copy, which may join then under a name of its own: esmith fleet leave --here\n"
        "if that is the other one, or it is gone for good, then here: esmith fleet resync",
    )


def take_over(layout: Layout, remote: Remote) -> None:
    """Have the next agent follow on the one that is this host in etcd, whoever that is: an administrator says so.

    :param remote: the journal in etcd.
    :raises StoreError: when etcd does not answer, or the disk fails.
    """
    # The numbers of this machine may be barred there.
    Known(after=_Status.of(remote.own_status()).instance).save(layout)


def forget(layout: Layout) -> None:
    """Forget which agents this machine had, and that it has stopped, because it is no member any more."""
    with suppress(OSError):
        os.unlink(f"{layout.fleet}/{FILE}")
