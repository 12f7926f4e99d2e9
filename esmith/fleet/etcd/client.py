"""The client of etcd that the fleet needs, on the standard library (etcd's documentation, "API guide").

::

    etcd = Etcd(["https://10.0.0.1:2379", "https://10.0.0.2:2379"], tls=Tls(ca, certificate, key), user="mail-mx1",
                password=password)
    result = etcd.txn([value_is(head, old)], [put(row, text), put(head, new)])

Each call tries each endpoint within one time limit. After :class:`OutcomeUnknownError` the change may have happened or
may still, after every other error it has not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from esmith.errors import StoreError
from esmith.fleet.etcd import fields
from esmith.fleet.etcd.access import Access
from esmith.fleet.etcd.errors import CompactedError, FullError, OutcomeUnknownError, RefusedByEtcdError
from esmith.fleet.etcd.health import MemberHealth, health_of
from esmith.fleet.etcd.operations import Compare, Found, KeyValue, Name, Operation, TxnResult, first_key, prefix_end
from esmith.fleet.etcd.session import Session
from esmith.fleet.etcd.tls import Tls
from esmith.fleet.etcd.watch import Watch, open_watch
from esmith.fleet.etcd.wire import TooLongError, encoded

#: Rows of a page, at most; a page that would be too long is asked for again with fewer.
_PAGE = 500
#: Seconds of compacting and defragmenting: etcd rewrites its whole file.
_MAINTENANCE = 60.0


class Etcd:
    """A cluster of etcd. Threads may share it; a watch has its own connection.

    :param endpoints: URLs of members, each is tried; the one that answered last is tried first.
    :param tls: the certificates; needed for ``https``.
    :param user: the user of etcd, "" where etcd has no users.
    :param password: its password; a token is asked for with it when one is needed.
    :param timeout: seconds of a whole call, over all endpoints.
    :raises UsageError: an endpoint is not a URL, or needs certificates.
    :raises StoreError: a certificate cannot be read.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        tls: Tls | None = None,
        user: str = "",
        password: str = "",
        timeout: float = 2.0,
    ) -> None:
        self._session = Session(endpoints, tls, user, password, timeout)
        #: Users, roles and rights.
        self.access = Access(self._session)

    def __enter__(self) -> Etcd:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections. A watch is closed by itself."""
        self._session.close()

    def log_in(self, timeout: float = 10.0) -> None:
        """Ask for a new token with more patience than a call has.

        Each call does so by itself when it needs one. To look at a password takes etcd 0.1 s and more, and after it was
        restarted all hosts of a fleet ask at once: a call that gives up has made etcd work for nothing.

        :param timeout: seconds for all of it.
        :raises AwayError: no endpoint gave one in time.
        :raises DeniedError: etcd does not take the user and the password.
        """
        self._session.log_in(timeout)

    @property
    def endpoints(self) -> list[str]:
        """The endpoints in the order in which the next call tries them."""
        return [endpoint.url for endpoint in self._session.order]

    def range(
        self,
        key: Name,
        end: Name | None = None,
        *,
        limit: int = 0,
        serializable: bool = False,
        revision: int = 0,
        keys_only: bool = False,
        reverse: bool = False,
    ) -> Found:
        """Read a key, or all from it to before an end, in the order of the keys.

        :param limit: how many rows at most, 0 for all; :meth:`prefix` reads what may be many.
        :param serializable: whether what this member has is enough, which may be old; it needs no leader.
        :param revision: at which revision of etcd, 0 for the newest.
        :param reverse: the last keys first.
        :raises CompactedError: etcd does not have this revision any more.
        :raises RefusedByEtcdError: etcd refused, or the answer is longer than is read.
        :raises AwayError: no endpoint answered.
        """
        try:
            return self._range(key, end, limit, serializable, revision, keys_only, reverse)
        except TooLongError as error:
            raise RefusedByEtcdError(str(error), hint="read it in parts") from error

    def _range(
        self,
        key: Name,
        end: Name | None,
        limit: int,
        serializable: bool,
        revision: int,
        keys_only: bool = False,
        reverse: bool = False,
    ) -> Found:
        body: dict[str, Any] = {"key": encoded(key), "limit": str(limit), "revision": str(revision)}
        body |= {"serializable": serializable, "keys_only": keys_only}
        if end is not None:
            body["range_end"] = encoded(end)
        if reverse:
            body |= {"sort_order": "DESCEND", "sort_target": "KEY"}
        call = self._session.call
        return call("/v3/kv/range", body, fields.found, changes=False, needs_leader=not serializable)

    def get(self, key: Name, *, serializable: bool = False, revision: int = 0) -> KeyValue | None:
        """Read one key; None when it is not there. Errors are those of :meth:`range`."""
        found = self.range(key, serializable=serializable, revision=revision)
        return found.rows[0] if found.rows else None

    def prefix(self, prefix: Name, *, serializable: bool = False, revision: int = 0) -> Iterator[Found]:
        """Read all keys with a prefix in pages, all at the revision of the first page.

        There is always one page, so that an empty range has a revision, too. Errors are those of :meth:`range`.
        """
        key, end, limit = first_key(prefix), prefix_end(prefix), _PAGE
        while True:
            try:
                found = self._range(key, end, limit, serializable, revision)
            except TooLongError as error:
                if limit == 1:
                    raise RefusedByEtcdError(str(error)) from error
                limit = max(limit // 4, 1)
                continue
            revision = revision or found.revision
            yield found._replace(revision=revision)
            if not found.more or not found.rows:
                return
            key = found.rows[-1].key + b"\0"

    def txn(
        self, compares: Sequence[Compare], success: Sequence[Operation], failure: Sequence[Operation] = ()
    ) -> TxnResult:
        """Do one list of operations when all compares hold, else the other, all at once.

        It is sent to a second endpoint only when it is certain that the first did not take it.

        :raises OutcomeUnknownError: it was sent, and whether it happened is not known.
        :raises FullError: etcd's quota is reached; nothing happened, if it is not doubtful, which it is only where no
            operation puts a key of which a compare says that it is not there.
        :raises DeniedError: this host may not do that; nothing happened.
        :raises RefusedByEtcdError: etcd refused, as for more than 128 operations; nothing happened.
        :raises AwayError: no endpoint could be asked; nothing happened.
        """
        body = {
            "compare": [each.message for each in compares],
            "success": [each.message for each in success],
            "failure": [each.message for each in failure],
        }
        try:
            return self._session.call("/v3/kv/txn", body, fields.result, changes=True)
        except FullError as error:
            return self._although_full(body, error)

    def _although_full(self, body: Mapping[str, Sequence[Mapping[str, Any]]], full: FullError) -> TxnResult:
        """Find out whether etcd did what it says it has no room for: it may have (:class:`FullError`).

        :raises FullError: it has not.
        :raises OutcomeUnknownError: it cannot be asked.
        """
        absent = {each["key"] for each in body["compare"] if each.get("create_revision") == "0"}
        puts = [each["request_put"] for each in body["success"] if "request_put" in each]
        created = next((put for put in puts if put["key"] in absent), None)
        if created is None or len(puts) != len(body["success"]):
            raise full
        try:
            rows = self._session.call("/v3/kv/range", {"key": created["key"]}, fields.found, changes=False).rows
        except StoreError as error:
            raise OutcomeUnknownError(full.place, f"{full.reason}; {error.message}") from error
        if not rows or encoded(rows[0].value) != created["value"]:
            full.is_doubtful = False
            raise full
        revision = rows[0].mod_revision
        return TxnResult(True, revision, [Found((), revision) for _put in puts])

    def put(self, key: Name, value: Name) -> int:
        """Set a key, and return the revision. Errors are those of :meth:`txn`."""
        return self._change("/v3/kv/put", {"key": encoded(key), "value": encoded(value)})

    def delete(self, key: Name, end: Name | None = None) -> int:
        """Delete a key, or all from it to before an end, and return the revision. Errors are those of :meth:`txn`."""
        body = {"key": encoded(key)} | ({"range_end": encoded(end)} if end is not None else {})
        return self._change("/v3/kv/deleterange", body)

    def _change(self, path: str, body: Mapping[str, Any], timeout: float | None = None) -> int:
        return self._session.call(path, body, _revision, changes=True, timeout=timeout)

    def watch(self, prefix: Name, from_revision: int, *, end: Name | None = None) -> Watch:
        """Follow all changes of keys with a prefix, from a revision on, without gaps; on a connection of its own.

        :param from_revision: the first revision that is wanted; must be above 0.
        :param end: the end of the range, when ``prefix`` is its first key and not a prefix.
        :raises CompactedError: etcd does not have that revision any more.
        :raises DeniedError: this host may not read that.
        :raises AwayError: no endpoint answered.
        """
        return open_watch(self._session, first_key(prefix), prefix_end(prefix) if end is None else end, from_revision)

    def health(self) -> list[MemberHealth]:
        """Ask each endpoint how it is, all at once, within one time limit. Raises nothing: each entry has its error."""
        return health_of(self._session)

    def compact(self, revision: int) -> None:
        """Have etcd forget what is older than a revision; needs the rights of root. Errors are those of :meth:`txn`."""
        try:
            self._change("/v3/kv/compaction", {"revision": str(revision), "physical": True}, _MAINTENANCE)
        except CompactedError:
            return


def _revision(body: Mapping[str, Any]) -> int:
    if "header" not in body:
        raise fields.MalformedError("there is no header")
    return fields.revision_of(body)
