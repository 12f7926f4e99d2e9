"""The client of etcd, made of what the store says when it is needed."""

from __future__ import annotations

import threading

from esmith.fleet.agent.identity import Identity, identity_of, no_member, signing_key
from esmith.fleet.agent.remote import Remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.agent.local import Local
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot


class Connector:
    """It; threads may share it.

    :param layout: the root.
    :param local: its store.
    :param timeout: seconds until an endpoint that does not answer counts as away.
    """

    def __init__(self, layout: Layout, local: Local, timeout: float) -> None:
        self._layout = layout
        self._local = local
        self._timeout = timeout
        self._lock = threading.Lock()
        self._known: Identity | None = None
        self._remote: Remote | None = None

    def __call__(self) -> Remote:
        """Return the journal in etcd; nothing is sent yet. The store is asked only where there is none.

        :raises UsageError: when this host is in no fleet.
        :raises StoreError: when the store, or a file of this host, cannot be read.
        """
        with self._lock:
            if self._known is not None:
                return self._made(self._known)
        with self._local.snapshot() as snapshot:
            return self.renewed(snapshot)

    def renewed(self, snapshot: Snapshot) -> Remote:
        """Return the same; a new one where the store says something else than when it was made.

        :raises UsageError: when this host is in no fleet.
        :raises StoreError: when the store, or a file of this host, cannot be read.
        """
        identity = identity_of(snapshot)
        with self._lock:
            if identity is None or identity != self._known:
                self._forget()
            if identity is None:
                self._known = None
                raise no_member()
            return self._made(identity)

    def _made(self, identity: Identity) -> Remote:
        if self._remote is None:
            key = signing_key(self._layout)
            etcd = identity.connect(self._layout, self._timeout)
            self._remote, self._known = Remote(etcd, identity.fleet, identity.host, key), identity
        return self._remote

    def forget(self) -> None:
        """Have the next one be a new one, with the certificates and the password of then."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._remote is not None:
            self._remote.etcd.close()
            self._remote = None
