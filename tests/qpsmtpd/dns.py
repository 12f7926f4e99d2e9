"""A name server on the loopback interface that knows what a test set, and nothing else."""

from __future__ import annotations

import ipaddress
import re
import selectors
import socket
import struct
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
NXDOMAIN = 3
#: No query or connection attempt fails because another program has the port.
PORT_ATTEMPTS = 50


class FakeDNS:
    """Answers from :meth:`add`; every other name does not exist.

    Changes count at once. :attr:`asked` lists the questions, so a test can show that nothing else was asked.

    :param sockets: where it answers, a UDP and a listening TCP socket; on a free port if not given.
    """

    def __init__(self, sockets: tuple[socket.socket, socket.socket] | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        #: What is asked with a name that this matches gets no answer.
        self.unanswered: re.Pattern[str] | None = None
        self._records: dict[str, list[tuple[str, bytes]]] = {}
        self._udp, self._tcp = sockets or _sockets()
        self.port: int = self._udp.getsockname()[1]
        self._wake, self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def add(self, name: str, kind: str, value: str) -> None:
        """Add a record; an MX value is a host name, a TXT value any text."""
        if kind in ("A", "AAAA"):
            data = ipaddress.ip_address(value).packed
        elif kind == "TXT":
            parts = [value[at : at + 255].encode() for at in range(0, len(value), 255)]
            data = b"".join(bytes([len(part)]) + part for part in parts)
        elif kind == "MX":
            data = struct.pack("!H", 10) + _encoded(value)
        else:
            data = _encoded(value)
        self._records.setdefault(name.lower().rstrip("."), []).append((kind, data))

    def forget(self) -> None:
        """Know nothing any more."""
        self._records.clear()
        self.unanswered = None
        self.asked.clear()

    def host(self, address: str, name: str) -> None:
        """Give an address a name, and the name that address."""
        self.add(ipaddress.ip_address(address).reverse_pointer, "PTR", name)
        self.add(name, "A", address)

    def close(self) -> None:
        """Stop answering."""
        self._stop.close()
        self._thread.join()
        for sock in (self._udp, self._tcp, self._wake):
            sock.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            for sock in (self._udp, self._tcp, self._wake):
                selector.register(sock, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._wake in ready:
                    return
                if self._udp in ready:
                    question, sender = self._udp.recvfrom(65535)
                    answer = self._answer(question)
                    if self.unanswered is None or not self.unanswered.fullmatch(self.asked[-1][0]):
                        self._udp.sendto(answer, sender)
                if self._tcp in ready:
                    self._over_tcp()

    def _over_tcp(self) -> None:
        connection, _ = self._tcp.accept()
        with connection, connection.makefile("rb") as stream:
            connection.settimeout(5)
            (length,) = struct.unpack("!H", stream.read(2))
            answer = self._answer(stream.read(length))
            connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, message: bytes) -> bytes:
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1 : at + 1 + message[at]].decode("latin-1"))
            at += 1 + message[at]
        name = ".".join(labels).lower()
        (number,) = struct.unpack("!H", message[at + 1 : at + 3])
        kind = next((kind for kind, value in TYPES.items() if value == number), str(number))
        self.asked.append((name, kind))

        known = self._records.get(name, [])
        found = [(of, data) for of, data in known if of in (kind, "CNAME")]
        exists = known or any(other.endswith(f".{name}") for other in self._records)
        flags = 0x8580 | (0 if exists else NXDOMAIN)
        answer = message[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0) + message[12 : at + 5]
        for of, data in found:
            answer += struct.pack("!HHHIH", 0xC00C, TYPES[of], 1, 1, len(data)) + data
        return answer


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"


def _sockets() -> tuple[socket.socket, socket.socket]:
    """Return a UDP and a listening TCP socket with the same port."""
    for _ in range(PORT_ATTEMPTS):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        return udp, tcp
    raise RuntimeError("no port is free for both UDP and TCP")
