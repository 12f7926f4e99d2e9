"""The server under the application: TLS, and an end for requests that come too slowly or too many at once."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from esmith.manager.web.app import create_app
from esmith.manager.web.guard import HEADERS, NO_STORE
from esmith.manager.web.listening import Listener
from esmith.manager.web.rendering import load_templates

#: How long a browser may take for the headers of a request, in seconds.
HEADER_PATIENCE = 10.0
#: How long the headers of a request may be, in bytes.
_MOST_HEADERS = 16 * 1024


class PatientProtocol(H11Protocol):
    """HTTP/1.1 with an end of patience: uvicorn itself waits without end for a request that has begun."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came. While a request has begun, and its headers are not complete, time runs."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._watch()
        else:
            self._rest()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request of HTTP, with the headers of every answer."""
        headers = [("content-type", "text/plain; charset=utf-8"), ("connection", "close"), *HEADERS, NO_STORE]
        for event in (
            h11.Response(status_code=400, headers=[(name.encode(), value.encode()) for name, value in headers]),
            h11.Data(data=msg.encode("ascii", "replace")),
            h11.EndOfMessage(),
        ):
            try:
                self.transport.write(self.conn.send(event))
            except h11.LocalProtocolError:
                break
        self.transport.close()

    def _watch(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEADER_PATIENCE, self.transport.abort)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class QuietServer(uvicorn.Server):
    """A server that sleeps while nobody asks: uvicorn itself looks ten times a second whether it is to end."""

    _ends: asyncio.Event | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen. For the beginning of TLS there is no more time than for the headers."""
        if self.config.ssl is not None:
            loop = asyncio.get_running_loop()
            loop.create_server = partial(loop.create_server, ssl_handshake_timeout=HEADER_PATIENCE)  # type: ignore[method-assign]
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Answer until a signal comes."""
        self._ends, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            # A handler of uvicorn does not end a wait that begins just then, nor when another thread takes the signal.
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self.handle_exit, number, None)
        await self.on_tick(0)
        if not self.should_exit:
            await self._ends.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, because a signal came."""
        super().handle_exit(sig, frame)
        if self._ends is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._ends.set)


def _config(socket_path: str, certificate: str, key: str) -> uvicorn.Config:
    more: dict[str, Any] = {}
    if certificate:
        more = {"ssl_certfile": certificate, "ssl_keyfile": key or None, "ssl_version": ssl.PROTOCOL_TLS_SERVER}
    config = uvicorn.Config(
        create_app(socket_path),
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        # Below that it has a line for each request that is none, which anybody may send.
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        h11_max_incomplete_event_size=_MOST_HEADERS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=3,
        **more,
    )
    # Now, while the files can still be read: the certificate may be readable for root only.
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


def serve(listener: socket.socket, socket_path: str, *, certificate: str, key: str, begin: Callable[[], None]) -> None:
    """Answer browsers until TERM or INT comes; the parameters are those of :func:`esmith.manager.web.serve`."""
    config = _config(socket_path, certificate, key)
    load_templates()
    begin()
    QuietServer(config).run(sockets=[Listener(listener)])
