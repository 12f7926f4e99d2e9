"""Why an agent applies nothing any more."""

from __future__ import annotations

from esmith.errors import StoreError


class StoppedError(StoreError):
    """No row may be applied until somebody has acted: the journal in etcd is not what this host knows of it."""
