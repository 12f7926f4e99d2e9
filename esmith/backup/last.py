"""When the last good backup was made: a note in the state of the root, for whoever asks whether there is one."""

from __future__ import annotations

import os

from esmith.disk import read_file
from esmith.fields import dataclass
from esmith.store.table import DamagedRowError, decode_json, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.plan.host import Host

#: In the directory of the state.
NAME = "last-backup"
_MODE = 0o600


@dataclass(frozen=True)
class LastBackup:
    """The last backup that was made whole.

    :param file: where it was written, as an absolute path of this disk; it may be gone since.
    :param time: when, in seconds since 1970.
    :param size: of the file, in bytes.
    :param sha256: of the file, in hexadecimal.
    :param revision: the last revision of the databases in it.
    :param parts: what is in it: ``databases``, ``custom``, ``keys``, ``passwords``.
    :param encrypted: whether only who has the identity can read it.
    """

    file: str
    time: int
    size: int
    sha256: str
    revision: int
    parts: list[str]
    encrypted: bool = False


def last(layout: Layout) -> LastBackup | None:
    """Return the last good backup of a root, None when none is known; a damaged note counts as none.

    A backup to standard output is not noted: what became of it is not known.

    :raises UntrustedError: when others may have written the note.
    """
    path = os.path.join(layout.state, NAME)
    layout.trust.require(path)
    try:
        return decode_json(LastBackup, read_file(path))
    except (OSError, DamagedRowError):
        return None


def note_last(layout: Layout, host: Host, made: LastBackup) -> None:
    """Note that a good backup was made.

    :raises InstallError: when that cannot be written.
    """
    path = os.path.join(layout.state, NAME)
    host.install(host.stage(path, encode_json(made), _MODE, None))
    host.sync({os.path.dirname(path)})
