"""Asks the helper: one connection to its socket for each question."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from esmith.manager import wire

#: The helper does not answer at all; this kind exists in the web process only.
UNAVAILABLE = "unavailable"
#: The longest path of a socket, in bytes (unix(7)).
_LONGEST_PATH = 107
#: How long a verb may take, in seconds: a little longer than the helper lets one run.
_PATIENCE = 130.0
#: How long a helper is waited for that has just been started again, and how long between two tries, in seconds.
START_SECONDS = 3.0
_PAUSE = 0.05
#: How long the helper may be silent while a job is followed, in seconds; it says so when there is nothing to say.
_SILENCE = 120.0


class HelperError(Exception):
    """What the helper answered instead of a result.

    :param kind: one of :data:`esmith.manager.wire.KINDS`, or :data:`UNAVAILABLE`.
    :param message: a sentence for the administrator.
    :param more: what else is known: place, hint, fields, retry_after, conflict.
    """

    def __init__(self, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.more = more

    @property
    def place(self) -> str:
        """Where it went wrong."""
        return str(self.more.get("place") or "")

    @property
    def hint(self) -> str:
        """What to do about it."""
        return str(self.more.get("hint") or "")

    @property
    def fields(self) -> dict[str, str]:
        """What is wrong with which field."""
        fields = self.more.get("fields")
        return {str(name): str(text) for name, text in fields.items()} if isinstance(fields, dict) else {}


class Helper:
    """The helper, as the web process sees it.

    :param socket_path: where its socket is.
    """

    def __init__(self, socket_path: str) -> None:
        self._path = socket_path

    async def ask(
        self, verb: str, arguments: dict[str, Any] | None = None, session: str = "", address: str = ""
    ) -> Any:
        """Return the result of a verb.

        :param session: the token of the session.
        :param address: the address of the browser.
        :raises HelperError: when the helper answers with an error, or not at all.
        """
        return (await self.ask_also(verb, arguments, session, address))[0]

    async def ask_also(
        self,
        verb: str,
        arguments: dict[str, Any] | None = None,
        session: str = "",
        address: str = "",
        also: dict[str, dict[str, Any]] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Return the result of a verb, and those of others that are asked with it: one process does all of them.

        :param also: the verbs of :data:`esmith.manager.wire.ALSO`, each with its arguments.
        :raises HelperError: as :meth:`ask`.
        """
        async with self._connected(verb, arguments, session, address, also) as reader:
            answer = await self._line(reader, _PATIENCE)
            found = answer.get("also")
            return _result(answer), found if isinstance(found, dict) else {}

    async def follow(self, arguments: dict[str, Any], session: str, address: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the lines of a job as ``{"line": ...}``, and at last ``{"job": ...}``.

        :raises HelperError: as :meth:`ask`.
        """
        async with self._connected("follow", arguments, session, address) as reader:
            while "line" in (answer := await self._line(reader, _SILENCE)):
                yield {"line": answer["line"]}
            yield {"job": _result(answer)}

    @asynccontextmanager
    async def _connected(
        self,
        verb: str,
        arguments: dict[str, Any] | None,
        session: str,
        address: str,
        also: dict[str, dict[str, Any]] | None = None,
    ) -> AsyncIterator[asyncio.StreamReader]:
        asked = {"verb": verb, "session": session, "address": address, "arguments": arguments or {}}
        request = wire.line_of({**asked, "also": also} if also else asked)
        if len(request) > wire.MOST_REQUEST:
            raise HelperError(wire.BAD_REQUEST, "What was sent is too long.")
        try:
            reader, writer = await asyncio.wait_for(self._open(), 10)
        except (OSError, TimeoutError) as error:
            raise HelperError(UNAVAILABLE, "The helper of the server-manager does not answer.") from error
        try:
            writer.write(request)
            await writer.drain()
            yield reader
        except OSError as error:
            raise HelperError(UNAVAILABLE, "The helper of the server-manager went away.") from error
        finally:
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect. A helper that was killed is started again at once, and has its socket a moment later."""
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                return await self._open_now()
            except (ConnectionRefusedError, FileNotFoundError):
                if time.monotonic() >= end:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _open_now(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if len(os.fsencode(self._path)) <= _LONGEST_PATH:
            return await asyncio.open_unix_connection(self._path, limit=wire.MOST_ANSWER)
        directory = os.open(os.path.dirname(self._path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            path = f"/proc/self/fd/{directory}/{os.path.basename(self._path)}"
            return await asyncio.open_unix_connection(path, limit=wire.MOST_ANSWER)
        finally:
            os.close(directory)

    @staticmethod
    async def _line(reader: asyncio.StreamReader, patience: float) -> dict[str, Any]:
        try:
            line = await asyncio.wait_for(reader.readline(), patience)
        except TimeoutError as error:
            raise HelperError(wire.BUSY, "The helper did not answer in time.") from error
        except ValueError as error:
            raise HelperError(wire.INTERNAL, "The answer is too long.") from error
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise HelperError(UNAVAILABLE, "The helper of the server-manager went away.") from error
        if not isinstance(answer, dict):
            raise HelperError(wire.INTERNAL, "The helper did not answer as expected.")
        return answer


def _result(answer: dict[str, Any]) -> Any:
    if answer.get("ok") is True:
        return answer.get("result")
    error = answer.get("error")
    if not isinstance(error, dict):
        raise HelperError(wire.INTERNAL, "The helper did not answer as expected.")
    kind, message = str(error.pop("kind", wire.INTERNAL)), str(error.pop("message", ""))
    raise HelperError(kind, message, **{str(name): value for name, value in error.items()})
