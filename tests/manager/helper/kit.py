"""A helper in this process, on a small root, with verbs of the tests; and who asks it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from esmith.layout import Layout
from esmith.manager import wire
from esmith.manager.helper.children import Children
from esmith.manager.helper.context import Context, Verb, VerbError
from esmith.manager.helper.login import set_password
from esmith.manager.helper.server import Server
from esmith.manager.helper.sessions import Sessions
from esmith.store import open_store

PASSWORD = "a password of tests"
ADDRESS = "192.0.2.7"
#: Far longer than anything takes.
LIMIT_SECONDS = 60.0


def small_root(path: Path) -> Layout:
    """Make a root that has databases and the password, and nothing else."""
    (path / "home/e-smith/db").mkdir(parents=True)
    (path / "var/lib/e-smith").mkdir(parents=True)
    layout = Layout(str(path))
    open_store(layout, create=True).close()
    set_password(layout, PASSWORD)
    return layout


def _fail(_context: Context, arguments: dict[str, Any]) -> Any:
    raise VerbError(**arguments)


def _crash(_context: Context, _arguments: dict[str, Any]) -> Any:
    raise RuntimeError("a secret of the helper")


def _die(_context: Context, _arguments: dict[str, Any]) -> Any:
    os.abort()


#: Verbs that do what a verb may do to the helper.
VERBS: dict[str, Verb] = {
    "echo": lambda context, arguments: {"account": context.account, "address": context.address, "got": arguments},
    "long": lambda _context, arguments: "x" * arguments["size"],
    "panel": lambda _context, arguments: {"process": os.getpid(), **arguments},
    "process": lambda _context, _arguments: os.getpid(),
    "files": lambda _context, _arguments: sorted(os.listdir("/proc/self/fd")),
    "fail": _fail,
    "crash": _crash,
    "die": _die,
}


class Asking:
    """Who asks a helper, and its socket.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.session = ""

    async def raw(self, data: bytes) -> bytes:
        """Send bytes, and return all that comes until the helper closes the connection."""
        directory = os.open(os.path.dirname(self.layout.manager_socket), os.O_PATH)
        try:
            reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{directory}/socket", limit=2**27)
        finally:
            os.close(directory)
        try:
            writer.write(data)
            async with asyncio.timeout(LIMIT_SECONDS):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def ask(self, verb: str, arguments: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Return the answer of a verb: exactly one line of JSON."""
        request = {"verb": verb, "session": self.session, "address": ADDRESS, "arguments": arguments or {}, **more}
        (line,) = (await self.raw(wire.line_of(request))).splitlines()
        found: dict[str, Any] = json.loads(line)
        return found

    async def result(self, verb: str, arguments: dict[str, Any] | None = None, **more: Any) -> Any:
        """Return the result of a verb that does what is asked."""
        answer = await self.ask(verb, arguments, **more)
        assert answer["ok"], answer
        return answer["result"]

    async def refusal(self, verb: str, arguments: dict[str, Any] | None = None, **more: Any) -> str:
        """Return the kind of the error of a verb that does not."""
        answer = await self.ask(verb, arguments, **more)
        assert not answer["ok"], answer
        return str(answer["error"]["kind"])

    async def log_in(self, password: str = PASSWORD, account: str = "admin", address: str = ADDRESS) -> dict[str, Any]:
        """Log in, and return the answer; the session is kept for what is asked next."""
        answer = await self.ask("login", {"account": account, "password": password}, address=address, session="")
        if answer["ok"]:
            self.session = answer["result"]["session"]
        return answer


def with_helper(
    layout: Layout,
    talk: Callable[[Asking], Awaitable[None]],
    *,
    user: int | None = None,
    sessions: Sessions | None = None,
    children: Callable[[], Children] = Children,
    refused_after: float = 0.0,
) -> None:
    """Run a helper in this process while somebody talks to it.

    :param user: the number of the user who may ask; None for the one who runs this.
    :param children: makes the limits of its processes.
    :param refused_after: after how many seconds a login that fails is answered.
    """

    async def run() -> None:
        ready = asyncio.Event()
        server = Server(
            layout,
            os.geteuid() if user is None else user,
            verbs=VERBS,
            sessions=sessions,
            children=children(),
            refused_after=refused_after,
        )
        serving = asyncio.ensure_future(server.serve(ready.set))
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            if serving.done():
                await serving
            await talk(Asking(layout))
        finally:
            serving.cancel()
            await asyncio.wait({serving})

    asyncio.run(run())
