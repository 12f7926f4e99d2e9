"""Requests that are none, too long, too slow or too many: each is refused, and the helper answers on."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.layout import Layout
from esmith.manager import wire
from esmith.manager.helper import server as helper_server
from esmith.manager.helper.requests import parse_request
from esmith.manager.helper.sessions import MOST_OF_ACCOUNT, Sessions
from tests.examples import examples
from tests.manager.helper.kit import ADDRESS, PASSWORD, VERBS, Asking, with_helper

_GOOD = b'{"verb": "session", "session": "x"}'


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"login"',
        b"\xff\xfe",
        b"\0",
        b'{"verb": "session"',
        b'{"verb": "session", "more": 1}',
        b'{"verb": 1}',
        b'{"verb": "session", "arguments": []}',
        b'{"verb": "session", "session": {}, "x": 1}',
        b'{"verb": "session", "session": 7}',
        b'{"verb": "session", "address": "192.0.2.7\\nx"}',
        b'{"verb": "session", "address": "here"}',
        b'{"verb": "session", "arguments": {"a": NaN}}',
        b'{"verb": "session", "arguments": {"a": "\\ud800"}}',
        b'{"verb": "session", "arguments": {"a": [{"b\\u0000": 1}]}}',
        b'{"verb": "session", "arguments": {"a": %s}}' % (b"9" * 5000),
        b'{"verb": "session", "arguments": {"a": %s1%s}}' % (b"[" * 900, b"]" * 900),
        b'{"verb": "session", "arguments": %s' % (b'{"a":' * 50_000),
        b'{"verb": "nosuch", "session": "x"}',
        b'{"verb": "__init__"}',
        b'{"verb": "login"}',
        b'{"verb": "login", "arguments": {"account": 1, "password": "x"}}',
        b'{"verb": "login", "arguments": {"account": "a", "password": ["x"]}}',
        b'{"verb": "login", "arguments": {"account": "%s", "password": "x"}}' % (b"a" * 300),
        b"GET / HTTP/1.1",
    ],
    ids=lambda line: line[:50].decode("ascii", "replace"),
)
def test_what_is_no_request(line: bytes) -> None:
    """What is not of the protocol is refused before a process is made for it."""
    from esmith.manager.helper.context import VerbError

    try:
        request = parse_request(line)
    except VerbError as error:
        assert error.kind == wire.BAD_REQUEST
        return
    assert request.verb not in VERBS
    if request.verb == "login":
        with pytest.raises(VerbError, match="missing, no text, or too long"):
            [request.text("account", 256), request.text("password", 4096)]


@pytest.mark.parametrize("zone", ["eth0", "a\nadmin logged in from here", "x" * 1000])
def test_an_address_has_no_zone(zone: str) -> None:
    """The zone of an address, which may be any text, is left out: the address goes to logs, and to PAM."""
    line = json.dumps({"verb": "login", "address": f"fe80::1%{zone}"}).encode()
    assert parse_request(line).address == "fe80::1"


def test_few_bytes_that_cost_much_memory(layout: Layout) -> None:
    """A request of many small values is refused, and so is a login that brings more than a name and a password."""
    from esmith.manager.helper.context import VerbError

    for many in (b"[],", b"{},", b"0,"):
        line = b'{"verb": "x", "arguments": {"a": [%s 0]}}' % (many * (900_000 // len(many)))
        with pytest.raises(VerbError, match="too many values"):
            parse_request(line)
    parse_request(b'{"verb": "x", "arguments": {"a": [%s ""]}}' % (b'"some.name@example.com",' * 20_000))

    async def talk(asking: Asking) -> None:
        arguments = {"account": "admin", "password": PASSWORD, "more": []}
        assert await asking.refusal("login", arguments) == wire.BAD_REQUEST

    with_helper(layout, talk)


def test_bytes_that_are_no_request(layout: Layout) -> None:
    """Whatever bytes are sent, the answer is one error or none, and the helper answers on."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        for data in (b"\n", b"\0\n", b"{}\n{}\n", b"\xff" * 5000 + b"\n", _GOOD[:-1], _GOOD + b"\r\n"):
            writer_ended = data if data.endswith(b"\n") else data + b"\n"
            (answer,) = (await asking.raw(writer_ended)).splitlines()
            assert json.loads(answer)["error"]["kind"] in (wire.BAD_REQUEST, wire.SESSION)
        assert await asking.result("echo")

    with_helper(layout, talk)


def test_a_request_that_is_too_long(layout: Layout) -> None:
    """More than a megabyte is not read to its end."""

    async def talk(asking: Asking) -> None:
        answer = await asking.raw(b'{"verb": "' + b"x" * (2 * wire.MOST_REQUEST) + b'"}\n')
        assert answer == b"" or json.loads(answer)["error"]["kind"] == wire.BAD_REQUEST
        assert (await asking.log_in())["ok"]

    with_helper(layout, talk)


def test_a_request_that_does_not_come(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects and sends nothing, or not all of it, is disconnected, and holds nobody up."""

    async def talk(asking: Asking) -> None:
        slow = [asyncio.ensure_future(asking.raw(data)) for data in (b"", b"{", _GOOD)]
        assert (await asking.log_in())["ok"]
        assert await asyncio.gather(*slow) == [b"", b"", b""]

    monkeypatch.setattr(helper_server, "REQUEST_SECONDS", 1.0)
    with_helper(layout, talk)


def test_many_connections(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a greatest number of connections; who comes after is refused at once, until one has gone."""

    async def talk(asking: Asking) -> None:
        open_ones = [await _connected(asking.layout) for _ in range(helper_server.MOST_CONNECTIONS)]
        while (await asking.ask("session"))["error"]["kind"] != wire.BUSY:
            await asyncio.sleep(0.01)
        for writer in open_ones:
            writer.close()
        while (await asking.ask("session"))["error"]["kind"] == wire.BUSY:
            await asyncio.sleep(0.01)

    monkeypatch.setattr(helper_server, "MOST_CONNECTIONS", 5)
    with_helper(layout, talk)


async def _connected(layout: Layout) -> asyncio.StreamWriter:
    directory = os.open(os.path.dirname(layout.manager_socket), os.O_PATH)
    try:
        _, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{directory}/socket")
    finally:
        os.close(directory)
    return writer


def test_an_answer_that_nobody_takes(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not read a long answer is disconnected, and its process ends."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        writer = await _connected(layout)
        writer.write(wire.line_of({"verb": "long", "session": asking.session, "arguments": {"size": 20_000_000}}))
        assert (await asking.result("echo"))["account"] == "admin"
        writer.close()

    monkeypatch.setattr(helper_server, "ANSWER_SECONDS", 0.2)
    with_helper(layout, talk)


def test_an_answer_that_is_too_long(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer has a greatest length; a longer one is an error."""
    from esmith.manager.helper.context import Context
    from esmith.manager.helper.login import check_login
    from esmith.manager.helper.work import verb_work

    verdict = check_login(layout, "admin", PASSWORD, ADDRESS)
    assert verdict is not None
    lines: list[bytes] = []
    monkeypatch.setattr(wire, "MOST_ANSWER", 1000)
    work = verb_work(lambda _context, _arguments: "x" * 1000, Context(layout, "admin", ADDRESS), {}, verdict.mark)
    assert work(lines.append) == 0
    assert json.loads(lines[0])["error"]["kind"] == wire.FAILED


def test_another_user_gets_no_answer(layout: Layout) -> None:
    """A process of another user than the one of the web process gets nothing, not even root."""

    async def talk(asking: Asking) -> None:
        assert await asking.raw(wire.line_of({"verb": "login"})) == b""

    if os.geteuid() == 0:
        with_helper(layout, talk, user=65_000)
    else:
        with pytest.raises(PermissionError):
            with_helper(layout, talk, user=65_000)


def test_sessions_of_an_account_are_bounded(layout: Layout) -> None:
    """The helper begins no more sessions than there may be; the oldest one ends."""
    sessions = Sessions()

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        first = asking.session
        for _ in range(MOST_OF_ACCOUNT):
            sessions.begin("admin", "", idle=900, mark="")
        assert await asking.refusal("session", session=first) == wire.SESSION

    with_helper(layout, talk, sessions=sessions)


@given(st.binary(max_size=300))
@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
def test_random_bytes(data: bytes) -> None:
    """Random bytes are a request or are refused, and nothing else."""
    from esmith.manager.helper.context import VerbError

    for line in (data, b'{"verb":"session","arguments":{"x":' + data + b"}}"):
        try:
            assert isinstance(parse_request(line).arguments, dict)
        except VerbError as error:
            assert error.kind in wire.KINDS
