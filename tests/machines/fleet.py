"""The step of the fleet: docs/fleet.md is typed on a machine with systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.machines.steps import Play


def fleet(play: Play) -> str:
    """Type the set-up of docs/fleet.md at /, with two more machines as folders; settings arrive; leave again."""
    return play.run("python3", "-m", "tests.fleet.machine").splitlines()[-1]
