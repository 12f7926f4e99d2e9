"""What can go wrong between this host and etcd, by what is known of the change afterwards.

After :class:`OutcomeUnknownError` a change may have happened, or still may; after :class:`FullError` it may have, where
``is_doubtful`` says so. After each of the others nothing has: etcd was not reached, or it refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from esmith.errors import StoreError


class AwayError(StoreError):
    """No endpoint answered, and nothing was changed.

    :param reasons: what each endpoint answered, or why it did not answer.
    """

    def __init__(self, reasons: Mapping[str, str], *, what: str = "etcd does not answer") -> None:
        self.reasons = dict(reasons)
        reported = "; ".join(f"{endpoint}: {reason}" for endpoint, reason in self.reasons.items())
        super().__init__(
            f"{what} ({reported})" if reported else what,
            hint="'esmith fleet status' names what is wrong with each endpoint, and the cure",
        )


class OutcomeUnknownError(StoreError):
    """The request was sent and not answered, or its answer does not say: it may have happened, or may still.

    :param endpoint: where it was sent.
    :param reason: what is known.
    """

    is_doubtful = True

    def __init__(self, endpoint: str, reason: str) -> None:
        self.endpoint = endpoint
        self.reason = reason
        super().__init__(f"whether etcd took the change is not known ({endpoint}: {reason})")


class RefusedByEtcdError(StoreError):
    """etcd refused a request that it could not do as it is; nothing was changed.

    :param reason: etcd's own words, made printable.
    """

    def __init__(self, reason: str, *, place: str = "", hint: str = "") -> None:
        self.reason = reason
        super().__init__(f"etcd refused the request: {reason}", place=place, hint=hint)


class DeniedError(RefusedByEtcdError):
    """The user, the password, the certificate or the rights of this host do not allow it; nothing was changed."""


class FullError(RefusedByEtcdError):
    """etcd's database has reached its quota, and takes no change until that is cured.

    Most often etcd looks before it does anything. When the quota was reached between that and the change, it changes
    and answers so nevertheless (etcd 3.4, ``etcdserver/apply.go``, ``quotaApplierV3``). In both cases it is over when
    the answer comes: what is not there then will not come any more. So :meth:`esmith.fleet.etcd.client.Etcd.txn` looks
    when it creates a key, and raises this only when nothing was changed; ``is_doubtful`` is for the others.
    """

    is_doubtful = True


class BusyEtcdError(RefusedByEtcdError):
    """etcd has too many requests to do; nothing was changed, and it may be tried again later."""


class CompactedError(RefusedByEtcdError):
    """What was asked for is older than etcd keeps.

    :param revision: the oldest revision it still has, 0 when it does not say.
    """

    def __init__(self, revision: int, place: str = "") -> None:
        self.revision = revision
        super().__init__(
            "this revision has been compacted",
            place=place,
            hint="read the newest state, and watch from there",
        )
