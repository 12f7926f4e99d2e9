"""One machine: a root with processes, a network and a name of its own, which can be switched off and on again.

Its network is the loopback interface alone, with more addresses; nobody outside is reached, and nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.machines.roots import REPOSITORY, bare, cache_of, fill, make, remove, scratch

#: Addresses of the machine beside 127.0.0.1. All of the same 24 bits are its own as well, so a client has others.
ADDRESSES = ("10.0.0.1", "192.0.2.1")
PATH = "/sbin/e-smith:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Becomes ``.ci/bare run`` with a network of its own, in which the first process waits until all is over.
_BEGIN = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from tests.system.inside import bring_up
bring_up(sys.argv[3].split(","))
socket.sethostname("debian")
os.execv(sys.argv[1] + "/.ci/bare", ["bare", "run", sys.argv[2], "root", *sys.argv[4:]])
"""
#: What a boot finds: /run is empty, and nothing runs. The name server knows no name. What else keeps the
#: processors busy is no load of this machine, since with much of it qpsmtpd puts mail off.
FOUND_AT_BOOT = """
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t sysfs -o ro sysfs /sys
install -d -m 1777 /run/lock
echo nameserver 127.0.0.53 >/etc/resolv.conf
echo 0.10 0.10 0.10 1/100 1 >/run/load
mount --bind /run/load /proc/loadavg
"""
#: Nothing is started at boot but the name server; whoever plays starts the rest.
_FIRST = """
python3 -IS tests/machines/names.py 127.0.0.53 &
exec sleep infinity
"""
_START_SECONDS = 30
#: The namespaces that a command is started in.
_ENTERED = ("--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup")


class Machine:
    """A root that runs.

    :param root: the folder of the root; it has the files of the repository (``.ci/bare install``).
    :param suite: the suite of Debian it is of.
    """

    #: What supervises the services.
    supervisor = "runit"
    #: The Debian packages that its root needs.
    packages: tuple[str, ...] = ()

    def __init__(self, root: Path, suite: str) -> None:
        self.root = root
        self.suite = suite
        self._outer: subprocess.Popen[bytes] | None = None
        self._first = 0

    def __enter__(self) -> Machine:
        self.switch_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.switch_off()

    def switch_on(self) -> None:
        """Start the machine: its first process, a network, an empty /run; no daemon.

        :raises RuntimeError: when no machine can be had here.
        """
        words = (sys.executable, "-IS", "-c", _BEGIN, str(REPOSITORY), str(self.root), ",".join(ADDRESSES))
        # unshare(1) also complains there when it is ended, which is how a machine is switched off.
        with tempfile.TemporaryFile() as trouble:
            self._outer = subprocess.Popen(
                [*self._spaces(), *words, *self._first_process()],
                stdin=subprocess.DEVNULL,
                stdout=trouble,
                stderr=trouble,
                start_new_session=True,
            )
            if self._is_on():
                return
            self.switch_off()
            trouble.seek(0)
            why = trouble.read().decode(errors="replace")
        raise RuntimeError(f"the machine of {self.root} does not start: {why}")

    def _spaces(self) -> list[str]:
        """Return the command that the machine is started with, in namespaces of its own."""
        return ["unshare", "--net", "--uts", "--ipc"]

    def _first_process(self) -> list[str]:
        """Return the command that ``.ci/bare run`` runs when the machine is switched on."""
        return ["bash", "-euc", FOUND_AT_BOOT + _FIRST]

    def _is_ready(self, first: int) -> bool:
        """Return whether a first process has come to its end: it waits, and all is mounted."""
        try:
            children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
            return any(Path(f"/proc/{child}/comm").read_text() == "sleep\n" for child in children)
        except OSError:
            return False

    def _is_on(self) -> bool:
        """Wait for the first process of the machine, and return whether it came."""
        assert self._outer is not None
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._outer.poll() is None:
            children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
            if children and self._is_ready(int(children[0])):
                self._first = int(children[0])
                return True
            time.sleep(0.02)
        return False

    def switch_off(self) -> None:
        """End all processes of the machine at once, as a power failure does; its files stay, but for those in /run."""
        if self._first:
            os.kill(self._first, signal.SIGKILL)
            self._first = 0
        if self._outer is not None:
            if self._outer.poll() is None:
                self._outer.terminate()
            self._outer.wait()
            self._outer = None

    def start(
        self, words: Sequence[str], log: Path, variables: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command at the machine, as root in the repository's folder.

        :param log: where its output goes.
        """
        enter = ("nsenter", f"--target={self._first}", *_ENTERED)
        environment = {
            "HOME": "/root",
            "PATH": PATH,
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": "/root/wheels",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            **(variables or {}),
        }
        names = [f"{name}={value}" for name, value in environment.items()]
        with log.open("ab") as out:
            return subprocess.Popen(
                [*enter, "env", "--chdir=/root/src", "--ignore-environment", *names, *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def run(
        self, words: Sequence[str], log: Path, *, seconds: float = 600, variables: dict[str, str] | None = None
    ) -> int:
        """Run a command at the machine to its end, and return its exit code.

        :param seconds: how long it may take; -9 is returned when it takes longer.
        """
        process = self.start(words, log, variables)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()


@contextlib.contextmanager
def fresh_machine(suite: str, logs: Path, *, keep: bool = False, kind: type[Machine] = Machine) -> Iterator[Machine]:
    """Yield a bare machine that is switched on, with the files of the repository and what installing them downloads.

    :param kind: which class of machine; what it needs in its root is installed first.
    :param logs: where the output of making it goes.
    :param keep: whether its root stays; it is printed where it is.
    """
    root = scratch(suite)
    try:
        fill(suite, logs / "fill")
        make(root, suite)
        bare("install", root, log=logs / "files")
        subprocess.run(["cp", "-r", f"{cache_of(suite)}/wheels", f"{root}/root/wheels"], check=True)
        if kind.packages:
            install = ("apt-get", "install", "-y", "--no-install-recommends", *kind.packages)
            bare("run", root, "root", "env", "DEBIAN_FRONTEND=noninteractive", *install, log=logs / "packages")
        with kind(root, suite) as machine:
            yield machine
    finally:
        if keep:
            print(f"root: {root}, logs: {logs}", flush=True)
        else:
            remove(root)
