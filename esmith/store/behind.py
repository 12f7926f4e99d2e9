"""That another server of the fleet was quicker (docs/architecture.md#a-setting-of-a-fleet)."""

from __future__ import annotations

from esmith.errors import BusyError


class BehindError(BusyError):
    """Another server of the fleet changed something first, which this one has to have before. Nothing was changed.

    :param head: the number of the fleet's last revision.
    """

    def __init__(self, head: int) -> None:
        super().__init__(
            f"another server of the fleet changed something at this moment (fleet revision {head})",
            hint="do it again; nothing was changed",
        )
        self.head = head
