"""Follows the changes of a range of keys as a stream on a connection of its own.

Whatever ends the stream is an error: compacted history, a member that went away or lost its leader, an answer that is
not one of etcd. Silence is the one thing that etcd 3.4 cannot be asked about here (a question on the way would have to
be sent in the same request, which the JSON gateway reads to its end first). A connection whose other end is gone is
noticed by the kernel's keepalive within 30 s; a member that hangs is not, so who follows reads now and then whether
there is something newer.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple

from esmith.errors import StoreError
from esmith.fleet.etcd import fields
from esmith.fleet.etcd.errors import AwayError, CompactedError, DeniedError
from esmith.fleet.etcd.fields import MalformedError
from esmith.fleet.etcd.judging import Verdict, judge, of_message
from esmith.fleet.etcd.operations import KeyValue, Name
from esmith.fleet.etcd.session import Session
from esmith.fleet.etcd.wire import Answer, LostError, NotSentError, Wire, encoded, object_of, reason_of
from esmith.printable import printable

#: No message may be longer, in bytes: etcd is asked to send parts of at most 2 MB, which base64 makes longer.
_LONGEST = 16 * 2**20
#: A piece that is read at once.
_PIECE = 65536
#: Bytes of the line before a chunk; etcd's are a few digits (RFC 9112, 7.1).
_CHUNK_LINE = 100
#: Seconds within which a message that has begun must be whole.
_MESSAGE = 30.0
#: Bytes of a refusal that are read.
_REFUSAL = 10_000
_OK = 200


class Event(NamedTuple):
    """One change of one key; ``row.value`` is empty when it was deleted."""

    is_deletion: bool
    row: KeyValue


class Batch(NamedTuple):
    """Changes in the order in which they happened.

    :param revision: etcd's revision when they were sent.
    :param resume: the revision from which a later watch misses nothing of what is not in this batch or before it.
    """

    events: list[Event]
    revision: int
    resume: int


class Watch:
    """A stream of batches; made by :meth:`esmith.fleet.etcd.client.Etcd.watch`. Iterating waits without an end."""

    def __init__(self, wire: Wire, from_revision: int) -> None:
        self._wire = wire
        self._from = from_revision
        self._received = bytearray()
        self._message = bytearray()
        #: Bytes of the chunk that have not come yet; -2: its end of line; None: the line before a chunk is next.
        self._chunk: int | None = None
        self._is_closed = False
        #: Held while the socket is read: its number must not become that of another one meanwhile.
        self._reading = threading.RLock()
        #: The moment at which the message that has begun must be whole.
        self._due: float | None = None
        self.endpoint = wire.endpoint.url

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            batch = self.next()
            if batch is None:
                return
            yield batch

    @property
    def resume(self) -> int:
        """The revision from which a new watch misses nothing of what was not yet returned here."""
        return self._from

    def close(self) -> None:
        """End it; a thread that waits in :meth:`next` gets None at once."""
        self._is_closed = True
        self._wire.line.interrupt()
        with self._reading:
            self._wire.close()

    def next(self, timeout: float | None = None) -> Batch | None:
        """Wait for the next batch.

        :param timeout: seconds; None: without an end.
        :returns: None when the time is over, or when it was closed here.
        :raises CompactedError: etcd has forgotten what would come next.
        :raises DeniedError: this host may not read that.
        :raises AwayError: the stream ended, or is not one of etcd.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            with self._reading:
                while (message := self._read_message(end)) is not None:
                    batch = self._batch(message)
                    if batch.events:
                        return batch
                    if end is not None and time.monotonic() >= end:
                        return None
        except (OSError, ValueError, MalformedError) as error:
            if self._is_closed:
                return None
            self.close()
            raise AwayError({self.endpoint: reason_of(error)}, what="etcd's stream of changes ended") from error
        except StoreError:
            self.close()
            raise
        return None

    def _read_message(self, end: float | None) -> Mapping[str, Any] | None:
        """Read a message, a line of JSON; None when the time is over."""
        while (cut := self._message.find(b"\n")) < 0:
            if len(self._message) > _LONGEST:
                raise MalformedError(f"a message of more than {_LONGEST} bytes")
            if self._unchunk():
                continue
            if not self._message and not self._received:
                self._due = None
            elif self._due is None:
                self._due = time.monotonic() + _MESSAGE
            self._wire.line.end = end if self._due is None else self._due
            try:
                data = self._wire.line.reader.read1(_PIECE)
            except TimeoutError:
                if self._due is None and not self._is_closed:
                    return None
                raise
            if not data:
                raise MalformedError("it was closed by the other end")
            self._received += data
        line = bytes(self._message[:cut])
        del self._message[: cut + 1]
        self._due = None
        found = object_of(line)
        if not found:
            raise MalformedError("a message that is no object")
        return found

    def _unchunk(self) -> bool:
        """Move the content of what was received to the message; whether there was any progress (RFC 9112, 7.1)."""
        received = self._received
        if self._chunk is None:
            cut = received.find(b"\r\n")
            if cut < 0:
                if len(received) > _CHUNK_LINE:
                    raise MalformedError("no length of a chunk")
                return False
            digits = bytes(received[:cut]).split(b";")[0].strip()
            del received[: cut + 2]
            if not digits or digits.strip(b"0123456789abcdefABCDEF") or len(digits) > 8:
                raise MalformedError("no length of a chunk")
            self._chunk = int(digits, 16)
            if self._chunk == 0:
                raise MalformedError("it was ended by the other end")
            return True
        if self._chunk == -2:
            if len(received) < 2:
                return False
            if received[:2] != b"\r\n":
                raise MalformedError("a chunk without an end")
            del received[:2]
            self._chunk = None
            return True
        piece = received[: self._chunk]
        self._message += piece
        del received[: len(piece)]
        self._chunk = self._chunk - len(piece) or -2
        return bool(piece)

    def _batch(self, message: Mapping[str, Any]) -> Batch:
        """Read a message of etcd: changes, or why there are none any more."""
        if "error" in message:
            self._raise(message)
        result = fields.table(message, "result")
        if fields.truth(result, "canceled"):
            reason = fields.words(result, "cancel_reason")
            if compacted := fields.number(result, "compact_revision"):
                raise CompactedError(compacted, self.endpoint)
            # It has the words of an error and not its number: "rpc error: code = ... desc = etcdserver: ...".
            reason = reason.rpartition(" desc = ")[2]
            if (error := of_message(0, reason, self.endpoint).error) is not None:
                raise error
            raise AwayError({self.endpoint: reason or "canceled"}, what="etcd's stream of changes ended")
        events = []
        for each in fields.tables(result, "events"):
            row = fields.key_value(fields.table(each, "kv"))
            events.append(Event(fields.text(each, "type") == "DELETE", row))
        is_part = fields.truth(result, "fragment")
        if events:
            # The rest of a revision may be in the next part.
            self._from = events[-1].row.mod_revision + (0 if is_part else 1)
        elif not fields.truth(result, "created"):
            # A note of progress: everything up to this revision has been sent.
            self._from = max(self._from, fields.revision_of(result) + 1)
        return Batch(events, fields.revision_of(result), self._from)

    def _raise(self, message: Mapping[str, Any]) -> None:
        error = fields.table(message, "error")
        # etcd 3.4 and 3.5 name it otherwise.
        code = fields.number(error, "grpc_code") or fields.number(error, "code")
        judgement = of_message(code, fields.words(error, "message"), self.endpoint)
        if judgement.error is not None:
            raise judgement.error
        raise AwayError({self.endpoint: judgement.reason}, what="etcd's stream of changes ended")


def open_watch(session: Session, prefix: Name, range_end: Name, from_revision: int) -> Watch:
    """Open a watch at the first endpoint that answers; errors as :meth:`esmith.fleet.etcd.client.Etcd.watch`."""
    create = {"key": encoded(prefix), "range_end": encoded(range_end), "start_revision": str(from_revision)}
    body = {"create_request": {**create, "progress_notify": True, "fragment": True}}
    end = time.monotonic() + session.timeout
    reasons: dict[str, str] = {}
    order = session.order
    for index, endpoint in enumerate(order):
        now = time.monotonic()
        share = now + (end - now) / (len(order) - index)
        for is_last in (False, True):
            try:
                watch = _open_at(session, endpoint, body, share, from_revision)
            except DeniedError as error:
                # etcd 3.4 says "permission denied" of a token that it does not know any more.
                if is_last or not session.user:
                    raise
                session.forget_all()
                reasons[endpoint.url] = error.reason
            except (NotSentError, LostError) as error:
                reasons[endpoint.url] = str(error)
                break
            except AwayError as error:
                reasons |= error.reasons
                break
            else:
                session.answered(endpoint, order[:index])
                return watch
    raise AwayError(reasons)


def _open_at(session: Session, endpoint: Any, body: Mapping[str, Any], end: float, from_revision: int) -> Watch:
    wire = session.take(endpoint, end, probe=False, keep=False)
    with contextlib.ExitStack() as failing:
        watch = Watch(wire, from_revision)
        failing.callback(watch.close)
        try:
            _begin(session, wire, watch, body, end)
        except (OSError, ValueError, MalformedError) as error:
            raise LostError(reason_of(error)) from error
        failing.pop_all()
    return watch


def _begin(session: Session, wire: Wire, watch: Watch, body: Mapping[str, Any], end: float) -> None:
    """Ask for the stream, and read that it was made."""
    token = session.token_at(wire, end)
    response = wire.start("POST", "/v3/watch", body, {"Grpc-Metadata-hasleader": "true", **token}, end)
    if response.status != _OK:
        text = response.read(_REFUSAL)
        shown = printable(text[:300].decode("utf-8", "replace"))
        _refuse(Answer(response.status, object_of(text), shown, ""), wire)
    if response.getheader("Transfer-Encoding", "").lower() != "chunked":
        raise LostError("its answer is not one of etcd: no stream")
    message = watch._read_message(end)
    if message is None:
        raise LostError("no answer in time")
    first = watch._batch(message)
    if first.events or not fields.truth(fields.table(message, "result"), "created"):
        raise LostError("its answer is not one of etcd: no watch was made")
    wire.line.end = None


def _refuse(answer: Answer, wire: Wire) -> None:
    judgement = judge(answer, wire.endpoint.url)
    if judgement.verdict is Verdict.RENEW and judgement.error is not None:
        raise DeniedError(judgement.reason, place=wire.endpoint.url)
    if judgement.error is not None:
        raise judgement.error
    raise LostError(judgement.reason)
