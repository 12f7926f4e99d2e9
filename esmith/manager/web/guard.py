"""What is true for every request and every answer: headers, whose it is, and that a POST comes from our own page."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: On every answer. A page may load and post to nothing but this server, and has no code or style of its own.
HEADERS = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)
#: Unless the answer says otherwise.
NO_STORE = ("cache-control", "no-store")

#: Scheme, name and port.
_Place = tuple[str, str, int]
_LOOPBACK = frozenset(("127.0.0.1", "::1"))


#: How many requests may be answered at once, streams among them.
MOST_REQUESTS = 64
#: How many of them may come from one address, so that nobody alone keeps all others out.
MOST_OF_ADDRESS = 32
#: How long a browser may take to read a part of an answer, in seconds.
READ_PATIENCE = 60.0


class Guard:
    """Puts the headers on every answer, also on those about errors, and bounds how many there are at once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_read = not _has_body(scope)

        async def receive_noted() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = is_read or not message.get("more_body", False)
            return message

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(_guarded(message.get("headers", ())))
                if not is_read:
                    # Else who sends the rest byte by byte keeps the connection without end.
                    headers = [row for row in headers if row[0] != b"connection"] + [(b"connection", b"close")]
                message = {**message, "headers": headers}
            await asyncio.wait_for(send(message), READ_PATIENCE)

        address = network_of(client_address(scope))
        if self._running.total() >= MOST_REQUESTS or self._running[address] >= MOST_OF_ADDRESS:
            await _send_plain(send_guarded, 503, "The server-manager is busy. Try again in a moment.")
        elif scope["method"] in ("GET", "HEAD") and _has_body(scope):
            await _send_plain(send_guarded, 400, "A request of this kind has no body.")
        elif _has_two_lengths(scope):
            await _send_plain(send_guarded, 400, "It is not clear how long this request is.")
        else:
            self._running[address] += 1
            try:
                await self._app(scope, receive_noted, send_guarded)
            finally:
                self._running -= Counter((address,))


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0").strip() != "0" or "transfer-encoding" in headers


def _has_two_lengths(scope: Scope) -> bool:
    # A proxy before this may have gone by the other one (RFC 9112, 6.1, "request smuggling").
    headers = Headers(scope=scope)
    return "content-length" in headers and "transfer-encoding" in headers


async def _send_plain(send: Send, status: int, text: str) -> None:
    headers = {"content-type": "text/plain; charset=utf-8", "connection": "close", "retry-after": "5"}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": text.encode()})


def _guarded(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    ours = {header.encode() for header, _text in HEADERS}
    has_cache = False
    for name, value in headers:
        if name.lower() in ours or name.lower() == b"server":
            continue
        has_cache = has_cache or name.lower() == b"cache-control"
        yield name, value
    for header, text in HEADERS if has_cache else (*HEADERS, NO_STORE):
        yield header.encode(), text.encode()


def _is_behind_proxy(scope: Scope) -> bool:
    return _peer(scope) in _LOOPBACK and scope.get("scheme") == "http"


def _peer(scope: Scope) -> str:
    peer = scope.get("client")
    return str(peer[0]) if peer else ""


def client_address(scope: Scope) -> str:
    """Return the address of the browser.

    Only a proxy of this machine is believed about whom it asks for, and only about the last step.
    """
    if _is_behind_proxy(scope):
        last = Headers(scope=scope).getlist("x-forwarded-for")
        try:
            # What may follow a "%" names an interface of some machine, and may be any text.
            named = last[-1].split(",")[-1].strip().partition("%")[0] if last else ""
            return str(ipaddress.ip_address(named)) if last else _peer(scope)
        except ValueError:
            pass
    return _peer(scope)


def network_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the network, whose last part is chosen by whoever has it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4 or found.ipv4_mapped:
        return str(getattr(found, "ipv4_mapped", None) or found)
    return str(ipaddress.ip_network((int(found), 64), strict=False))


def is_read_by_a_script(scope: Scope) -> bool:
    """Return whether a browser says that a page is wanted for something else than to be shown.

    Other pages of the same host, such as those of an information bay, are no other site to a browser. Their scripts
    may read what they load; but the browser says that it is a script that loads it (W3C, Fetch Metadata).
    """
    return Headers(scope=scope).get("sec-fetch-dest", "document") != "document"


def is_from_our_page(scope: Scope) -> bool:
    """Return whether the browser says that a request comes from a page of this server.

    A browser sends ``Origin`` with every POST, and ``Sec-Fetch-Site`` where it is new enough; pages cannot set either
    (Fetch standard, "forbidden request-header"). One of them has to be there, and none may name another place.
    """
    headers = Headers(scope=scope)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin") or (site is None and origin is None):
        return False
    return origin is None or _place(origin) in _own_places(scope, headers)


def _own_places(scope: Scope, headers: Headers) -> set[_Place | None]:
    names = [headers.get("host", "")]
    if _is_behind_proxy(scope):
        # What the browser itself brought stands before.
        names += [name.split(",")[-1].strip() for name in headers.getlist("x-forwarded-host")[-1:]]
    # A proxy that ends TLS asks with http for what the browser asked with https.
    schemes = ("http", "https") if _is_behind_proxy(scope) else (scope.get("scheme", "https"),)
    return {_place(f"{scheme}://{name}") for name in names for scheme in schemes} - {None}


def _place(origin: str) -> _Place | None:
    """Return scheme, name and port of an origin, None for what is none: ``null``."""
    try:
        parts = urlsplit(origin)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
