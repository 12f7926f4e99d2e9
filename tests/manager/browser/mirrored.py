"""A web process in a made-up language from right to left: ``python -m tests.manager.browser.mirrored SOCKET``."""

from __future__ import annotations

import socket
import sys
from gettext import NullTranslations

import uvicorn

from esmith.manager.web.app import create_app

#: Its code, of those for private use.
LANGUAGE = "qps"
#: Hebrew letters, so that a browser writes from the right.
_MARK = "\u05e9\u05dc"


class Mirrored(NullTranslations):
    """The language: each text is between letters that are written from right to left, and half as long again."""

    def gettext(self, message: str) -> str:
        """Return a text in it."""
        return f"{_MARK} {message} {_MARK * (1 + len(message) // 6)}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return a text about a number in it."""
        return self.gettext(msgid1 if n == 1 else msgid2)


def main(socket_path: str) -> None:
    """Answer browsers on a free port, which is printed, until it gets TERM."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(socket_path, translations={LANGUAGE: Mirrored()})
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off")).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
