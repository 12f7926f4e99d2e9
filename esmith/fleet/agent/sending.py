"""Sends what a command changes as one row of the journal: one at a time, and never twice.

A change is in the outbox before anything of it leaves this host. Its row is put only where the row before it is still
the last one, so what lands fits. Where it is not known whether it landed, that is settled: the row of its number is
it, or another row is there, or none, and then one of kind ``nothing`` takes the place, after which it can land
no more.
"""

from __future__ import annotations

import contextlib
import queue
import random
import secrets
import time

from esmith import __version__
from esmith.errors import EsmithError, StoreError
from esmith.fleet.agent.job import refusal, refusal_of, unknown
from esmith.fleet.agent.outbox import Outbox, Sent
from esmith.fleet.agent.points import reach
from esmith.fleet.agent.state import State, Trouble
from esmith.fleet.journal.chain import Head
from esmith.fleet.journal.row import Row, encode, hash_of, pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmith.fleet.agent.job import Answer, Job
    from esmith.fleet.agent.outbox import HostChange
    from esmith.fleet.agent.remote import Remote

#: Seconds between two tries to settle what is not known: at first, and at most.
_FIRST_TRY, _LONGEST_TRY = 0.5, 30.0
#: Why a command is refused while it is not known what became of another.
_SETTLING = Trouble(
    "an earlier change of this host is still being settled, so nothing was sent", "try again; why: esmith fleet status"
)


class Sender:
    """Sends for one host.

    :param connect: returns the journal in etcd.
    :param state: of the agent.
    :param outbox: of this host.
    :param require_alone: raises StoppedError where another machine is this host.
    """

    def __init__(
        self,
        connect: Callable[[], Remote],
        state: State,
        outbox: Outbox,
        *,
        require_alone: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect = connect
        self._require_alone = require_alone
        self._state = state
        self._outbox = outbox
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        #: What was sent without its outcome being known, by token.
        self._open: set[str] = {sent.token for sent in outbox.all()}
        #: Changes that never landed and have parts in etcd.
        self._litter: list[Sent] = []
        self._tries = 0

    def submit(self, job: Job) -> None:
        """Have a job done after those before it."""
        self._jobs.put(job)

    def end(self) -> None:
        """Have :meth:`run` end."""
        self._jobs.put(None)

    def run(self) -> None:
        """Do jobs until :meth:`end`; in between, settle what is not known."""
        if self._open:
            self._settle_again()
        while True:
            seconds = min(_LONGEST_TRY, _FIRST_TRY * 2**self._tries) * random.uniform(0.5, 1.0)
            try:
                job = self._jobs.get(timeout=seconds if self._open else None)
            except queue.Empty:
                self._settle_again()
                continue
            if job is None:
                return
            answer = self._do(job)
            if not job.answer(answer) and "token" in answer:
                # The command does not know that it landed, so it is stored here.
                self._state.take_back(answer["token"])
            self._clean()

    def settle(self) -> None:
        """Find out what became of all that was sent without its outcome being known.

        :raises EsmithError: when etcd cannot say.
        """
        self._require_alone()
        for sent in self._outbox.all():
            if sent.token in self._open:
                self._settle(sent)

    def _settle_again(self) -> None:
        try:
            self.settle()
            self._clean()
        except EsmithError as error:
            self._tries = min(self._tries + 1, 10)
            self._state.fail("sending", error)
        else:
            self._state.fail("sending", None)

    def _do(self, job: Job) -> Answer:
        """Return the answer to a job."""
        try:
            return self._send(job)
        except (KeyError, ValueError, TypeError):
            return refusal("the request is not one that the agent knows", "")
        except OSError as error:
            return refusal(f"the change cannot be noted in the outbox: {error.strerror}", "nothing was changed")
        except EsmithError as error:
            return refusal_of(error)

    def _send(self, job: Job) -> Answer:
        request = job.request
        base = Head.parse(request["base"])
        host: list[HostChange] = [(database, key, prop, value) for database, key, prop, value in request["host"]]
        if self._state.stopped.message:
            return refusal(self._state.stopped.message, self._state.stopped.hint)
        self._require_alone()
        # The store of the command has this revision, so nothing has to be known of what is before it.
        self._outbox.remove_until(base.number)
        self._open &= {sent.token for sent in self._outbox.all()}
        if self._open:
            trouble, job.trouble = job.trouble, _SETTLING
            try:
                self.settle()
            except EsmithError as error:
                return refusal(f"{_SETTLING.message}: {error.message}", _SETTLING.hint)
            job.trouble = trouble
        if base.number < self._state.local.number:
            return {"outcome": "behind", "head": self._state.local.number}
        row, blobs = pack(self._row(base, "changes", request["author"], request["changes"]))
        raw = encode(row, self._connect().key)
        sent = Sent(row.token, row.revision, base.hash, hash_of(raw), host, is_blobs=bool(blobs))
        self._outbox.add(sent)
        # Its row may come back by the watch before the answer does; it is the command that stores it.
        self._state.hand(sent.token)
        answer: Answer = {"outcome": ""}
        try:
            answer = self._put(job, sent, raw, blobs)
        except StoreError as error:
            if not error.is_doubtful:
                self._drop(sent)
                raise
            self._leave_open(sent)
            answer = unknown(error.message)
        finally:
            if answer["outcome"] != "accepted":
                self._state.take_back(sent.token)
        return answer

    def _row(self, base: Head, kind: str, author: Any, changes: Any = ()) -> Row:
        user, sudo_user, words = author
        return Row(
            fleet=self._connect().fleet,
            revision=base.number + 1,
            previous=base.hash,
            host=self._connect().host,
            token=secrets.token_hex(16),
            time=int(time.time()),
            program=__version__,
            kind=kind,
            author=(user, sudo_user, tuple(words)),
            changes=tuple((layer, database, key, prop, value) for layer, database, key, prop, value in changes),
        )

    def _put(self, job: Job, sent: Sent, raw: bytes, blobs: list[bytes]) -> Answer:
        """Put a row that is in the outbox.

        :raises EsmithError: when that fails; ``is_doubtful`` when the row may have landed.
        """
        try:
            for number, blob in enumerate(blobs):
                self._connect().put_blob(sent.token, number, blob)
        except EsmithError as error:
            # A blob without its row is nothing.
            raise StoreError(error.message, hint=error.hint) from error
        if blobs:
            reach("after blobs")
        if not job.begin():
            self._drop(sent)
            return refusal(job.trouble.message, job.trouble.hint)
        base = Head(sent.revision - 1, sent.previous)
        reach("before txn")
        is_there = self._connect().append(base, raw)
        reach("after txn")
        if not is_there:
            is_there, answer = self._look_at_other(base, sent)
            if not is_there:
                self._drop(sent)
                return answer
        new = Head(sent.revision, hash_of(raw))
        if new.number > self._state.head.number:
            self._state.update(head=new)
        reach("before answer")
        return {"outcome": "accepted", "revision": new.number, "hash": new.hash, "token": sent.token}

    def _look_at_other(self, base: Head, sent: Sent) -> tuple[bool, Answer]:
        """Return whether the row is there, though it was not put now, and else the answer: another one was first.

        :raises StoreError: when etcd cannot say; it is doubtful where the row may be there.
        """
        try:
            raw = self._connect().row(sent.revision)
        except EsmithError as error:
            raise _doubtful(error) from error
        if raw is not None and hash_of(raw) == sent.hash:
            return True, {}
        head = self._connect().head()
        if head.number > base.number:
            return False, {"outcome": "behind", "head": head.number}
        hint = "etcd was restored from an old backup, or its data was changed: esmith fleet status"
        return False, refusal(f"etcd has fleet revision {head.number}, and not that of this host", hint)

    def _settle(self, sent: Sent) -> None:
        """Find out what became of a change.

        :raises EsmithError: when etcd cannot say.
        """
        base = Head(sent.revision - 1, sent.previous)
        while self._outbox.find(sent.token) is not None:
            if sent.revision <= self._state.local.number:
                self._drop(sent)
                return
            raw = self._connect().row(sent.revision)
            if raw is not None:
                self._tries = 0
                if hash_of(raw) == sent.hash:
                    # Who follows the journal applies it, and removes it from the outbox.
                    self._open.discard(sent.token)
                else:
                    self._drop(sent)
                return
            if self._connect().head() != base:
                raise StoreError(
                    f"whether the change of fleet revision {sent.revision} landed cannot be settled: "
                    "etcd has neither it nor what was before it",
                    hint="see why: esmith fleet status",
                )
            reach("before settling")
            row = self._row(base, "nothing", ("", "", ("settles", sent.token)))
            try:
                self._connect().append(base, encode(row, self._connect().key))
            except StoreError as error:
                if not error.is_doubtful:
                    raise
                # Whether it landed shows the next look.
            reach("after settling")

    def _leave_open(self, sent: Sent) -> None:
        self._open.add(sent.token)
        self._tries = 0

    def _drop(self, sent: Sent) -> None:
        """Forget a change that never landed and never will."""
        self._open.discard(sent.token)
        self._outbox.remove(sent.token)
        if sent.is_blobs:
            self._litter.append(sent)

    def _clean(self) -> None:
        """Delete the parts of changes that never landed, when nobody waits for an answer; nothing needs it."""
        while self._litter:
            sent = self._litter.pop()
            with contextlib.suppress(EsmithError):
                # Whoever has read them may have put a row that needs them.
                row = self._connect().row(sent.revision)
                if row is not None and sent.token.encode() not in row:
                    self._connect().delete_blobs(sent.token)


def _doubtful(error: EsmithError) -> StoreError:
    """Return an error after which it is not known whether the row landed."""
    found = StoreError(error.message, place=error.place, hint=error.hint)
    found.is_doubtful = True
    return found
