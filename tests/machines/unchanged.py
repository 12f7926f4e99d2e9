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
#: The event runs until it leaves a stamp, which needs files that are older than a second: docs/concepts.md.
_SETTLE = """
for _ in 1 2 3 4 5; do
    touch /root/before
    signal-event email-update
    [ -n "$(find /var/lib/e-smith/stamps -newer /root/before -type f)" ] && exit
    sleep 2
done
echo 'five events that changed nothing left no stamp'
exit 1
"""
#: What an event writes when it runs whole: its lock, the lock of the databases, or more.
_WRITES_NOTHING = """
touch /root/before
sleep 0.1
signal-event email-update
found=$(find /var/lib/e-smith /home/e-smith/db /etc -newer /root/before -type f)
[ -z "$found" ] || { echo "an event with nothing to do wrote:"; echo "$found"; exit 1; }
"""


def unchanged(play: Play) -> str:
    """Have an event with nothing to do write nothing; when a service was stopped by hand, it is started."""
    stop, is_up = _BY_HAND[play.machine.supervisor]
    play.run("bash", "-euc", _SETTLE)
    play.run("bash", "-euc", _WRITES_NOTHING)
    play.run("bash", "-euc", f"{stop}\nsignal-event email-update\n{is_up}")
    play.run("bash", "-euc", _SETTLE)
    play.run("bash", "-euc", _WRITES_NOTHING)
    return ""
