"""Which generated files are no longer what the engine wrote."""

from __future__ import annotations

from esmith.apply.newer import NEWER, are_files_newer
from esmith.enums import Enum
from esmith.fields import dataclass
from esmith.plan.difference import EDITED
from esmith.plan.installed import OUTPUTS, Installed, digest_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.disk import Disk
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot


class DriftKind(Enum):
    """What happened to a generated file since it was written."""

    EDITED = EDITED
    NEWER = NEWER
    REMOVED = "removed"
    UNREADABLE = "cannot be read"


@dataclass(frozen=True)
class Drift:
    """How a generated file differs from what the engine wrote.

    :param kind: what happened to it.
    :param reason: the system's reason why it cannot be read.
    """

    kind: DriftKind
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.reason}" if self.reason else self.kind.value


def find_drift(layout: Layout, snapshot: Snapshot) -> dict[str, Drift]:
    """Return the generated files that were edited or removed by hand, each with what happened to it.

    Only files whose size, time or inode changed are read.
    """
    found: dict[str, Drift] = {}
    disk = layout.disk()
    for path, installed in OUTPUTS.rows(snapshot).items():
        if installed.is_absent:
            continue
        drift = _drift(disk, layout.under(path), installed)
        if drift:
            found[path] = drift
    if Drift(DriftKind.EDITED) in found.values() and are_files_newer(layout, snapshot):
        return {path: Drift(DriftKind.NEWER) if _is_edited(drift) else drift for path, drift in found.items()}
    return found


def _is_edited(drift: Drift) -> bool:
    return drift.kind is DriftKind.EDITED


def _drift(disk: Disk, target: str, installed: Installed) -> Drift | None:
    status = None
    try:
        status = disk.look(target)
        if status is None:
            return Drift(DriftKind.REMOVED)
        if installed.is_untouched(status) or digest_of(disk.content(target)) == installed.digest:
            return None
    except FileNotFoundError:
        return Drift(DriftKind.REMOVED)
    except OSError as error:
        # Of a file with mode 0000 in a copy of the root that is all its owner can see.
        untouched = status is not None and installed.may_be_untouched(status)
        return None if untouched else Drift(DriftKind.UNREADABLE, error.strerror or str(error))
    return Drift(DriftKind.EDITED)


def count_installed(snapshot: Snapshot) -> int:
    """Return how many files the engine keeps."""
    return sum(not installed.is_absent for installed in OUTPUTS.rows(snapshot).values())
