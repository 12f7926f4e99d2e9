"""The event that has nothing to do, at / of a machine: it writes nothing, and still sees a service that is down."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.machines.steps import Play

#: How each supervisor stops a service by hand, and says that it is up.
_BY_HAND = {
    "runit": ("sv down dovecot", "sv status dovecot | grep '^run:'"),
    "systemd": ("systemctl stop dovecot", "systemctl is-active dovecot"),
}
#: The first events may leave no stamp, which needs files that are older than a second: docs/concepts.md. One that runs
#: whole writes its lock, that of the databases, and more.
_WRITES_NOTHING = """
for _ in 1 2 3 4 5; do
    touch /root/before
    sleep 0.1
    signal-event email-update
    found=$(find /var/lib/e-smith /home/e-smith/db /etc -newer /root/before -type f)
    [ -n "$found" ] || exit 0
    sleep 2
done
echo "the last of five events with nothing to do wrote:"
echo "$found"
exit 1
"""


def unchanged(play: Play) -> str:
    """Have an event with nothing to do write nothing; when a service was stopped by hand, it is started."""
    stop, is_up = _BY_HAND[play.machine.supervisor]
    play.run("bash", "-euc", _WRITES_NOTHING)
    play.run("bash", "-euc", f"{stop}\nsignal-event email-update\n{is_up}")
    play.run("bash", "-euc", _WRITES_NOTHING)
    return ""
