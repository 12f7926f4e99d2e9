"""Commands as processes of their own, without starting Python for each of them.

Most of the time of a short command is the start of Python. So a server does that once for each process of pytest, as a
script of ``/sbin/e-smith`` does it; for a command it forks a child (tests/fork_server.py), which has the arguments, the
environment, the directory, the umask and the standard streams of the command, runs the text of its script, and ends as
a process does. The server runs no command itself, so nothing that one leaves in memory is there for the next.

A command whose start would be another one, as in another locale, is started for real. With ESMITH_REAL_COMMANDS=1 each
is. Tests of the start itself, of signals and of locks do not come here: they start what they need themselves.

A shell of a test has the same: :func:`install_clients` replaces the commands of a root by small scripts that ask a
server (tests/fork_client.py), and :func:`serve_in_machine` gives a machine a server of its own.
"""

from __future__ import annotations

import atexit
import functools
import marshal
import os
import re
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests import fork_client

HERE = Path(__file__).resolve().parent
#: Python and the C library look at these when a process starts.
_OF_THE_START = re.compile(r"LC_\w+|LANG|LANGUAGE|LOCPATH|LD_\w+|MALLOC_\w+|GLIBC_\w+|PYTHON\w*")
#: What the start of a process depends on.
_Start = tuple[tuple[str, str], ...]
#: The flags of the scripts of ``/sbin/e-smith``.
_FLAGS = "-ISXutf8"
#: The first talks with a perl for as long as that runs, and ends with it; the other is a daemon: a signal for it has to
#: reach it, and not what waits for it.
_NEVER_FORKED = ("esmith-perl-server", "smtp-auth-proxy")
#: The kernel starts no process with a longer word.
_MAX_WORD_BYTES = 120_000
_LENGTH = struct.Struct("=I")
_CHUNK_BYTES = 65_536

#: The folder of tests/remembered.py, "" for none; tests/conftest.py makes one for all processes of a run.
memory = ""


#: Takes from root the right to look into and write to whatever it likes, so that permissions count: setpriv(1).
POWERLESS = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)


def run(
    words: list[str], *, stdin: bytes, env: dict[str, str], timeout: float, powerless: bool = False
) -> tuple[int, bytes, bytes]:
    """Run a command to its end.

    :param words: the path of a script of ``/sbin/e-smith``, and its arguments.
    :param env: all of its environment.
    :param timeout: how long to wait, in seconds.
    :param powerless: whether the permissions of files count for root as well (:data:`POWERLESS`).
    :return: its exit code, negative for a signal, and what it wrote.
    :raises subprocess.TimeoutExpired: when it did not end in time; it is killed.
    """
    powerless = powerless and os.geteuid() == 0
    flags = _flags(words[0])
    if flags is None or not _starts_as_the_server(words, env):
        real = [*POWERLESS, *words] if powerless else words
        done = subprocess.run(real, input=stdin, capture_output=True, env=env, timeout=timeout, check=False)
        return done.returncode, done.stdout, done.stderr
    server = _server(os.getpid(), flags, _start_of(dict(os.environ)))
    return server.run(words, stdin, env, timeout, powerless=powerless)


def call(words: list[str], *, streams: tuple[int, int, int], env: dict[str, str], timeout: float) -> Callable[[], int]:
    """Begin to run a command on descriptors of the caller's.

    :param words: as those of :func:`run`; and so are the others.
    :param streams: its standard streams.
    :return: what waits for its end, and returns its exit code.
    """
    flags = _flags(words[0])
    if flags is None or not _starts_as_the_server(words, env):
        process = subprocess.Popen(words, stdin=streams[0], stdout=streams[1], stderr=streams[2], env=env)
        return lambda: process.wait(timeout)
    return _server(os.getpid(), flags, _start_of(dict(os.environ))).call(words, streams, env, timeout)


def install_clients(commands: Path, real: Path, env: dict[str, str], address: Path | None = None) -> None:
    """Let the commands of a root be forked also where a shell runs them; once for each root.

    :param commands: ``/sbin/e-smith`` of the root; its scripts are moved, and clients of a server take their places.
    :param real: a folder for the scripts. A client becomes the real script where its start would be another one.
    :param env: the environment of the shell.
    :param address: where the server listens; without it, it is one of this process.
    """
    if real.exists() or os.environ.get("ESMITH_REAL_COMMANDS") == "1":
        return
    real.mkdir()
    start = _start_of(env)
    for path in sorted(commands.iterdir()):
        flags = None if path.name in _NEVER_FORKED else _flags(str(path))
        if flags is None:
            continue
        place = address or _server(os.getpid(), flags, start).address
        script = Path(shutil.copy2(path, real / path.name))
        text = fork_client.text_of(path.read_text().partition("\n")[0], str(script), str(place), dict(start))
        path.unlink()
        path.write_text(text)
        path.chmod(0o755)


def serve_in_machine(pid: int, address: Path, env: dict[str, str]) -> Callable[[], None]:
    """Start a server in a machine of tests/page; it ends with the machine.

    :param pid: a process in it.
    :param address: where it listens; the same path in the machine.
    :param env: the environment that processes of the machine are started with.
    :return: what waits, when the machine has ended, until nothing of its server is left.
    """
    if os.environ.get("ESMITH_REAL_COMMANDS") == "1":
        return lambda: None
    return _server(os.getpid(), _FLAGS, _start_of(env)).serve_in_machine(pid, address)


def _start_of(env: dict[str, str]) -> _Start:
    return tuple(sorted(_of_the_start(env).items()))


def _flags(path: str) -> str | None:
    """Return the flags a script is run with by this Python; None for anything else."""
    try:
        with open(path, "rb") as file:
            found = re.fullmatch(rb"#!(\S+) (-\w+)\n", file.readline(1024))
    except OSError:
        return None
    if found is None or os.fsdecode(found[1]) != sys.executable or not os.access(path, os.X_OK):
        return None
    return found[2].decode()


def _starts_as_the_server(words: list[str], env: dict[str, str]) -> bool:
    if os.environ.get("ESMITH_REAL_COMMANDS") == "1" or _of_the_start(env) != _of_the_start(dict(os.environ)):
        return False
    texts = [*words, *(f"{name}={value}" for name, value in env.items())]
    return all("\0" not in text and len(os.fsencode(text)) < _MAX_WORD_BYTES for text in texts)


def _of_the_start(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if _OF_THE_START.fullmatch(name)}


@functools.cache
def _server(_pid: int, flags: str, start: _Start) -> _Client:
    """Return the server of this process for some flags and environment; it is started at the first command."""
    return _Client(flags, start)


class _Client:
    """The server, as seen from here."""

    def __init__(self, flags: str, start: _Start) -> None:
        # Nobody else may enter the folder, and so nobody else can ask the server for anything.
        self._folder = tempfile.mkdtemp(prefix="esmith-tests-forks-")
        self.address = os.path.join(self._folder, "socket")
        others = {name: value for name, value in os.environ.items() if not _OF_THE_START.fullmatch(name)}
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen(64)
            end, self._lifeline = os.pipe()
            path = [str(HERE.parent), sysconfig.get_path("purelib")]
            self._process = subprocess.Popen(
                [sys.executable, flags, str(HERE / "fork_server.py"), str(listener.fileno()), str(end), memory, *path],
                env={**others, **dict(start)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[listener.fileno(), end],
            )
            os.close(end)
        atexit.register(self._close, os.getpid())

    def call(
        self, words: list[str], streams: tuple[int, int, int], env: dict[str, str], timeout: float
    ) -> Callable[[], int]:
        """Begin to run a command, as :func:`call`."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.address)
        connection.settimeout(timeout)
        _send(connection, _request(words, env), list(streams))
        self._number(connection)

        def wait() -> int:
            with connection:
                return os.waitstatus_to_exitcode(self._number(connection))

        return wait

    def run(
        self, words: list[str], stdin: bytes, env: dict[str, str], timeout: float, *, powerless: bool
    ) -> tuple[int, bytes, bytes]:
        """Run a command, as :func:`run`."""
        deadline = time.monotonic() + timeout
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(self.address)
            given, out, err = os.pipe(), os.pipe(), os.pipe()
            request = _request(words, env) | {"powerless": powerless}
            _send(connection, request, [given[0], out[1], err[1]])
            for descriptor in (given[0], out[1], err[1]):
                os.close(descriptor)
            try:
                pid = self._number(connection)
                try:
                    texts = _exchange(given[1], stdin, [out[0], err[0]], deadline)
                    connection.settimeout(max(deadline - time.monotonic(), 0.001))
                    status = self._number(connection)
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    connection.settimeout(None)
                    self._number(connection)
                    raise subprocess.TimeoutExpired(words, timeout) from None
            finally:
                for descriptor in (out[0], err[0]):
                    os.close(descriptor)
        return os.waitstatus_to_exitcode(status), texts[0], texts[1]

    def serve_in_machine(self, pid: int, address: Path) -> Callable[[], None]:
        """Have a child serve in a machine, as :func:`serve_in_machine`."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.address)
        _send(connection, {"machine": pid, "socket": str(address)}, [])
        # The pid of the child, and what it says when it listens.
        self._number(connection)
        self._number(connection)

        def wait() -> None:
            with connection:
                self._number(connection)

        return wait

    def _number(self, connection: socket.socket) -> int:
        data = connection.recv(_LENGTH.size, socket.MSG_WAITALL)
        if len(data) < _LENGTH.size:
            assert self._process.stderr is not None
            self._process.kill()
            raise RuntimeError(f"the server of the commands is gone: {self._process.stderr.read().decode()}")
        number: int
        (number,) = _LENGTH.unpack(data)
        return number

    def _close(self, pid: int) -> None:
        if pid == os.getpid():
            os.close(self._lifeline)
            self._process.wait(60)
            shutil.rmtree(self._folder)


def _send(connection: socket.socket, request: dict[str, object], descriptors: list[int]) -> None:
    data = marshal.dumps(request)
    socket.send_fds(connection, [_LENGTH.pack(len(data))], descriptors)
    connection.sendall(data)


def _request(words: list[str], env: dict[str, str]) -> dict[str, object]:
    return {"argv": words, "script": words[0], "env": env, "cwd": os.getcwd(), "umask": _umask()}


def _umask() -> int:
    found = re.search(r"^Umask:\t(\d+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1], 8)


def _exchange(target: int, data: bytes, sources: list[int], deadline: float) -> list[bytes]:
    """Write to one pipe while reading others to their ends; close the one that is written.

    :raises TimeoutError: when they are not at their ends in time.
    """
    found = {source: bytearray() for source in sources}
    left = memoryview(data)
    with selectors.DefaultSelector() as selector:
        for source in sources:
            selector.register(source, selectors.EVENT_READ)
        if left:
            os.set_blocking(target, False)
            selector.register(target, selectors.EVENT_WRITE)
        else:
            os.close(target)
        while selector.get_map():
            ready = selector.select(max(deadline - time.monotonic(), 0))
            if not ready and time.monotonic() >= deadline:
                if left:
                    os.close(target)
                raise TimeoutError
            for key, _ in ready:
                if key.fd == target and left:
                    left = _written(target, left)
                    if not left:
                        selector.unregister(target)
                        os.close(target)
                elif part := os.read(key.fd, _CHUNK_BYTES):
                    found[key.fd] += part
                else:
                    selector.unregister(key.fd)
    return [bytes(text) for text in found.values()]


def _written(target: int, left: memoryview) -> memoryview:
    """Write what a pipe takes, and return what is left; nothing when nobody reads it."""
    try:
        return left[os.write(target, left[:_CHUNK_BYTES]) :]
    except BrokenPipeError:
        return left[:0]
