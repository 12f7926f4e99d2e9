"""A network of the kernel for the tests of the fleet: hosts are network namespaces, and cables can be pulled.

Only root may make one. Nothing of the machine's own network is touched: the whole of it is in a namespace of a process
that :func:`play` starts, and is gone with that process.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

_NETWORK = "10.99.0"
#: The address of the process that made the network.
OUTSIDE = f"{_NETWORK}.254"
_CLONE_NEWNET = 0x40000000


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


class Node:
    """A host of the network: a namespace, which a sleeping process holds."""

    def __init__(self, number: int) -> None:
        self.address = f"{_NETWORK}.{number}"
        self._cable = f"cable{number}"
        holder = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"]
        self._holder = subprocess.Popen(holder)
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self._holder.pid}/ns/net") == own:
            time.sleep(0.005)
        #: The words before a command that runs it on this host.
        self.entering = ("nsenter", "--target", str(self._holder.pid), "--net")
        end = ("peer", "name", "eth0", "netns", str(self._holder.pid))
        _run("ip", "link", "add", self._cable, "type", "veth", *end)
        _run("ip", "link", "set", self._cable, "master", "switch", "up")
        _run(*self.entering, "ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run(*self.entering, "ip", "link", "set", device, "up")

    def cut(self) -> None:
        """Pull its cable: nothing comes or goes, and nobody notices at once."""
        _run("ip", "link", "set", self._cable, "down")

    def heal(self) -> None:
        """Put its cable back."""
        _run("ip", "link", "set", self._cable, "up")

    def enter(self) -> None:
        """Make this process one of that host; for a child, before it connects to anything (setns(2))."""
        import ctypes

        with open(f"/proc/{self._holder.pid}/ns/net") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def close(self) -> None:
        """End it, when nothing runs there any more."""
        self._holder.kill()
        self._holder.wait()


class Network:
    """Hosts at one switch, to which this process belongs, too; only below :func:`play`."""

    def __init__(self) -> None:
        assert os.readlink("/proc/self/ns/net") != os.environ["OUTER_NETWORK"], "this would be the machine's network"
        self._nodes: list[Node] = []
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "link", "add", "switch", "type", "bridge")
        _run("ip", "address", "add", f"{OUTSIDE}/24", "dev", "switch")
        _run("ip", "link", "set", "switch", "up")

    def node(self) -> Node:
        """Add a host."""
        self._nodes.append(Node(len(self._nodes) + 1))
        return self._nodes[-1]

    def close(self) -> None:
        """End all hosts."""
        for node in self._nodes:
            node.close()


def play(case: str, folder: Path, *words: str, timeout: float = 120.0) -> None:
    """Call a function in a process with a network of its own, and fail with what it printed when it fails.

    :param case: the function, as ``tests.fleet.etcd.cut_off:watch_ends``; it is given the folder and the words.
    """
    trial = ["unshare", "--net", "ip", "link", "add", "trial", "type"]
    for kind in ("bridge", "veth"):
        if (tried := subprocess.run([*trial, kind], capture_output=True, text=True)).returncode != 0:
            pytest.skip(f"not possible here: a network device of kind {kind}: {tried.stderr.strip()}")
    command = ["unshare", "--net", sys.executable, "-m", "tests.fleet.namespaces", case, str(folder), *words]
    environment = {**os.environ, "OUTER_NETWORK": os.readlink("/proc/self/ns/net")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    module, _colon, name = sys.argv[1].partition(":")
    getattr(importlib.import_module(module), name)(Path(sys.argv[2]), *sys.argv[3:])
