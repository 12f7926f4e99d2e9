"""The users and roles of a fleet in etcd: what each member may read and write there (docs/fleet.md#rights).

All of it may be done again: what is there already is left, or made as it has to be.
"""

from __future__ import annotations

import secrets

from esmith.errors import StoreError
from esmith.fleet.admin import place
from esmith.fleet.etcd import operations
from esmith.fleet.etcd.errors import DeniedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.fleet.admin.place import FleetFiles
    from esmith.fleet.etcd import Etcd
    from esmith.fleet.etcd.tls import Tls

#: etcd's own user with all rights, and the role that it has to have before passwords count.
ROOT = "root"
#: In bytes, before they are written as text.
_PASSWORD_BYTES = 32
