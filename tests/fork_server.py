"""The server of tests/forks.py: it has the engine imported, runs nothing itself, and forks a child for each command.

Run by that module as ``python FLAGS fork_server.py LISTENER LIFELINE MEMORY PATH...``, with the flags of a script of
``/sbin/e-smith``, the folder of tests/remembered.py ("" for none), and the path of the engine. Its standard streams are
pipes, as a command's are.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import marshal
import os
import pkgutil
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import types
from collections.abc import Callable
from typing import Any, NoReturn

_LENGTH = struct.Struct("=I")
#: The namespaces that a machine of tests/page has; that of processes counts for children only, so it is no exception.
_NAMESPACES = ("ipc", "uts", "net", "pid", "mnt")
_MS_BIND = 4096
#: Only a few commands import these, for the web and for the relay, and nobody else does: they are a third of the memory
#: that each child would get a copy of.
_NOT_IMPORTED = ("esmith.manager", "esmith.cli.manager", "esmith.proxy", "esmith.cli.smtp_auth_proxy")
#: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of linux/capability.h, and what it calls version 3.
_POWERS = (1, 2)
_CAPABILITIES_VERSION = 0x20080522
_PR_CAPBSET_DROP = 24


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return a request, and the three descriptors that came with it.

    :raises EOFError: when there is none.
    """
    data, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 3)
    if len(data) < _LENGTH.size:
        raise EOFError
    rest = bytearray()
    (length,) = _LENGTH.unpack(data)
    while len(rest) < length:
        part = connection.recv(length - len(rest))
        if not part:
            raise EOFError
        rest += part
    request = marshal.loads(rest)
    assert isinstance(request, dict)
    return request, descriptors


class Server:
    """Answers each connection with the pid of a child, and when that has ended with its status.

    :param listener: where connections come in.
    :param lifeline: a descriptor that is at its end when nobody needs the server; None where it ends with a machine.
    :param memory: the folder of tests/remembered.py, "" for none; a machine sees it as well.
    :param learn: what :func:`import_everything` returned.
    """

    def __init__(self, listener: socket.socket, lifeline: int | None, memory: str, learn: Callable[[], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        if lifeline is not None:
            self._selector.register(lifeline, selectors.EVENT_READ, self._end)
        self._listener = listener
        self._memory = memory
        self._learn = learn

    def serve(self) -> NoReturn:
        """Serve until nobody needs it."""
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _end(self) -> NoReturn:
        os._exit(0)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        request, descriptors = receive(connection)
        self._learn()
        pid = os.fork()
        if pid == 0:
            if "machine" in request:
                serve_in_machine(request, connection, self._memory, self._learn)
            become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(_LENGTH.pack(pid))
        watched = os.pidfd_open(pid)
        self._selector.register(watched, selectors.EVENT_READ, lambda: self._ended(pid, watched, connection))

    def _ended(self, pid: int, watched: int, connection: socket.socket) -> None:
        self._selector.unregister(watched)
        os.close(watched)
        _, status = os.waitpid(pid, 0)
        with connection:
            try:
                connection.sendall(_LENGTH.pack(status))
            except (BrokenPipeError, ConnectionResetError):
                # Who asked has given up.
                return


def become(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Become the command that is asked for: run its script as Python runs one, and end as Python ends.

    :raises BaseException: what the script raises but SystemExit; nobody catches it, so Python ends this process by it.
    """
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, 65536)
    if request.get("powerless"):
        _lose_power()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _set_environment(request["env"])
    os.umask(request["umask"])
    os.chdir(request["cwd"])
    sys.argv = request["argv"]
    code: object = 0
    try:
        _run_script(request["script"])
    except SystemExit as error:
        code = error.code
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    getattr(threading, "_shutdown")()  # noqa: B009 - typeshed does not know it
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120
    os._exit((code or 0) & 0xFF)


def _set_environment(wanted: dict[str, str]) -> None:
    """Have the environment of the command: only what differs is set, since to set all is a tenth of a short command."""
    zone = os.environ.get("TZ")
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if os.environ.get("TZ") != zone:
        time.tzset()


def _lose_power() -> None:
    """Give up root's right to look into and write to any file, for this process and what it starts: capabilities(7)."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in _POWERS:
        if libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    header = struct.pack("=Ii", _CAPABILITIES_VERSION, 0)
    data = ctypes.create_string_buffer(24)
    if libc.capget(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    low = ~sum(1 << number for number in _POWERS) & 0xFFFFFFFF
    words = struct.unpack("=6I", data.raw)
    # Effective, permitted and inheritable ones: the first 32 of each, then the others.
    kept = struct.pack("=6I", *(word & low for word in words[:3]), *words[3:])
    if libc.capset(header, kept) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def serve_in_machine(
    request: dict[str, Any], connection: socket.socket, memory: str, learn: Callable[[], None]
) -> NoReturn:
    """Become the server of a machine: its commands are children of a process that is in its namespaces.

    Who asked is sent a number when the server listens. It ends with the machine, and this process after it.

    :param request: ``machine`` is a process of the machine, ``socket`` where it is to listen.
    """
    _enter(request["machine"], memory)
    folder, name = os.path.split(request["socket"])
    os.chdir(folder)  # A longer path than that of a socket can be.
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(64)
    os.chdir("/")
    pid = os.fork()
    if pid == 0:
        keep = listener.detach()
        os.dup2(keep, 3)
        os.closerange(4, 65536)
        Server(socket.socket(fileno=3), None, memory, learn).serve()
    listener.close()
    connection.sendall(_LENGTH.pack(0))
    connection.close()
    os.waitpid(pid, 0)
    os._exit(0)


def _enter(pid: int, memory: str) -> None:
    """Enter the namespaces and the root directory of a process: setns(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY)
    for descriptor in [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in _NAMESPACES]:
        if libc.setns(descriptor, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(descriptor)
    os.fchdir(root)
    if memory:
        os.makedirs(f".{memory}", exist_ok=True)
        if libc.mount(memory.encode(), f".{memory}".encode(), None, _MS_BIND, None) != 0:
            raise OSError(ctypes.get_errno(), "mount", memory)
    os.chroot(".")
    os.chdir("/")


def _run_script(path: str) -> None:
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    script = types.ModuleType("__main__")
    script.__file__ = path
    sys.modules["__main__"] = script
    exec(code, script.__dict__)


def _learn_nothing() -> None:
    """Where nothing is remembered."""


def import_everything(path: list[str], memory: str) -> Callable[[], None]:
    """Import the engine, nearly all of it; sys.path stays as it is, since a script adds to it.

    :param memory: the folder of tests/remembered.py, "" for none.
    :return: what is to be called before a fork, so that the child has what others have found out.
    """
    learn: Callable[[], None] = _learn_nothing
    own = list(sys.path)
    sys.path += path
    for module in pkgutil.walk_packages(importlib.import_module("esmith").__path__, "esmith."):
        if not module.name.endswith("__main__") and not module.name.startswith(_NOT_IMPORTED):
            importlib.import_module(module.name)
    if memory:
        remembered = importlib.import_module("tests.remembered")
        remembered.remember_languages()
        learn = remembered.remember_in(memory).learn
        learn()
    sys.path[:] = own
    # What is here now stays as it is, so that no child copies it.
    gc.collect()
    gc.freeze()
    return learn


def main(words: list[str]) -> NoReturn:
    """Serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    listener = socket.socket(fileno=int(words[0]))
    learn = import_everything(words[3:], words[2])
    assert threading.active_count() == 1
    Server(listener, int(words[1]), words[2], learn).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
