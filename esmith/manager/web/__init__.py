"""The web process: it makes pages of what the helper answers, and imports nothing of the engine."""

from __future__ import annotations

import socket
from collections.abc import Callable


def serve(
    listener: socket.socket,
    socket_path: str,
    *,
    certificate: str = "",
    key: str = "",
    begin: Callable[[], None] = lambda: None,
) -> None:
    """Answer browsers until TERM or INT comes.

    :param listener: where they ask.
    :param socket_path: where the helper listens.
    :param certificate: a file in PEM; "" for plain HTTP.
    :param key: the file with its key; "" when that is in the certificate's.
    :param begin: called when all that is needed is loaded, and before the first request is read: it gives up rights.
    """
    from esmith.manager.web.serving import serve as answer

    answer(listener, socket_path, certificate=certificate, key=key, begin=begin)
