"""A TCP proxy that can be cut, healed and slowed: a partition without root rights.

A connection goes through a :class:`Gate`. A gate that is cut silently is a network that loses everything: connections
stay, and nothing arrives. What was sent meanwhile arrives when it is healed, as TCP repeats it.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable

_CHUNK = 65536
#: Ports the kernel gives to nobody who asks for any (ip(7), ip_local_port_range): a member that is down keeps its own.
_PORTS = range(20_000, 32_000)
#: Not the generator that hypothesis seeds alike in every process.
_random = random.SystemRandom()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens at."""
    while True:
        with socket.socket() as trial:
            port = _random.choice(_PORTS)
            with contextlib.suppress(OSError):
                trial.bind(("127.0.0.1", port))
                return port


class Gate:
    """What connections go through: open, cut silently, or refusing."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        #: Seconds that each piece of data waits, each way.
        self.delay = 0.0
        #: Whether new connections are closed at once.
        self.is_refusing = False
        self._countdown = 0
        #: How many connections there were.
        self.count = 0

    def cut(self) -> None:
        """Let nothing through, and say so to nobody."""
        self._open.clear()

    def cut_after(self, pieces: int) -> None:
        """Be cut as soon as this many pieces of data have come from clients, which arrive still."""
        self._countdown = pieces

    def refuse(self) -> None:
        """End all connections, and each new one."""
        self.is_refusing = True
        self.drop()

    def drop(self) -> None:
        """End all connections there are."""
        with self._lock:
            held = list(self._sockets)
        for each in held:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        """Let everything through again."""
        self.is_refusing = False
        self._open.set()

    def _enter(self, *ends: socket.socket) -> None:
        with self._lock:
            self._sockets.update(ends)
        self.count += len(ends) // 2

    def _leave(self, *ends: socket.socket) -> None:
        with self._lock:
            self._sockets.difference_update(ends)
        for each in ends:
            each.close()

    def carry(self, client: socket.socket, port: int) -> None:
        """Connect one client with the port behind, until one of them ends."""
        server = socket.socket()
        self._enter(client, server)
        try:
            self._open.wait()
            if self.is_refusing:
                return
            server.connect(("127.0.0.1", port))
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server, is_client=True)
            back.join()
        except OSError:
            pass
        finally:
            self._leave(client, server)

    def _pump(self, source: socket.socket, sink: socket.socket, *, is_client: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                self._open.wait()
                if self.delay:
                    threading.Event().wait(self.delay)
                if is_client and self._countdown:
                    self._countdown -= 1
                    if not self._countdown:
                        self.cut()
                sink.sendall(data)
        for each in (sink, source):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Proxy:
    """Listens at a free port and carries each connection to another, through the gate that fits the client.

    :param target: the port of 127.0.0.1 behind.
    :param gate_of: the gate for a client, by the client's own port; one gate for all, when it is left out.
    """

    def __init__(self, target: int, gate_of: Callable[[int], Gate] | None = None) -> None:
        self.gate = Gate()
        self._target = target
        self._gate_of = gate_of or (lambda _port: self.gate)
        self._gates = {self.gate}
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = free_port()
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, (_host, port) = self._listener.accept()
                gate = self._gate_of(port)
                self._gates.add(gate)
                if gate.is_refusing:
                    client.close()
                    continue
                threading.Thread(target=gate.carry, args=(client, self._target), daemon=True).start()

    def close(self) -> None:
        """Stop listening, and end all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for gate in self._gates:
            gate.refuse()
            gate.heal()
