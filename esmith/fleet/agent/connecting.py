"""The client of etcd, made of what the store says when it is needed."""

from __future__ import annotations

import threading

from esmith.fleet.agent.identity import Identity, identity_of, no_member, signing_key
from esmith.fleet.agent.remote import Remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.agent.local import Local
    from esmith.layout import Layout

#: Another thread may be writing to the store; who this host is does not change while it does.
_STORE_SECONDS = 0.3


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
        """Return the journal in etcd; nothing is sent yet.

        :raises UsageError: when this host is in no fleet.
        :raises StoreError: when the store, or a file of this host, cannot be read.
        """
        try:
            with self._local.snapshot(_STORE_SECONDS) as snapshot:
                identity = identity_of(snapshot)
        except TimeoutError:
            identity = self._known
        if identity is None:
            raise no_member()
        with self._lock:
            if self._remote is None or identity != self._known:
                self._forget()
                key = signing_key(self._layout)
                etcd = identity.connect(self._layout, self._timeout)
                self._remote, self._known = Remote(etcd, identity.fleet, identity.host, key), identity
            return self._remote

    def forget(self) -> None:
        """Have the next one be made anew, with the certificates and the password of then."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._remote is not None:
            self._remote.etcd.close()
            self._remote = None
