"""The step of the server-manager: what an administrator does there in a browser, on a machine that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.machines.steps import Play

#: Where no systemd runs only what is otherwise there: the processes are started by runit, and nothing confines them.
_OF_RUNIT = ("logins", "processes_have_no_rights", "killed_in_a_job", "nothing_is_wrong")


def panel(play: Play) -> str:
    """Play the server-manager at /: logins, changes, users, kills, a change that cuts the browser off."""
    chosen = () if play.machine.supervisor == "systemd" else _OF_RUNIT
    return play.run("python3", "-m", "tests.manager.machine", *chosen).splitlines()[-1]
