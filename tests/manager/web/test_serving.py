"""The server under the pages: what is slow, wrong or too much ends, and it sleeps while nobody asks."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from esmith.manager import web
from esmith.manager.web import listening, posted, serving
from esmith.manager.web.guard import HEADERS, MOST_OF_ADDRESS, MOST_REQUESTS, Guard
from esmith.manager.web.listening import Listener
from tests.manager.fake_helper import FakeHelper

#: Far above what anything here takes, in seconds.
_LIMIT = 60
_GET = b"GET /server-manager/login HTTP/1.1\r\nhost: a\r\n"


def _with_server(
    folder: Path, use: Callable[[int], Coroutine[Any, Any, Any]], certificate: tuple[str, str] = ("", "")
) -> Any:
    """Run a server on a free port in this process, and something that uses it.

    :param certificate: the files of the certificate and its key.
    """

    async def run() -> Any:
        helper = FakeHelper(folder, {})
        await helper.start()
        listener = Listener(socket.create_server(("127.0.0.1", 0)))
        server = serving.QuietServer(serving._config(helper.path, *certificate))
        running = asyncio.ensure_future(server._serve([listener]))
        try:
            return await asyncio.wait_for(use(listener.getsockname()[1]), _LIMIT)
        finally:
            server.force_exit = True
            server.handle_exit(signal.SIGTERM, None)
            server._captured_signals.clear()
            await asyncio.wait_for(running, _LIMIT)
            await helper.stop()

    return asyncio.run(run())


async def _talk(port: int, *parts: bytes, address: str = "127.0.0.1") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_a_slow_request_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects and sends nothing, or never completes the headers, is cut off; also after a first request."""
    monkeypatch.setattr(serving, "HEADER_PATIENCE", 0.2)

    async def use(port: int) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_GET + b"\r\n")
        await reader.readuntil(b"</html>")
        writer.write(b"GET / HT")
        return await asyncio.gather(_talk(port), _talk(port, _GET), reader.read())

    nothing, half, second = _with_server(tmp_path, use)
    assert nothing == half == second.strip() == b""


def test_a_slow_body_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who announces a body and does not send it gets an answer that says so, and the connection ends."""
    monkeypatch.setattr(posted, "PATIENCE", 0.2)
    head = b"POST /server-manager/login HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n"

    async def use(port: int) -> Any:
        return await _talk(port, head + b"content-type: application/x-www-form-urlencoded\r\n\r\na=b")

    answer = _with_server(tmp_path, use)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()


def test_what_is_no_request_gets_the_headers_too(tmp_path: Path) -> None:
    """Random bytes, and headers that are too long, get an answer with the headers of every answer, and the end."""

    async def use(port: int) -> Any:
        return await asyncio.gather(
            _talk(port, b"\x16\x03\x01 what\r\n\r\n"), _talk(port, _GET + b"x: " + b"a" * 40_000 + b"\r\n")
        )

    for answer in _with_server(tmp_path, use):
        if answer:
            assert answer.startswith(b"HTTP/1.1 400 ")
            for name, _value in HEADERS:
                assert name.encode() in answer.lower()


def test_too_many_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More connections than allowed are closed at once; the others go on."""
    monkeypatch.setattr(listening, "MOST_CONNECTIONS", 3)

    async def use(port: int) -> tuple[bytes, bytes]:
        held = [await asyncio.open_connection("127.0.0.1", port) for _number in range(3)]
        refused = await _talk(port, _GET + b"\r\n")
        held[0][1].write(_GET + b"connection: close\r\n\r\n")
        answered = await held[0][0].read()
        for _reader, writer in held:
            writer.close()
        return refused, answered

    refused, answered = _with_server(tmp_path, use)
    assert refused == b""
    assert answered.startswith(b"HTTP/1.1 200 ")


def test_too_many_requests_at_once() -> None:
    """More requests than may be answered at once get 503, and when one ends another one is answered."""

    async def use() -> tuple[int, int]:
        go, statuses = asyncio.Event(), []

        async def slow(_scope: Any, _receive: Any, send: Any) -> None:
            await go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def send(message: Any) -> None:
            if "status" in message:
                statuses.append(message["status"])

        guard, scope = Guard(slow), {"type": "http", "method": "GET", "headers": []}
        scopes = [{**scope, "client": (f"192.0.2.{number % 4}", 1)} for number in range(MOST_REQUESTS)]
        running = [asyncio.ensure_future(guard(each, None, send)) for each in scopes]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await guard(scope, None, send)  # type: ignore[arg-type]
        go.set()
        await asyncio.gather(*running)
        await guard(scope, None, send)  # type: ignore[arg-type]
        return statuses[0], statuses.count(200)

    assert asyncio.run(use()) == (503, MOST_REQUESTS + 1)


def test_one_address_does_not_keep_out_others() -> None:
    """One address, of IPv6 one network, has a part of the requests at once; others are answered."""

    async def use() -> list[int]:
        go, statuses = asyncio.Event(), []

        async def slow(_scope: Any, _receive: Any, send: Any) -> None:
            await go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def send(message: Any) -> None:
            if "status" in message:
                statuses.append(message["status"])

        guard, scope = Guard(slow), {"type": "http", "method": "GET", "headers": []}
        scopes = [{**scope, "client": (f"2001:db8::{number:x}", 1)} for number in range(MOST_OF_ADDRESS + 1)]
        scopes.append({**scope, "client": ("2001:db8:0:1::1", 1)})
        running = [asyncio.ensure_future(guard(each, None, send)) for each in scopes]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*running)
        return statuses

    assert asyncio.run(use()) == [503] + [200] * (MOST_OF_ADDRESS + 1)


def test_one_address_does_not_take_all_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections count before anything is sent, those of one address besides, and no longer when they are closed."""
    monkeypatch.setattr(listening, "MOST_OF_ADDRESS", 2)

    async def use(port: int) -> list[bytes]:
        held = [socket.create_connection(("127.0.0.1", port), 9, ("127.0.0.2", 0)) for _number in range(2)]
        get = _GET + b"connection: close\r\n\r\n"
        answers = [await _talk(port, get, address="127.0.0.2"), await _talk(port, get, address="127.0.0.3")]
        for connection in held:
            connection.close()
        await _talk(port, get)
        return [*answers, await _talk(port, get, address="127.0.0.2")]

    assert [answer[:13] for answer in _with_server(tmp_path, use)] == [b"", b"HTTP/1.1 200 ", b"HTTP/1.1 200 "]


def test_a_body_that_nobody_reads_ends_the_connection(tmp_path: Path) -> None:
    """An answer that does not wait for what is posted closes, so that a slow rest keeps no connection."""
    heads = [b"PUT /server-manager/login", b"POST /server-manager/nothing", b"POST /server-manager/login"]
    rest = b" HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nx"

    async def use(port: int) -> Any:
        return await asyncio.gather(*(_talk(port, head + rest) for head in heads))

    answers = _with_server(tmp_path, use)
    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 405 ", b"HTTP/1.1 404 ", b"HTTP/1.1 415 "]


def test_a_request_has_one_length(tmp_path: Path) -> None:
    """What says twice how long it is, is refused, and what comes behind it is no request."""
    both = b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + _GET + b"\r\n"
    head = b"POST /server-manager/login HTTP/1.1\r\nhost: a\r\n"
    answer = _with_server(tmp_path, lambda port: _talk(port, head + both))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_tls_has_to_begin_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects for TLS and does not begin with it is cut off as one who sends no headers is."""
    monkeypatch.setattr(serving, "HEADER_PATIENCE", 0.2)
    both = str(tmp_path / "both.pem")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    command += ["-subj", "/CN=localhost", "-keyout", both, "-out", f"{both}.crt"]
    subprocess.run(command, check=True, capture_output=True, timeout=_LIMIT)
    assert _with_server(tmp_path, _talk, (f"{both}.crt", both)) == b""


_PROBE = """
import json, socket, sys
from esmith.manager.web import serve
def begin():
    rows = dict(line.split(":", 1) for line in open("/proc/self/smaps_rollup") if line.count(":") == 1)
    print(json.dumps([sorted(sys.modules), int(rows["Pss"].split()[0])]), flush=True)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
serve(listener, sys.argv[1], begin=begin)
"""


def _switches(process: int) -> int:
    text = Path(f"/proc/{process}/status").read_text()
    return sum(int(number) for number in re.findall(r"ctxt_switches:\s+(\d+)", text))


def test_it_is_small_knows_no_engine_and_sleeps(tmp_path: Path) -> None:
    """The web process has loaded nothing of the engine, takes at most 35 MB, does nothing while idle, ends at TERM."""
    words = [sys.executable, "-c", _PROBE, str(tmp_path / "socket")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port, (modules, size) = int(process.stdout.readline()), json.loads(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), _LIMIT) as connection:
            connection.sendall(_GET + b"connection: close\r\n\r\n")
            while connection.recv(65536):
                pass
        engine = {name for name in modules if name.startswith("esmith.") and not name.startswith("esmith.manager")}
        assert engine <= {"esmith.errors", "esmith.printable"}
        assert not {name for name in modules if name.startswith("esmith.manager.helper")}
        assert "lmdb" not in modules
        assert size <= 35_000
        # It may take a moment until it sleeps; a server with a timer never gets through two seconds without waking.
        for _try in range(20):
            before = _switches(process.pid)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            if _switches(process.pid) == before:
                break
        else:
            raise AssertionError("it wakes again and again")
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(_LIMIT)
    assert process.returncode in (0, -signal.SIGTERM)


#: One thread more, which takes TERM when the input ends.
_THREAD = """
import signal, sys, threading
def end():
    sys.stdin.read()
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
threading.Thread(target=end, daemon=True).start()
"""


def test_a_signal_that_another_thread_takes(tmp_path: Path) -> None:
    """The kernel may give TERM to any thread: it ends the web process, which sleeps while nobody asks."""
    words = [sys.executable, "-c", _THREAD + _PROBE, str(tmp_path / "socket")]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdin is not None and process.stdout is not None
        port, _ = int(process.stdout.readline()), process.stdout.readline()
        with socket.create_connection(("127.0.0.1", port), _LIMIT) as connection:
            connection.sendall(_GET + b"connection: close\r\n\r\n")
            while connection.recv(65536):
                pass
        before = -1
        while _switches(process.pid) != before:
            before = _switches(process.pid)
            time.sleep(0.3)
        process.stdin.close()
        assert process.wait(10) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait(_LIMIT)


def test_imports_of_the_web_are_few() -> None:
    """No module of the web process imports more of this project than the wire and how texts are made printable."""
    allowed = ("esmith.manager.wire", "esmith.manager.web", "esmith.printable", "esmith.errors")
    for path in Path(web.__file__).parent.rglob("*.py"):
        for name in re.findall(r"^\s*(?:from|import) (esmith[\w.]*)(?: import (\w+))?", path.read_text(), re.MULTILINE):
            full = ".".join(filter(None, name)) if name[0] == "esmith.manager" else name[0]
            assert full.startswith(allowed), f"{path.name}: {full}"
