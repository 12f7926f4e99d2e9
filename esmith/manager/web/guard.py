"""What is true for every request and every answer: headers, whose it is, and that a POST comes from our own page."""

from __future__ import annotations

import asyncio
import ipaddress
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

_LOOPBACK = frozenset(("127.0.0.1", "::1"))


#: How many requests may be answered at once, streams among them.
MOST_REQUESTS = 64
#: How long a browser may take to read a part of an answer, in seconds.
READ_PATIENCE = 60.0


class Guard:
    """Puts the headers on every answer, also on those about errors, and bounds how many there are at once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": list(_guarded(message.get("headers", ())))}
            await asyncio.wait_for(send(message), READ_PATIENCE)

        if self._running >= MOST_REQUESTS:
            await _send_plain(send_guarded, 503, "The server-manager is busy. Try again in a moment.")
        elif scope["method"] in ("GET", "HEAD") and _has_body(scope):
            await _send_plain(send_guarded, 400, "A request of this kind has no body.")
        else:
            self._running += 1
            try:
                await self._app(scope, receive, send_guarded)
            finally:
                self._running -= 1


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0").strip() != "0" or "transfer-encoding" in headers


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
            return str(ipaddress.ip_address(last[-1].split(",")[-1].strip())) if last else _peer(scope)
        except ValueError:
            pass
    return _peer(scope)


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


def _own_places(scope: Scope, headers: Headers) -> set[tuple[str, int | None]]:
    names = [headers.get("host", "")]
    if _is_behind_proxy(scope):
        names += [name.strip() for name in headers.get("x-forwarded-host", "").split(",")]
    # A proxy that ends TLS asks with http for what the browser asked with https.
    schemes = ("http", "https") if _is_behind_proxy(scope) else (scope.get("scheme", "https"),)
    return {_place(f"{scheme}://{name}") for name in names for scheme in schemes if name}


def _place(origin: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(origin)
        return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", None
