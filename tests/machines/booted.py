"""A machine whose first process is the systemd of its Debian, as on a server: it boots, reboots and powers off.

systemd runs in namespaces as it does in a container of LXC (https://systemd.io/CONTAINER_INTERFACE): it has a control
group of its own, and a ``/dev`` of its own with the few devices a container has. The kernel is not its own, so it
changes nothing there: nobody may write ``/sys`` and ``/proc/sys``, load modules, or set the clock.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.machines.machine import FOUND_AT_BOOT, Machine

#: /dev, and then systemd. The name server is a unit of this boot alone. A unit that is kept from /proc gets one of its
#: own, so the load is put there again.
_FIRST = """
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
mkdir /run/dev
mount -t tmpfs -o mode=0755,nosuid tmpfs /run/dev
cd /run/dev
for name in null zero full random urandom tty; do
    touch $name
    mount --bind /dev/$name $name
done
mkdir pts shm mqueue
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs shm
ln -s pts/ptmx ptmx
ln -s /proc/self/fd fd
ln -s fd/0 stdin
ln -s fd/1 stdout
ln -s fd/2 stderr
cd /
umount --recursive --lazy /dev
mount --move /run/dev /dev
mkdir -p /run/systemd/system/multi-user.target.wants
cat >/run/systemd/system/machine-names.service <<END
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/bin/python3 -IS /root/src/tests/machines/names.py 127.0.0.53
END
ln -s ../machine-names.service /run/systemd/system/multi-user.target.wants/
for name in qpsmtpd sqpsmtpd; do
    mkdir /run/systemd/system/$name.service.d
    printf '[Service]\\nBindReadOnlyPaths=/run/load:/proc/loadavg\\n' >/run/systemd/system/$name.service.d/load.conf
done
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
variables="container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8"
exec env --ignore-environment $variables setpriv --bounding-set -sys_module,-sys_rawio,-sys_time /lib/systemd/systemd
"""
#: The states of a machine that has booted; in the second one a unit has failed (systemctl(1), "is-system-running").
_BOOTED = ("running", "degraded")
_BOOT_SECONDS = 300
_DOWN_SECONDS = 300
#: As which signal the end of the first process is seen from outside (reboot(2), "Behavior inside PID namespaces").
_REBOOTS, _POWERS_OFF = signal.SIGHUP, signal.SIGINT


class BootedMachine(Machine):
    """A machine with systemd as its first process."""

    supervisor = "systemd"
    # What every server of Debian has.
    packages = ("systemd-sysv", "dbus")

    def switch_on(self) -> None:
        """Boot, and wait until the boot is over.

        :raises RuntimeError: when no machine can be had here, or it does not boot.
        """
        self._group = Path(tempfile.mkdtemp(prefix="esmith-machine-", dir=own_group()))
        super().switch_on()
        state = self._wait_for_boot()
        if state not in _BOOTED:
            self.switch_off()
            raise RuntimeError(f"the machine of {self.root} does not boot within {_BOOT_SECONDS} s: it is {state}")

    def switch_off(self) -> None:
        """End all processes of the machine at once, as a power failure does; its files stay, but for those in /run."""
        super().switch_off()
        self._remove_group()

    def power_off(self) -> None:
        """Have systemd stop all services and the machine.

        :raises RuntimeError: when it does not.
        """
        self._go_down("poweroff", _POWERS_OFF)

    def reboot(self) -> None:
        """Have systemd stop all services, and boot again.

        :raises RuntimeError: when it does not.
        """
        self._go_down("reboot", _REBOOTS)
        self.switch_on()

    def _spaces(self) -> list[str]:
        # The namespace of control groups has the group as its root that the process is in.
        enter = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(self._group)]
        return [*enter, *super()._spaces(), "--cgroup"]

    def _first_process(self) -> list[str]:
        # In the place of the shell that .ci/bare leaves as the first process.
        return ["exec", "bash", "-euc", FOUND_AT_BOOT + _FIRST]

    def _is_ready(self, first: int) -> bool:
        try:
            return Path(f"/proc/{first}/comm").read_text() == "systemd\n"
        except OSError:
            return False

    def _wait_for_boot(self) -> str:
        """Return the state of the machine when the boot is over, or what it is after a long time."""
        deadline = time.monotonic() + _BOOT_SECONDS
        state = "unknown"
        while state not in _BOOTED and time.monotonic() < deadline:
            with tempfile.NamedTemporaryFile() as printed:
                words = ("systemctl", "is-system-running", "--wait")
                self.run(words, Path(printed.name), seconds=max(1, deadline - time.monotonic()))
                state = (printed.read().decode(errors="replace").split() or ["unknown"])[-1]
            # systemd takes no connection yet.
            time.sleep(0.1)
        return state

    def _go_down(self, word: str, end: signal.Signals) -> None:
        assert self._outer is not None
        with tempfile.NamedTemporaryFile() as printed:
            self.run(("systemctl", word), Path(printed.name))
            try:
                code = self._outer.wait(_DOWN_SECONDS)
            except subprocess.TimeoutExpired:
                code = 0
            printed_text = printed.read().decode(errors="replace")
        self._first = 0 if code else self._first
        self.switch_off()
        if code != -end:
            raise RuntimeError(
                f"systemctl {word} does not end the machine of {self.root} as it should: {code} {printed_text}"
            )

    def _remove_group(self) -> None:
        """Remove the control group of the machine, whose processes have ended, with those that systemd made in it."""
        for folder, _, _ in os.walk(self._group, topdown=False):
            os.rmdir(folder)


def own_group() -> Path:
    """Return the directory of the control group that this process is in.

    :raises RuntimeError: when there is none.
    """
    own = next((line[3:] for line in Path("/proc/self/cgroup").read_text().split() if line.startswith("0::")), None)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if own is not None and after.startswith("cgroup2 "):
            return Path(before.split()[4]) / own.lstrip("/")
    raise RuntimeError("systemd needs control groups: mount -t cgroup2 cgroup2 /sys/fs/cgroup")
