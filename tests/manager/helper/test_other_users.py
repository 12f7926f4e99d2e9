"""Processes of other users, as root makes them: none of them reaches the helper, and the web process nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from functools import partial

import pytest

from esmith.layout import Layout
from esmith.manager import wire
from tests.manager.helper.kit import Asking, with_helper

pytestmark = pytest.mark.root("it becomes other users")
WEB, OTHER = 65_001, 65_002


def _as_user(user: int, work: Callable[[], bytes]) -> bytes:
    """Do something in a process of a user, and return what it has found, or the name of the error."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.write(writer, work())
        except OSError as error:
            os.write(writer, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writer)
    found = bytearray()
    while data := os.read(reader, 65536):
        found += data
    os.close(reader)
    os.waitpid(process, 0)
    return bytes(found)


def _asked(path: str) -> Callable[[], bytes]:
    """Return what asks for a session at a socket."""

    def work() -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(path)
            connection.sendall(wire.line_of({"verb": "session", "session": "x"}))
            found = b""
            while data := connection.recv(65536):
                found += data
            return found

    return work


def _open(layout: Layout) -> None:
    """Let all users pass the directories of the test, down to the root."""
    place = layout.root
    while place != "/" and os.stat(place).st_uid == os.geteuid():
        os.chmod(place, os.stat(place).st_mode | 0o011)
        place = os.path.dirname(place)


def test_who_may_ask(layout: Layout) -> None:
    """The user of the web process gets an answer; another user cannot connect, and root is not answered."""
    _open(layout)
    if len(layout.manager_socket) > 100:
        pytest.skip("the folder of the tests is too deep for a socket")

    async def talk(_asking: Asking) -> None:
        loop = asyncio.get_running_loop()
        ask = _asked(layout.manager_socket)
        answer = await loop.run_in_executor(None, _as_user, WEB, ask)
        assert json.loads(answer)["error"]["kind"] == wire.SESSION
        assert await loop.run_in_executor(None, _as_user, OTHER, ask) == b"PermissionError"
        assert await loop.run_in_executor(None, _as_user, 0, ask) in (b"", b"ConnectionResetError", b"BrokenPipeError")

    with_helper(layout, talk, user=WEB)


def _read(path: str) -> bytes:
    return os.read(os.open(path, os.O_RDONLY), 9)


def _remove(directory: str) -> bytes:
    os.unlink(f"{directory}/socket")
    return b"removed"


def _replace(directory: str) -> bytes:
    os.rename(f"{directory}/socket", f"{directory}/other")
    return b"replaced"


def _write(directory: str) -> bytes:
    os.open(f"{directory}/other", os.O_CREAT | os.O_WRONLY)
    return b"written"


def test_what_the_web_process_may_open(layout: Layout) -> None:
    """The web process opens neither the databases nor what the helper keeps, and cannot replace its socket."""
    _open(layout)

    async def talk(_asking: Asking) -> None:
        socket_directory = os.path.dirname(layout.manager_socket)
        places = [
            f"{layout.database}/data.mdb",
            f"{layout.manager}/password",
            f"{socket_directory}/helper.lock",
        ]
        for place in places:
            assert _as_user(WEB, partial(_read, place)) == b"PermissionError", place
        for change in (_remove, _replace, _write):
            assert _as_user(WEB, partial(change, socket_directory)) == b"PermissionError"

    with_helper(layout, talk, user=WEB)
