"""One connection to one endpoint: HTTP with a time limit for all of it, and answers that are believed in nothing.

etcd offers its API as JSON over HTTP, too (its documentation, "Why gRPC gateway"): keys and values in base64, 64-bit
numbers as text, and what is zero or empty left out.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from esmith.errors import UsageError
from esmith.printable import printable

#: No answer may be longer, in bytes: a page of etcd is far smaller (client.py), and memory is finite.
LONGEST = 64 * 2**20
#: Seconds after which the kernel asks whether a silent peer is still there, between its questions, and how often.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))
#: etcd takes a request without Accept for one of the member whose gateway it came by, with the rights of the common
#: name (CN) in the certificate of that member.
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
#: Words of an answer that are shown.
_SHOWN = 300
#: A name or an address; anything else is neither, and would be shown in messages.
_HOST = re.compile(r"[A-Za-z0-9._:%-]+")


def encoded(value: bytes | str) -> str:
    """Return a key or value as etcd's JSON has it."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


class Endpoint(NamedTuple):
    """Where a member listens."""

    url: str
    host: str
    port: int
    is_tls: bool


def endpoint_of(url: str) -> Endpoint:
    """Read the URL of an endpoint, as ``https://10.0.0.1:2379``.

    :raises UsageError: it is not one.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 2379
    except ValueError:
        host, port = None, 0
    rest = "" if host is None else parts.path.strip("/") + parts.query + parts.fragment + (parts.username or "")
    if not host or _HOST.fullmatch(host) is None or rest or parts.scheme not in ("http", "https"):
        raise UsageError(f"not an endpoint of etcd: {printable(url)}", hint="an endpoint is like https://10.0.0.1:2379")
    return Endpoint(url.rstrip("/"), host, port, parts.scheme == "https")


class Answer(NamedTuple):
    """What came from an endpoint: the number of HTTP, and the object in its body, {} when that is none."""

    status: int
    body: dict[str, Any]
    text: str
    date: str


class NotSentError(Exception):
    """There is no connection, or the member does not answer on it: nothing of the request was sent."""


class LostError(Exception):
    """The request was sent, at least in part, and its answer did not come whole."""


def left_of(end: float | None) -> float | None:
    """Return the seconds until a moment of ``time.monotonic``, None for no end.

    :raises TimeoutError: it has passed.
    """
    if end is None:
        return None
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


class _Raw(io.RawIOBase):
    """The stream of a socket that ends at a moment, and not only after a time without any data.

    The stream that a socket offers itself waits its whole time again for each piece, and cannot be read any more
    once that ran out.
    """

    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        """Say that it is read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or wait for it."""
        self._line.sock.settimeout(left_of(self._line.end))
        return self._line.sock.recv_into(buffer)


class Line:
    """What :mod:`http.client` needs of a socket; only :meth:`hang_up` closes it.

    :param end: the moment at which waiting ends, None for never.
    """

    def __init__(self, sock: socket.socket, end: float | None) -> None:
        self.sock = sock
        self.end = end
        self.reader = io.BufferedReader(_Raw(self))
        self._waiting = bytearray()

    def makefile(self, _mode: str) -> io.BufferedReader[_Raw]:
        """Return a stream for one answer."""
        self.reader = io.BufferedReader(_Raw(self))
        return self.reader

    def sendall(self, data: bytes) -> None:
        """Keep it for :meth:`flush`: the head of a request and its body are sent at once."""
        self._waiting += data

    def flush(self) -> None:
        """Send what is kept."""
        data = bytes(self._waiting)
        self._waiting.clear()
        self.sock.settimeout(left_of(self.end))
        self.sock.sendall(data)

    def close(self) -> None:
        """Leave it open: the reader of an answer may still need it."""

    def interrupt(self) -> None:
        """End it without closing it: who waits for data in another thread gets its end at once."""
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which takes away the state that the other thread uses.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """Close it; nobody may be reading."""
        self.interrupt()
        self.sock.close()


def _addresses(endpoint: Endpoint, end: float) -> list[tuple[Any, ...]]:
    """Find the addresses of a host; a name server that does not answer must not take longer than all the rest."""
    with contextlib.suppress(OSError):
        return socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    found: list[list[tuple[Any, ...]] | OSError] = []

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM))
        except OSError as error:
            found.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(left_of(end))
    if not found:
        raise NotSentError(f"no name server had the address of {endpoint.host} in time")
    if isinstance(found[0], OSError):
        raise NotSentError(f"the address of {endpoint.host} is not known: {found[0].strerror or found[0]}")
    return found[0]


def connect(endpoint: Endpoint, context: ssl.SSLContext | None, end: float) -> Line:
    """Connect, and with TLS agree on a key.

    :param end: the moment at which this must be done.
    :raises NotSentError: it was not.
    """
    reason = "no address"
    try:
        for family, kind, protocol, _name, address in _addresses(endpoint, end):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(left_of(end))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for option, value in _KEEPALIVE:
                    sock.setsockopt(socket.IPPROTO_TCP, option, value)
                if context is not None:
                    sock.settimeout(left_of(end))
                    sock = context.wrap_socket(sock, server_hostname=endpoint.host)
                return Line(sock, end)
            except OSError as error:
                sock.close()
                reason = reason_of(error)
    except TimeoutError as error:
        reason = reason_of(error)
    raise NotSentError(reason)


def reason_of(error: Exception) -> str:
    """Say in words why a connection did not come about or ended."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted here: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).replace("_", " ").lower()
        if "alert" in reason and ("certificate" in reason or "unknown ca" in reason):
            return f"it does not accept the certificate of this host: {reason}"
        return f"TLS: {reason}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return printable(str(error) or type(error).__name__)[:_SHOWN]


class Wire:
    """A kept connection to one endpoint.

    :param context: the TLS of this host, None for plain HTTP.
    :param end: the moment at which it must be there.
    :raises NotSentError: it does not come about.
    """

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None, end: float) -> None:
        self.endpoint = endpoint
        self.line = connect(endpoint, context, end)
        self._http = http.client.HTTPConnection(endpoint.host, endpoint.port)
        self._http.auto_open = 0
        self._http.sock = self.line
        #: The moment of the last answer; 0 before the first.
        self.answered = 0.0

    def close(self) -> None:
        """Close it."""
        self.line.hang_up()

    @property
    def is_usable(self) -> bool:
        """Whether another request can be sent: nobody has closed it, and nothing unexpected has come."""
        if self._http.sock is None:
            return False
        try:
            poll = select.poll()
            poll.register(self.line.sock, select.POLLIN | select.POLLHUP | select.POLLERR)
            return not poll.poll(0)
        except (OSError, ValueError):
            return False

    @property
    def certificate(self) -> Mapping[str, Any]:
        """The certificate of the member, as :meth:`ssl.SSLSocket.getpeercert` gives it; {} without TLS."""
        return (self.line.sock.getpeercert() or {}) if isinstance(self.line.sock, ssl.SSLSocket) else {}

    def start(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str], end: float
    ) -> Any:
        """Send a request and return the beginning of the answer.

        :raises LostError: it did not come.
        """
        self.line.end = end
        try:
            sent = json.dumps(body).encode() if body is not None else None
            self._http.request(method, path, sent, {**_HEADERS, **headers})
            self.line.flush()
            return self._http.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LostError(reason_of(error)) from error

    def ask(self, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str], end: float) -> Answer:
        """Send a request and return the whole answer; a GET without a body, else a POST.

        :raises LostError: it did not come whole.
        """
        response = self.start("GET" if body is None else "POST", path, body, headers, end)
        try:
            raw: bytes = response.read(LONGEST + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LostError(reason_of(error)) from error
        if len(raw) > LONGEST:
            raise TooLongError(f"an answer of more than {LONGEST} bytes")
        self.answered = time.monotonic()
        date = response.getheader("Date") or ""
        return Answer(response.status, object_of(raw), printable(raw[:_SHOWN].decode("utf-8", "replace")).strip(), date)


class TooLongError(LostError):
    """The answer is longer than is read."""


def object_of(raw: bytes) -> dict[str, Any]:
    """Return the object that a text of JSON is, {} when it is none."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
