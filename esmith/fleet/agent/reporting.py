"""Says how this host is: in ``s/HOST`` of etcd for the others, and in a file for the commands of this host.

The heartbeat is here, too: it reads the head of the journal, so that a watch which has fallen silent is noticed.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time

from esmith import __version__
from esmith.errors import EsmithError
from esmith.fields import dataclass
from esmith.fleet.agent.errors import StoppedError
from esmith.fleet.agent.following import require_same
from esmith.fleet.agent.others import differing, read_statuses
from esmith.fleet.agent.places import STATUS
from esmith.fleet.agent.points import reach
from esmith.fleet.agent.state import Trouble
from esmith.fleet.journal.row import FORMAT
from esmith.fleet.replica.member import Membership
from esmith.fleet.replica.overrides import LOCAL, all_marks
from esmith.private_files import replace_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmith.fleet.agent.claiming import Claim
    from esmith.fleet.agent.counting import Counting
    from esmith.fleet.agent.local import Local
    from esmith.fleet.agent.outbox import Outbox
    from esmith.fleet.agent.remote import Remote
    from esmith.fleet.agent.state import State

#: Of etcd's servers only these are kept.
_MOST_ENDPOINTS = 32
#: With more hosts than this the others' status is read less often, so that etcd's work does not grow with the square.
_FEW_HOSTS = 20
#: The health of etcd is asked for at each heartbeat while something is wrong, and else at every fifth.
_HEALTH_BEATS = 5
_STORE_SECONDS = 0.3


@dataclass(frozen=True)
class Pace:
    """How often what is done, in seconds.

    :param heartbeat: from one look at etcd to the next.
    :param file: from a change to the file that says so.
    :param status: from one status in etcd to the next, at least.
    :param counts: from one ``esmith status`` to the next, at least; 0 for never.
    """

    heartbeat: float = 30.0
    file: float = 0.1
    status: float = 5.0
    counts: float = 60.0


class Reporter:
    """Reports for one host.

    :param local: its store.
    :param state: of the agent.
    :param outbox: of this host.
    :param claim: to be this host.
    :param counting: counts the findings of this host.
    :param kick: has the journal looked at again.
    """

    def __init__(
        self,
        local: Local,
        state: State,
        outbox: Outbox,
        *,
        claim: Claim,
        counting: Counting,
        kick: Callable[[], None],
        pace: Pace,
    ) -> None:
        self._local = local
        self._state = state
        self._outbox = outbox
        self._claim = claim
        self._connect = claim.connect
        self._counting = counting
        self._kick = kick
        self._pace = pace
        self._changed = threading.Event()
        self._beats = 0
        self._host = self._fleet = ""
        self._digest = ""
        #: The fleet revision that the digest is of.
        self._digest_of = 0
        self._overrides = 0
        self._members: set[str] = set()
        self._hosts: list[dict[str, Any]] = []
        self._health: list[dict[str, Any]] = []
        self._put = b""
        self._put_time = self._next_beat = 0.0
        state.listeners.append(self._changed.set)

    def run(self) -> None:
        """Report until the agent ends."""
        while not self._state.ends():
            if time.monotonic() >= self._next_beat or self._is_back():
                self._next_beat = time.monotonic() + self._pace.heartbeat * random.uniform(0.8, 1.2)
                self._beat()
            self._changed.clear()
            self._report()
            self._changed.wait(max(0.0, self._next_wake() - time.monotonic()))
            if self._changed.is_set() and not self._state.ends():
                self._state.sleep(self._pace.file)

    def look(self) -> None:
        """Have a heartbeat at once."""
        self._next_beat = 0.0
        self._changed.set()

    def status(self) -> dict[str, Any]:
        """Return how this host is, with what is known of the others."""
        state = self._state
        digest = self._digest if self._digest_of == state.local.number else ""
        others = differing(self._hosts, self._host, state.local.number, digest)
        counts = self._counting.counts
        return {
            "fleet": self._fleet,
            "host": self._host,
            "program": __version__,
            "format": FORMAT,
            "time": int(time.time()),
            "revision": state.local.number,
            "hash": state.local.hash,
            "head": state.head.number,
            "digest": digest,
            "drift": counts.drift,
            "pending": counts.pending,
            "findings": counts.findings,
            "overrides": self._overrides,
            "doubled": int(self._claim.is_doubled),
            "outbox": len(self._outbox.all()),
            "stopped": _shown(state.stopped),
            "error": _shown(state.error),
            "others_differ": others,
            "etcd": self._health,
            "hosts": self._hosts,
        }

    def _is_back(self) -> bool:
        """Return whether etcd did not answer at the last heartbeat, and does now."""
        return self._state.is_failing("reporting") and not self._state.is_failing("following")

    def _next_wake(self) -> float:
        """Return when to look again if nothing changes: at a heartbeat, or when what is held back may be put."""
        held = self._put_time + self._pace.status if self._is_held else self._next_beat
        return min(self._next_beat, held)

    @property
    def _is_held(self) -> bool:
        return self._put != _essence(self.status()) and time.monotonic() < self._put_time + self._pace.status

    def _beat(self) -> None:
        self._beats += 1
        self._look_at_store()
        try:
            remote = self._connect()
            self._look_at_journal(remote)
            every = max(1, len(self._hosts) // _FEW_HOSTS)
            if self._beats % every == 0:
                self._hosts = [one for one in read_statuses(remote.statuses()) if one["host"] in self._members]
        except EsmithError as error:
            self._state.fail("reporting", error)
        else:
            self._state.fail("reporting", None)
        if self._state.error.message or self._beats % _HEALTH_BEATS == 1:
            self._look_at_etcd()
        self._counting.look()

    def _look_at_store(self) -> None:
        """Read what the store says, where it is free; what is known of it is of one revision."""
        with contextlib.suppress(TimeoutError, EsmithError), self._local.snapshot(_STORE_SECONDS) as snapshot:
            membership = Membership(snapshot)
            if membership.is_member:
                self._connect.renewed(snapshot)
            self._host, self._fleet, self._digest = membership.host, membership.name, membership.digest
            self._digest_of = membership.revision
            self._members = set(membership.members())
            self._overrides = sum(mark.kind == LOCAL for _, mark in all_marks(snapshot))
            if membership.revision < self._state.local.number:
                # An old copy of the databases is in the place of the newer ones: by nothing else a store gets older.
                self._kick()

    def _look_at_journal(self, remote: Remote) -> None:
        """Compare with etcd, and have the follower look where it should have seen something."""
        own = self._state.local
        head, raw, _ = remote.head_and_row(own.number)
        self._state.update(head=head)
        try:
            require_same(own, head, raw)
        except StoppedError:
            self._kick()
            return
        seconds = self._pace.heartbeat / 10
        if self._state.stopped.message or not self._state.wait_for_revision(head.number, seconds):
            self._kick()

    def _look_at_etcd(self) -> None:
        with contextlib.suppress(EsmithError):
            members = self._connect().etcd.health()[:_MOST_ENDPOINTS]
            self._health = [
                {
                    "endpoint": one.endpoint,
                    "name": one.name,
                    "answers": one.answers,
                    "leads": one.leads,
                    "version": one.version,
                    "db_size": one.db_size,
                    "db_size_in_use": one.db_size_in_use,
                    "alarms": list(one.alarms),
                    "error": one.error,
                    "troubles": [{"message": each.message, "hint": each.cure} for each in one.troubles],
                }
                for one in members
            ]

    def _report(self) -> None:
        """Write the file, and the status in etcd where it may be written again."""
        if self._digest_of != self._state.local.number:
            self._look_at_store()
        status = self.status()
        reach("before status")
        with contextlib.suppress(OSError):
            # On a full disk the old one stays; etcd and the socket have the new one.
            data = json.dumps(status).encode() + b"\n"
            replace_private(self._local.layout.fleet, STATUS, data, durable=False)
        essence = _essence(status)
        now = time.monotonic()
        is_beat = now >= self._put_time + self._pace.heartbeat * 0.8
        if not (is_beat or (essence != self._put and now >= self._put_time + self._pace.status)):
            return
        short = {name: value for name, value in status.items() if name not in ("hosts", "etcd")}
        try:
            self._claim.put(short)
            self._put, self._put_time = essence, now
        except StoppedError:
            # It is another machine's. Who follows the journal says so, and stops.
            self._kick()
        except EsmithError:
            # The heartbeat says what is wrong with etcd.
            pass
        reach("after status")


def _shown(trouble: Trouble) -> str | dict[str, str]:
    return {"message": trouble.message, "hint": trouble.hint} if trouble.message else ""


def _essence(status: dict[str, Any]) -> bytes:
    """Return the part of a status that has to differ for a new one to be put."""
    left_out = ("time", "head", "hosts", "etcd", "outbox")
    return json.dumps({name: value for name, value in status.items() if name not in left_out}).encode()
