"""Follows the journal: reads what is missing, watches for what comes, and has each row checked and applied.

A watch is never trusted alone. Whenever it ends, for whatever reason, and whenever somebody asks for it, the rows after
the store's own are read again, and the own one is compared.
"""

from __future__ import annotations

import contextlib
import random
import threading

from esmith.errors import EsmithError
from esmith.fleet.agent.checked import checker_of
from esmith.fleet.agent.errors import StoppedError
from esmith.fleet.agent.state import Trouble, trouble_of
from esmith.fleet.etcd.errors import AwayError, CompactedError, DeniedError
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.row import decode, hash_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.fleet.agent.checked import Checked, Checker
    from esmith.fleet.agent.connecting import Connector
    from esmith.fleet.agent.local import Local
    from esmith.fleet.agent.outbox import Outbox
    from esmith.fleet.agent.remote import Remote
    from esmith.fleet.agent.state import State
    from esmith.fleet.etcd.watch import Watch
    from esmith.fleet.journal.chain import Head

#: So many rows are read at once; each has less than a megabyte.
_PAGE = 16
#: So many rows that were missed are applied one by one, each with its author; more go into one transaction together.
_FEW = 50
#: Rows with more changes than this are not kept to be applied with others: one may have 128 MB.
_MOST_CHANGES = 20_000
#: Seconds until the next try after a failure: at first, and at most.
_FIRST_TRY, _LONGEST_TRY = 0.2, 30.0
#: A command has so many seconds to store its change itself, before the agent waits for the store.
_COMMAND_SECONDS = 5.0
_RESYNC = "see docs/fleet.md#a-restored-etcd; to replay the journal: esmith fleet resync"


class Follower:
    """Follows for one host.

    :param local: its store.
    :param state: of the agent.
    :param outbox: of this host.
    :param connect: returns the journal in etcd.
    :param require_alone: raises StoppedError where another machine is this host.
    :param heartbeat: seconds after which the cause of a stop is looked for again.
    :param has_signals: called when there may be signals to run.
    """

    def __init__(
        self,
        local: Local,
        state: State,
        outbox: Outbox,
        *,
        connect: Connector,
        require_alone: Callable[[], None] = lambda: None,
        heartbeat: float,
        has_signals: Callable[[], None],
    ) -> None:
        self._local = local
        self._state = state
        self._outbox = outbox
        self._connect = connect
        self._require_alone = require_alone
        self._heartbeat = heartbeat
        self._has_signals = has_signals
        self._watch: Watch | None = None
        self._kicked = threading.Event()
        #: The revision of etcd until which changes of the journal were looked at; 0 for none.
        self._seen = 0
        self._lock = threading.Lock()

    def run(self) -> None:
        """Follow until the agent ends."""
        tries = 0
        while not self._state.ends():
            self._kicked.clear()
            try:
                self._follow()
                tries = 0
            except CompactedError:
                self._seen = 0
            except (StoppedError, RowError) as error:
                self._stop(error)
                # What it stopped at may be gone, and must not be seen again then.
                self._seen = 0
                tries = 0
                self._kicked.wait(self._heartbeat * random.uniform(0.8, 1.2))
            except EsmithError as error:
                self._state.fail("following", error)
                longest = min(_LONGEST_TRY, self._heartbeat)
                self._kicked.wait(min(longest, _FIRST_TRY * 2**tries) * random.uniform(0.5, 1.0))
                tries = min(tries + 1, 12)
                self._reconnect(error)

    def kick(self) -> None:
        """Have it look again at once, whatever it does."""
        self._kicked.set()
        with self._lock:
            if self._watch is not None:
                self._watch.close()

    def _reconnect(self, error: EsmithError) -> None:
        """Have the next try begin with a new client, unless it was the password that etcd had no time to look at."""
        if isinstance(error, AwayError) and any(reason.startswith("no token") for reason in error.reasons.values()):
            # After etcd was restarted all hosts ask for a token at once: with little patience none would get one.
            with contextlib.suppress(EsmithError):
                self._connect().etcd.log_in()
        else:
            self._connect.forget()

    def _stop(self, error: EsmithError) -> None:
        self._state.update(stopped=trouble_of(error))
        self._state.fail("following", None)
        with contextlib.suppress(EsmithError):
            self._local.set_state("stopped", trouble_of(error).message.encode())

    def _follow(self) -> None:
        """Read what is missing and watch, until the watch ends.

        :raises StoppedError: when the journal is not what this host knows of it.
        :raises RowError: when a row does not fit.
        :raises EsmithError: when etcd or the store fails.
        """
        with self._local.snapshot() as snapshot:
            remote = self._connect.renewed(snapshot)
            checker = checker_of(snapshot, remote.fleet)
        self._state.update(local=checker.head)
        self._outbox.remove_until(checker.head.number)
        try:
            self._require_alone()
            head, own, revision = remote.head_and_row(checker.head.number)
        except DeniedError:
            # Who was removed is let in no more.
            self._require_own(checker, remote)
            raise
        require_same(checker.head, head, own)
        if not self._seen:
            _look_at_past(checker.head, remote)
        self._state.update(head=head)
        before = checker.head.number
        self._catch_up(checker, remote, head)
        self._require_own(checker, remote)
        self._state.update(stopped=Trouble())
        self._state.fail("following", None)
        self._local.set_state("stopped", None)
        self._has_signals()
        # What happened since the last watch is looked at, too, where it is not much: a row may have been written again.
        if not self._seen or head.number > before + _FEW:
            self._seen = revision
        with contextlib.closing(remote.watch(self._seen + 1)) as watch:
            with self._lock:
                self._watch = watch
            try:
                if not (self._kicked.is_set() or self._state.ends()):
                    self._listen(checker, remote, watch)
            finally:
                with self._lock:
                    self._watch = None

    def _listen(self, checker: Checker, remote: Remote, watch: Watch) -> None:
        """Apply what comes, until the watch ends, or something is missing."""
        for batch in watch:
            rows: list[tuple[int, bytes]] = []
            for event in batch.events:
                number, raw = remote.number_of(event.row.key), event.row.value
                if event.is_deletion:
                    _require_known(checker.head, number, None, remote)
                elif number > checker.head.number + len(rows):
                    rows.append((number, raw))
                else:
                    _require_known(checker.head, number, raw, remote)
            if rows and not self._take(checker, remote, rows):
                return
            self._seen = batch.resume - 1
            if self._state.ends() or self._kicked.is_set():
                return

    def _catch_up(self, checker: Checker, remote: Remote, head: Head) -> None:
        """Read and apply the rows after the store's own, up to the last one there is."""
        is_few = head.number - checker.head.number <= _FEW
        while not self._state.ends():
            rows = remote.rows(checker.head.number + 1, _PAGE)
            if rows and not self._take(checker, remote, rows, is_few=is_few):
                missing, there = checker.head.number + 1, rows[-1][0]
                raise StoppedError(
                    f"row {missing} of the fleet's journal is missing, and row {there} is there", hint=_RESYNC
                )
            if len(rows) < _PAGE:
                break
        if checker.head.number < head.number:
            missing = checker.head.number + 1
            raise StoppedError(f"row {missing} of the fleet's journal is missing", hint=_RESYNC)

    def _take(self, checker: Checker, remote: Remote, rows: list[tuple[int, bytes]], *, is_few: bool = True) -> bool:
        """Check and apply rows; return whether there was no gap before or between them."""
        ready: list[Checked] = []
        fault: RowError | None = None
        is_whole = True
        for number, raw in rows:
            is_whole = number == checker.head.number + 1
            if not is_whole:
                break
            self._let_command_store(raw)
            try:
                one = checker.take(raw, remote.blobs)
            except RowError as error:
                # What fits is applied before one that does not is complained about.
                fault = error
                break
            is_own = self._was_sent(one, remote)
            if is_own and ready:
                self._apply(ready, remote, checker)
                ready = []
            ready.append(one)
            # What a change of this host did here comes before what the rows after it do.
            if is_few or is_own or sum(len(each.row.changes) for each in ready) > _MOST_CHANGES:
                self._apply(ready, remote, checker)
                ready = []
        if ready:
            self._apply(ready, remote, checker)
        if fault is not None:
            raise fault
        return is_whole

    def _let_command_store(self, raw: bytes) -> None:
        """Wait for the command of a row that was sent from here: it stores the row itself, and is not to wait for us.

        :param raw: the row, which is not looked at before: that would take time from the answer to the command.
        """
        sent = self._outbox.all()
        if not sent:
            return
        digest = hash_of(raw)
        for one in sent:
            if one.hash == digest:
                self._state.wait_for_command(one.token, _COMMAND_SECONDS)

    def _was_sent(self, one: Checked, remote: Remote) -> bool:
        """Return whether a row may be what a command of this host sent and did not store."""
        return one.row.host == remote.host and self._outbox.find(one.row.token) is not None

    def _apply(self, ready: list[Checked], remote: Remote, checker: Checker) -> None:
        now = self._local.apply(ready, self._outbox, remote.host)
        self._outbox.remove_until(now.number)
        if now.number > self._state.head.number:
            self._state.update(head=now)
        self._state.update(local=now)
        self._state.fail("following", None)
        if any(one.row.kind in ("leave", "remove") for one in ready):
            self._require_own(checker, remote)
        if any(one.row.kind == "signal" for one in ready):
            self._has_signals()

    def _require_own(self, checker: Checker, remote: Remote) -> None:
        """Refuse to go on where this host is no member any more.

        :raises StoppedError: then.
        """
        if checker.head.number and remote.host not in checker.members:
            raise StoppedError(
                f"{remote.host} is no member of the fleet {remote.fleet} any more; its settings stay as they are",
                hint="to leave here, too, before it joins again: esmith fleet leave",
            )


def require_same(own: Head, head: Head, raw: bytes | None) -> None:
    """Refuse a journal that is not the one whose rows were applied here.

    :param own: the fleet revision of the store.
    :param head: that of etcd.
    :param raw: the row of the own revision in etcd.
    :raises StoppedError: says what is wrong.
    """
    if head.number < own.number:
        raise StoppedError(
            f"etcd has fleet revision {head.number}, and this host has {own.number}: etcd was restored from a backup",
            hint=_RESYNC,
        )
    if own.number and raw is None:
        raise StoppedError(f"row {own.number} of the fleet's journal is missing", hint=_RESYNC)
    if raw is not None and hash_of(raw) != own.hash:
        raise StoppedError(
            f"row {own.number} of the fleet's journal is another one than was applied here: its past was changed",
            hint=_RESYNC,
        )
    if own.number and head.number == own.number and head != own:
        raise StoppedError(f"the head of the fleet's journal is not its row {own.number}", hint=_RESYNC)


def _look_at_past(own: Head, remote: Remote) -> None:
    """Refuse a journal of which a row was deleted or written again while nobody here followed it.

    :param own: the fleet revision of the store.
    :raises StoppedError: then.
    """
    before, revision = 0, 0
    for number, written in remote.written(own.number):
        if number != before + 1:
            break
        if written < revision:
            # The one before it was written after it: again, by whoever cured it or by a thief.
            _require_known(own, before, None, remote)
        before, revision = number, written
    if before != own.number:
        raise StoppedError(f"row {before + 1} of the fleet's journal is missing", hint=_RESYNC)


def _require_known(own: Head, number: int, raw: bytes | None, remote: Remote) -> None:
    """Refuse a row that took the place of one which was applied here, where it is there still.

    :param own: the fleet revision that was applied last.
    :param number: of a row that was written, or deleted.
    :param raw: the row; None for a deletion.
    :raises StoppedError: then.
    """
    if number > own.number:
        return
    wanted = own.hash
    if number < own.number:
        after = remote.row(number + 1)
        wanted = "" if after is None else decode(after).previous
    if raw is None or hash_of(raw) != wanted:
        raw = remote.row(number)
    if raw is None:
        raise StoppedError(f"row {number} of the fleet's journal was deleted", hint=_RESYNC)
    if hash_of(raw) != wanted:
        raise StoppedError(f"row {number} of the fleet's journal was written again", hint=_RESYNC)
