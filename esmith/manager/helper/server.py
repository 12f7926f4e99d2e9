"""The process of the helper: it listens, asks who is there, and has a child answer each request.

It has no threads, opens no database and no file of users, and does nothing while nobody asks. What a request wants is
done in a process of its own (:mod:`esmith.manager.helper.children`).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import pkgutil
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from esmith.local_sockets import user_at
from esmith.manager import wire
from esmith.manager.helper import verbs as verb_modules
from esmith.manager.helper.children import Children, TooManyError
from esmith.manager.helper.context import Context, Verb, VerbError
from esmith.manager.helper.following import follow
from esmith.manager.helper.limits import Limits
from esmith.manager.helper.loaded import load_modules
from esmith.manager.helper.place import Place
from esmith.manager.helper.requests import Request, parse_request
from esmith.manager.helper.sessions import Session, Sessions
from esmith.manager.helper.work import REVOKED, going_on, login_work, settling_work, state_work, verb_work

if TYPE_CHECKING:
    from esmith.layout import Layout

#: How many connections there may be at once, and how many of them may follow a job. As many more hear that there are
#: too many; others hear nothing.
MOST_CONNECTIONS = 48
MOST_FOLLOWING = 16
#: A request has to come, and an answer has to be taken, in so many seconds.
REQUEST_SECONDS = 10.0
ANSWER_SECONDS = 30.0
#: A login that fails is answered after so many seconds, whatever was wrong: on the machine PAM itself waits up to 3.
REFUSED_AFTER = {True: 3.5, False: 0.5}
#: How many logins are looked at once. Each takes a processor and some memory.
MOST_LOGINS = 4
_END_SECONDS = 20.0
_NO_SESSION = "you are not logged in, or your session has ended"
#: struct ucred of unix(7).


class _Answer:
    """Writes to a connection, and knows whether somebody is at its other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def __call__(self, line: bytes) -> None:
        """Write.

        :raises TimeoutError: when the other side does not read.
        """
        self._writer.write(line)
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._writer.drain()

    def is_there(self) -> bool:
        """Return whether the other side has not closed it."""
        return not self._reader.at_eof()


def all_verbs() -> dict[str, Verb]:
    """Return the verbs of all modules of :mod:`esmith.manager.helper.verbs`.

    :raises ValueError: when two have the same name.
    """
    found: dict[str, Verb] = {}
    for module in sorted(pkgutil.iter_modules(verb_modules.__path__), key=lambda one: one.name):
        table: dict[str, Verb] = importlib.import_module(f"{verb_modules.__name__}.{module.name}").VERBS
        if twice := found.keys() & table.keys():
            raise ValueError(f"the verbs {sorted(twice)} are in two modules")
        found |= table
    return found


class Server:
    """The helper of a root.

    :param layout: the root.
    :param user: the number of the user whose process may ask.
    :param verbs: the verbs; None for all there are.
    :param sessions: who is logged in.
    :param children: the processes of the verbs; None for those with the usual limits.
    :param refused_after: after how many seconds a login that fails is answered; None for the usual time.
    """

    def __init__(
        self,
        layout: Layout,
        user: int,
        *,
        verbs: dict[str, Verb] | None = None,
        sessions: Sessions | None = None,
        children: Children | None = None,
        refused_after: float | None = None,
    ) -> None:
        self._layout = layout
        self._user = user
        self._verbs = all_verbs() if verbs is None else verbs
        self._sessions = sessions or Sessions()
        self._children = children or Children()
        self._logins = Children(MOST_LOGINS, 2 * MOST_LOGINS)
        self._limits = Limits(layout.manager)
        self._refused_after = REFUSED_AFTER[layout.is_machine] if refused_after is None else refused_after
        self._connections = 0
        self._following = 0
        self._own: dict[str, Callable[[Request, Session, _Answer], Awaitable[None]]] = {
            "logout": self._log_out,
            "logout-everywhere": self._log_out_everywhere,
            "session": self._state,
            "sessions": self._list,
            "follow": self._follow,
        }

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Answer until TERM or INT comes; then until what has begun has ended, for some seconds.

        :param ready: called when it listens.
        :raises EsmithError: when another helper runs, or the directory of the socket is not in the right hands.
        """
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        load_modules()
        with Place(self._layout, self._user) as place:
            server = await asyncio.start_unix_server(self._connected, sock=place.socket, limit=wire.MOST_REQUEST)
            ready()
            settling = asyncio.ensure_future(self._settle())
            try:
                await stop.wait()
            finally:
                settling.cancel()
                server.close()
                await self._children.end(_END_SECONDS)

    async def _settle(self) -> None:
        """See to the end of the jobs that were killed, while others are answered already."""
        await self._children.collect(settling_work(self._layout))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close the connection."""
        self._connections += 1
        try:
            if _user_of(writer) != self._user:
                _say("a process of another user asked, and got no answer")
                return
            if self._connections > 2 * MOST_CONNECTIONS:
                return
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self._converse(reader, writer, is_too_many=self._connections > MOST_CONNECTIONS)
        finally:
            self._connections -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_too_many: bool) -> None:
        send = _Answer(reader, writer)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                line = await reader.readline()
        except ValueError:
            return await send(wire.error(wire.BAD_REQUEST, "the request is too long"))
        if not line.endswith(b"\n"):
            return None
        if is_too_many:
            # It was read before: whoever writes to a connection that is closed already gets no answer.
            return await send(wire.error(wire.BUSY, "too many connections at once; try again in a moment"))
        try:
            await self._answer(parse_request(line), send)
        except VerbError as error:
            await send(error.line)
        except TooManyError:
            await send(wire.error(wire.BUSY, "too much is asked for at once; try again in a moment"))
        except OSError as error:
            if isinstance(error, (ConnectionError, TimeoutError)):
                raise
            _say(f"a request could not be answered: {error.strerror}")
            await send(wire.error(wire.INTERNAL, "the helper could not begin with it"))

    async def _answer(self, request: Request, send: _Answer) -> None:
        if request.verb == "login":
            return await self._log_in(request, send)
        if request.verb not in self._verbs and request.verb not in self._own:
            raise VerbError(wire.BAD_REQUEST, "there is no such verb")
        # To look how long it lasts, or at a job, is no use: pages do that by themselves.
        session = self._sessions.find(request.session, is_use=request.verb not in ("session", "follow"))
        if session is None:
            raise VerbError(wire.SESSION, _NO_SESSION)
        if request.verb in self._own:
            if request.also:
                raise VerbError(wire.BAD_REQUEST, "nothing can be asked with this verb")
            return await self._own[request.verb](request, session, send)
        return await self._have_done(request, session, send)

    async def _have_done(self, request: Request, session: Session, send: _Answer) -> None:
        """Have a child do a verb, and pass on what it says."""
        context = Context(self._layout, session.account, request.address)
        work = verb_work(
            self._verbs[request.verb], context, request.arguments, session.mark, self._also(request, session)
        )
        has_ended = False
        async with self._children.run(work) as child:
            while data := await child.read():
                has_ended = data.endswith(b"\n")
                await send(data)
        if child.status == REVOKED:
            self._sessions.end_all(session.account)
        elif not has_ended:
            _say(f"the verb {request.verb} ended without an answer")
            await send(wire.error(wire.INTERNAL, "the helper could not do it; its log says why"))

    def _also(self, request: Request, session: Session) -> dict[str, tuple[Verb, dict[str, Any]]]:
        """Return the verbs that are asked together with one, and their arguments.

        :raises VerbError: when there is no such verb.
        """
        known = self._known(session)

        def state(context: Context, _arguments: dict[str, Any]) -> dict[str, Any]:
            return {**known, **going_on(context.layout)}

        verbs = {**self._verbs, "session": state}
        if request.also.keys() - verbs.keys():
            raise VerbError(wire.BAD_REQUEST, "there is no such verb")
        return {name: (verbs[name], arguments) for name, arguments in request.also.items()}

    def _known(self, session: Session) -> dict[str, Any]:
        return {"account": session.account, **self._sessions.left(session)}

    async def _log_in(self, request: Request, send: _Answer) -> None:
        account, password = request.text("account", 256), request.text("password", 4096)
        if len(request.arguments) > 2:
            raise VerbError(wire.BAD_REQUEST, "a login has a name and a password, and nothing else")
        if not self._logins.has_room:
            raise TooManyError
        if wait := self._limits.begin(account, request.address):
            message = "there were too many failed logins; try again later"
            raise VerbError(wire.LIMITED, message, retry_after=int(wait) + 1)
        loop = asyncio.get_running_loop()
        began = loop.time()
        status, data = await self._logins.collect(login_work(self._layout, account, password, request.address))
        found = json.loads(data) if status == 0 and data else None
        if found is not None and "error" in found:
            return await send(data)
        if found is None:
            await asyncio.sleep(max(0.0, self._refused_after - (loop.time() - began)))
            raise VerbError(wire.LOGIN, "the account or the password is wrong, or it may not log in here")
        self._limits.succeed(account, request.address)
        token = self._sessions.begin(found["account"], request.address, idle=found["idle"], mark=found["mark"])
        return await send(wire.answer({"session": token, "account": found["account"]}))

    async def _log_out(self, _request: Request, session: Session, send: _Answer) -> None:
        self._sessions.end(session)
        await send(wire.answer({}))

    async def _log_out_everywhere(self, _request: Request, session: Session, send: _Answer) -> None:
        self._sessions.end_all(session.account)
        await send(wire.answer({}))

    async def _state(self, _request: Request, session: Session, send: _Answer) -> None:
        """Say how long the session lasts, and what is going on."""
        found = await self._look(session)
        await send(wire.answer({**self._known(session), **found}))

    async def _look(self, session: Session) -> dict[str, Any]:
        """Return what is going on.

        :raises VerbError: when the account may not log in any more, or the session has ended.
        """
        status, data = await self._children.collect(state_work(self._layout, session.account, session.mark))
        if status == REVOKED:
            self._sessions.end_all(session.account)
        if not self._sessions.is_on(session):
            raise VerbError(wire.SESSION, _NO_SESSION)
        found: dict[str, Any] = json.loads(data) if status == 0 else {"running": [], "unconfirmed": None}
        return found

    async def _list(self, _request: Request, session: Session, send: _Answer) -> None:
        await self._look(session)
        found: list[dict[str, Any]] = [
            {
                "address": one.address,
                "since": one.began,
                "last_use": self._sessions.last_use(one),
                "is_this": one is session,
            }
            for one in self._sessions.of(session.account)
        ]
        await send(wire.answer({"sessions": found}))

    async def _follow(self, request: Request, session: Session, send: _Answer) -> None:
        if self._following >= MOST_FOLLOWING:
            raise TooManyError
        self._following += 1
        try:
            await self._look(session)
            job = await follow(self._layout, request, send, lambda: self._sessions.is_on(session) and send.is_there())
        finally:
            self._following -= 1
        if not send.is_there():
            return
        if not self._sessions.is_on(session):
            raise VerbError(wire.SESSION, _NO_SESSION)
        await self._have_done(Request("job", request.session, request.address, {"job": job, "after": 0}), session, send)


def _user_of(writer: asyncio.StreamWriter) -> int:
    """Return the user of the process at the other end, as it was when it connected (unix(7))."""
    connection: socket.socket = writer.get_extra_info("socket")
    return user_at(connection)


def _say(text: str) -> None:
    print(f"smanager-helper: {text}", file=sys.stderr, flush=True)
