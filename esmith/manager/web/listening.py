"""The socket that browsers connect to: it takes so many connections at once, and not all of them from one address.

They are counted from the first moment: a browser that never ends the beginning of TLS is one of them.
"""

from __future__ import annotations

import socket
from collections import Counter
from typing import Any

from esmith.manager.web.guard import network_of

#: How many connections there may be at once.
MOST_CONNECTIONS = 200
#: How many of them may come from one address. From this machine comes the proxy, with all others behind it.
MOST_OF_ADDRESS = 64
_PROXIES = frozenset(("127.0.0.1", "::1", "::ffff:127.0.0.1"))


class Listener(socket.socket):
    """A listening socket.

    :param listener: the one that listens; it is taken over.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.family, listener.type, listener.proto, listener.detach())
        self._connected: Counter[str] = Counter()

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection.

        :raises ConnectionAbortedError: when it is one too many; it is closed.
        """
        connection, address = super().accept()
        name = "" if address[0] in _PROXIES else network_of(address[0].partition("%")[0])
        is_one_too_many = name != "" and self._connected[name] >= MOST_OF_ADDRESS
        if is_one_too_many or self._connected.total() >= MOST_CONNECTIONS:
            connection.close()
            raise ConnectionAbortedError("too many connections")
        return _Connection(connection, self._connected, name), address


class _Connection(socket.socket):
    """A connection that is counted until it is closed."""

    def __init__(self, connection: socket.socket, connected: Counter[str], name: str) -> None:
        super().__init__(connection.family, connection.type, connection.proto, connection.detach())
        self._counted = connected
        self._name = name
        connected[name] += 1

    def close(self) -> None:
        """Close it."""
        if self.fileno() >= 0:
            self._counted -= Counter((self._name,))
        super().close()
