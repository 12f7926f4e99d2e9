"""The process of the proxy: it listens, gives up the rights of root, and serves until it gets TERM."""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import signal
import socket

from esmith.errors import ServiceError
from esmith.proxy.log import Log
from esmith.proxy.provider import tls_context
from esmith.proxy.server import Relay
from esmith.proxy.settings import Settings, read_settings

ADDRESS = "127.0.0.1"


def run(path: str, user: str) -> None:
    """Serve until TERM or INT comes, and then until the mails that have begun are passed on or refused.

    :param path: the settings file, which only root may be able to read.
    :param user: the unix account to become, where root starts this.
    :raises ServiceError: when the settings are wrong, the port is in use, or there is no such account.
    """
    settings = read_settings(path)
    context = tls_context(settings)
    with _listen(settings.listen) as listener:
        if os.geteuid() == 0:
            _become(user)
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        asyncio.run(_serve(listener, Relay(settings, context), settings))


async def _serve(listener: socket.socket, relay: Relay, settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(relay.protocol, sock=listener)
    log = Log(settings)
    port = listener.getsockname()[1]
    log.say(f"listening on {ADDRESS} port {port} for {settings.server} port {settings.port}, TLS {settings.tls}")
    await stop.wait()
    server.close()
    log.say("ending when the mails that have begun are done")
    await relay.end()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((ADDRESS, port), backlog=100)
    except OSError as error:
        raise ServiceError(
            f"port {port} of {ADDRESS} cannot be listened on: {error.strerror}",
            place="smtp-auth-proxy",
            hint="to set another one:\n"
            "    config setprop smtp-auth-proxy ProxyPort NUMBER\n"
            "    signal-event email-update",
        ) from error


def _become(user: str) -> None:
    """Give up the rights of root.

    :raises ServiceError: when there is no such account, or it is root.
    """
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise ServiceError(
            f"there is no user {user!r}", place="smtp-auth-proxy", hint="name one: --user NAME"
        ) from None
    if account.pw_uid == 0:
        raise ServiceError("it does not serve as root", place="smtp-auth-proxy", hint="name another user: --user NAME")
    # Names of hosts are encoded by a module that is loaded when it is needed; this account may not be able to read it.
    "localhost".encode("idna")
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
