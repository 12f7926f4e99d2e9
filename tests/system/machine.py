"""A machine of its own for the tests: its files are copies, its network is a loopback interface, its processes end."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import forks
from tests.commands import TIMEOUT_SECONDS, Answer
from tests.programs import missing
from tests.qpsmtpd.daemon import needs_qpsmtpd

#: What the machine of the mail system cannot do without.
needs_mail_system = pytest.mark.program(
    *needs_qpsmtpd.args,
    "clamd",
    "clamdscan",
    "spamd",
    "php-fpm",
    "dovecot",
    "/usr/lib/dovecot/imap",
    "/usr/lib/dovecot/pop3",
    "runsvdir",
    "sv",
    "openssl",
    "unshare",
)
#: Namespaces of its own. The capabilities of an ordinary user's are kept, so that he may use low ports there.
_NAMESPACES = ("--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child")
_OF_A_USER = ("--user", "--map-current-user", "--keep-caps")
PATH = "/sbin/e-smith:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C.UTF-8"}


def unshare(*words: str) -> list[str]:
    """Return the command that runs a program in namespaces of its own."""
    return ["unshare", *(() if os.geteuid() == 0 else _OF_A_USER), *_NAMESPACES, *words]


@functools.cache
def machine_trouble() -> str:
    """Return why no machine can be had here, "" when one can."""
    if text := missing("unshare"):
        return text
    done = subprocess.run(unshare("mount", "-t", "tmpfs", "tmpfs", "/mnt"), capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"not possible here: no namespaces are allowed: {done.stderr.strip()}"


class Machine:
    """The machine: the host's files with a folder mounted over them, copy on write.

    :param prepared: the folder.
    :param work: a folder for what passes between the host and the machine.
    :param addresses: addresses of the machine; all others of the same 24 bits are its own as well.
    """

    def __init__(self, prepared: Path, work: Path, addresses: Sequence[str]) -> None:
        self._work = work
        self._count = 0
        self._wait: Callable[[], None] = lambda: None
        #: After how many seconds a program is ended.
        self.limit = TIMEOUT_SECONDS
        (work / "queue").mkdir(parents=True)
        (work / "queue").chmod(0o777)
        self.load.write_text("0.10 0.10 0.10 1/100 1\n")
        self._server, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        script = str(Path(__file__).with_name("inside.py"))
        with inner, (work / "trouble").open("wb") as trouble:
            self._process = subprocess.Popen(
                unshare(sys.executable, "-IS", script, str(prepared), str(work), str(inner.fileno()), *addresses),
                pass_fds=[inner.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=trouble,
                stderr=trouble,
                env=_ENVIRONMENT,
            )
        self.run("true")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self._first = children[0]

    def fork_commands(self) -> None:
        """Have the commands of the product forked by a server from now on, until the machine's processes are killed.

        It has to be installed. A machine of an ordinary user's keeps the real ones: only root enters its namespaces.
        """
        if os.geteuid() == 0:
            address = self._work / "server"
            address.unlink(missing_ok=True)
            forks.install_clients(self.path("/sbin/e-smith"), self._work / "commands", _ENVIRONMENT, address)
            self._wait = forks.serve_in_machine(int(self._first), address, _ENVIRONMENT)

    @property
    def queue(self) -> Path:
        """Where what is in the machine's ``/var/spool/taken`` can be read."""
        return self._work / "queue"

    @property
    def load(self) -> Path:
        """The file that is the machine's ``/proc/loadavg``."""
        return self._work / "loadavg"

    def path(self, path: str) -> Path:
        """Return a path of the machine as this process reaches it."""
        return Path(f"/proc/{self._first}/root{path}")

    def run(self, *words: str, code: int | None = 0, env: dict[str, str] | None = None, stdin: bytes = b"") -> Answer:
        """Run a program in the machine.

        :param code: the exit code it must have; None for any.
        """
        result, out, err = self._run(words, stdin, env or {}, wait=True)
        answer = Answer(result, out.read_text(errors="replace"), err.read_text(errors="replace"))
        for file in (out, err):
            file.unlink()
        assert "Traceback" not in answer.err, answer.err
        assert code in (None, answer.code), f"{' '.join(words)} exited {answer.code}:\n{answer.out}{answer.err}"
        return answer

    def start(self, *words: str) -> int:
        """Start a program, and return its pid in the machine."""
        return self._run(words, b"", {}, wait=False)[0]

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process, given by its pid in the machine."""
        self._ask({"do": "kill", "pid": pid, "signal": int(number)})

    def kill_all(self) -> None:
        """Kill every process in the machine, as a power failure does; its files stay."""
        self.kill(-1)

    def connect(self, address: tuple[str, int], source: str, timeout: float) -> socket.socket:
        """Return a connection within the machine.

        :raises OSError: when nobody listens there.
        """
        sock = self._socket({"kind": "SOCK_STREAM", "bind": [source, 0], "connect": address, "timeout": timeout})
        sock.settimeout(timeout)
        return sock

    def listen(self, address: tuple[str, int], kind: str = "SOCK_STREAM") -> socket.socket:
        """Return a socket that is bound to an address of the machine, and listens."""
        return self._socket({"kind": kind, "bind": address})

    def close(self) -> None:
        """End every process of the machine, and the machine."""
        self._server.close()
        try:
            self._process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        self._wait()

    def _run(self, words: Sequence[str], stdin: bytes, env: dict[str, str], *, wait: bool) -> tuple[int, Path, Path]:
        self._count += 1
        given, out, err = (self._work / f"{self._count}.{kind}" for kind in ("in", "out", "err"))
        given.write_bytes(stdin)
        answer, _ = self._ask(
            {
                "do": "run",
                "argv": words,
                "in": str(given),
                "out": str(out),
                "err": str(err),
                "env": {**_ENVIRONMENT, "HOME": "/root", **env},
                "cwd": "/",
                "wait": wait,
                "timeout": self.limit,
            }
        )
        given.unlink()
        return answer["result"], out, err

    def _socket(self, request: dict[str, Any]) -> socket.socket:
        _, descriptors = self._ask({"do": "socket", **request})
        return socket.socket(fileno=descriptors[0])

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
        try:
            self._server.send(json.dumps(request).encode())
            packet, descriptors, _, _ = socket.recv_fds(self._server, 65536, 1)
        except (BrokenPipeError, ConnectionResetError):
            packet, descriptors = b"", []
        if not packet:
            self._process.wait(TIMEOUT_SECONDS)
            raise RuntimeError(f"the machine is gone: {(self._work / 'trouble').read_text()}")
        answer = json.loads(packet)
        if "error" in answer:
            raise OSError(answer["errno"], answer["error"])
        return answer, descriptors
