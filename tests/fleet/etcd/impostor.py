"""A server that answers as a test says: hangs, closes, drips, or sends what etcd never would."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

#: What etcd answers when it is asked for its version.
VERSION = b'{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}'


def answer(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    """Return a whole answer of HTTP."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def chunked(body: bytes) -> bytes:
    """Return the beginning of a stream, and what is in its first chunk."""
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(body), body)


class Impostor:
    """Listens at a port, and answers each request; what it was asked for is in ``asked``.

    :param reply: gives the bytes for a path; empty: close, None: say nothing and keep the connection.
    :param closes: whether the connection is closed after the first answer.
    """

    def __init__(
        self, reply: Callable[[str], bytes | None], context: ssl.SSLContext | None = None, *, closes: bool = False
    ) -> None:
        self.asked: list[str] = []
        self.headers: list[bytes] = []
        self._reply = reply
        self._context = context
        self._closes = closes
        self._clients: list[socket.socket] = []
        self._connections = 0
        self._mute = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                self._clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def mute(self) -> None:
        """Answer nothing any more on the connections that there are now; new ones are answered."""
        self._mute = self._connections

    def _serve(self, client: socket.socket) -> None:
        self._connections += 1
        number = self._connections
        with contextlib.suppress(OSError, ValueError):
            if self._context:
                client = self._context.wrap_socket(client, server_side=True)
                self._clients.append(client)
            requests = client.makefile("rb")
            while line := requests.readline():
                path = line.split()[1].decode()
                length = 0
                while (header := requests.readline()).strip():
                    self.headers.append(header.strip().lower())
                    name, _colon, value = header.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                requests.read(length)
                self.asked.append(path)
                reply = answer(VERSION) if path == "/version" else self._reply(path)
                if reply is None or number <= self._mute:
                    continue
                client.sendall(reply)
                if not reply or (self._closes and path != "/version"):
                    break
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop, and end all connections."""
        for each in (self._listener, *self._clients):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextlib.contextmanager
def impostor(
    reply: Callable[[str], bytes | None] | bytes | None,
    context: ssl.SSLContext | None = None,
    *,
    closes: bool = False,
) -> Iterator[Impostor]:
    """Run one; what it answers may also be the same for every path."""
    function = reply if callable(reply) else lambda _path: reply
    one = Impostor(function, context, closes=closes)
    try:
        yield one
    finally:
        one.close()


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """Give the URL of a port where the kernel takes connections, and nobody ever answers: a member that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """Give the URL of a port where nobody listens, and nobody can while it is held."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
