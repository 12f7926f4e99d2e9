"""The helper at its socket: who gets an answer, what is refused, and that nothing a request does ends it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.layout import Layout
from esmith.manager import wire
from esmith.manager.helper import server as helper_server
from esmith.manager.helper.children import Children
from esmith.manager.helper.limits import RULES
from esmith.manager.helper.login import set_password
from esmith.manager.helper.requests import parse_request
from esmith.manager.helper.sessions import MOST_OF_ACCOUNT, Sessions
from tests.examples import examples
from tests.manager.helper.kit import ADDRESS, PASSWORD, VERBS, Asking, with_helper


def test_a_verb_needs_a_session(layout: Layout) -> None:
    """Each verb but login is refused without a session, with one that never was, and with one that has ended."""

    async def talk(asking: Asking) -> None:
        verbs = [*VERBS, "session", "sessions", "follow", "logout", "logout-everywhere"]
        for session in ("", "x", "A" * 43, "A" * 10_000, "ü" * 43):
            assert {await asking.refusal(verb, session=session) for verb in verbs} == {wire.SESSION}
        await asking.log_in()
        await asking.result("logout")
        assert {await asking.refusal(verb) for verb in verbs} == {wire.SESSION}

    with_helper(layout, talk)


def test_a_verb_with_a_session(layout: Layout) -> None:
    """A verb gets the account of the session and the address of the request, and its result comes back whole."""

    async def talk(asking: Asking) -> None:
        assert (await asking.log_in())["result"]["account"] == "admin"
        got = await asking.result("echo", {"text": "grüße \u2028"}, address="2001:DB8::1")
        assert got == {"account": "admin", "address": "2001:db8::1", "got": {"text": "grüße \u2028"}}
        assert len(await asking.result("long", {"size": 3_000_000})) == 3_000_000

    with_helper(layout, talk)


def test_what_a_session_is_told(layout: Layout) -> None:
    """A session knows how long it lasts and which others there are of its account, and ends all of them."""

    async def talk(asking: Asking) -> None:
        await asking.log_in(address="198.51.100.9")
        first = asking.session
        await asking.log_in()
        state = await asking.result("session")
        assert (state["account"], state["running"], state["unconfirmed"]) == ("admin", [], None)
        assert 890 <= state["idle_left"] <= 900 < state["absolute_left"] <= 8 * 3600
        found = (await asking.result("sessions"))["sessions"]
        assert [(one["address"], one["is_this"]) for one in found] == [(ADDRESS, True), ("198.51.100.9", False)]
        assert not {first, asking.session} & {*json.dumps(found).split('"')}
        await asking.result("logout-everywhere")
        assert {await asking.refusal("session", session=one) for one in (first, asking.session)} == {wire.SESSION}

    with_helper(layout, talk)


def test_sessions_end_with_the_password(layout: Layout) -> None:
    """Who logged in with the old password is not logged in any more, and neither are the others of that account."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        first = asking.session
        await asking.log_in()
        set_password(layout, "another password")
        assert await asking.refusal("echo") == wire.SESSION
        assert await asking.refusal("session", session=first) == wire.SESSION
        assert (await asking.log_in())["error"]["kind"] == wire.LOGIN
        assert (await asking.log_in("another password"))["ok"]

    with_helper(layout, talk)


def test_wrong_logins_look_the_same(layout: Layout) -> None:
    """Whether the account does not exist, may not log in, or has another password, the answer is the same."""

    async def talk(asking: Asking) -> None:
        tries = [("admin", "wrong"), ("root", PASSWORD), ("nobody", PASSWORD), ("", ""), ("admin", ""), ("a\nb", "x")]
        tries += [("admin", "x" * 4000), (f"admin{' '}", PASSWORD), ("ADMIN", PASSWORD)]
        answers = [
            await asking.log_in(password, account, f"192.0.2.{number}")
            for number, (account, password) in enumerate(tries)
        ]
        assert {json.dumps(answer) for answer in answers} == {json.dumps(answers[0])}
        assert answers[0]["error"]["kind"] == wire.LOGIN

    with_helper(layout, talk)


def test_a_login_that_fails_takes_a_fixed_time(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong login is answered when the time for it is over, so that nobody learns from it what was wrong."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    async def talk(asking: Asking) -> None:
        monkeypatch.setattr(helper_server, "REFUSED_AFTER", {False: 1000.0, True: 1000.0})
        for account in ("admin", "nobody"):
            await asking.log_in("wrong", account)

    monkeypatch.setattr(asyncio, "sleep", note)
    with_helper(layout, talk, refused_after=1000.0)
    assert len([seconds for seconds in slept if 500 < seconds <= 1000]) == 2


def test_too_many_wrong_passwords(layout: Layout) -> None:
    """After five wrong passwords nobody looks at a sixth, right or wrong; from elsewhere the right one counts."""

    async def talk(asking: Asking) -> None:
        for _ in range(RULES["pair"].free):
            assert (await asking.log_in("wrong"))["error"]["kind"] == wire.LOGIN
        for password in ("wrong", PASSWORD):
            error = (await asking.log_in(password))["error"]
            assert error["kind"] == wire.LIMITED
            assert 1 <= error["retry_after"] <= 6
        assert (await asking.log_in(address="198.51.100.9"))["ok"]

    with_helper(layout, talk)


async def _many(asking: Asking) -> list[str]:
    answers = await asyncio.gather(*[asking.log_in("wrong") for _ in range(40)])
    return [answer["error"]["kind"] for answer in answers]


def test_many_passwords_at_once(layout: Layout) -> None:
    """To guess at the same time gains nothing: no more passwords are looked at than one after another."""

    async def talk(asking: Asking) -> None:
        kinds = await _many(asking)
        assert kinds.count(wire.LOGIN) <= RULES["pair"].free
        assert {*kinds} <= {wire.LOGIN, wire.LIMITED, wire.BUSY}

    with_helper(layout, talk)


def test_a_verb_that_refuses(layout: Layout) -> None:
    """The error of a verb comes with its kind, and with all that belongs to it."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        error = (await asking.ask("fail", {"kind": "refused", "message": "no", "fields": {"a": "b"}}))["error"]
        assert error == {"kind": "refused", "message": "no", "fields": {"a": "b"}}

    with_helper(layout, talk)


@pytest.mark.parametrize("verb", ["crash", "die"])
def test_a_verb_that_ends_badly(layout: Layout, verb: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A fault of ours is an error without details, its traceback is on stderr, and the helper answers on."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        answer = await asking.raw(wire.line_of({"verb": verb, "session": asking.session}))
        assert json.loads(answer)["error"]["kind"] == wire.INTERNAL
        assert b"secret" not in answer
        assert await asking.result("echo")

    with_helper(layout, talk)
    assert verb == "die" or "RuntimeError: a secret of the helper" in capfd.readouterr().err


def test_a_verb_that_takes_too_long(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb that does not end is killed with all it started, and the helper answers on."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        assert await asking.refusal("wait") == wire.INTERNAL

    monkeypatch.setitem(VERBS, "wait", lambda _context, _arguments: socket.socketpair()[0].recv(1))
    with_helper(layout, talk, children=lambda: Children(deadline=0.2))


def test_too_much_at_once(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs wait for one another; when too many wait, those that come are refused, and served a moment later."""
    reader, writer = os.pipe()

    def wait(_context: Any, _arguments: Any) -> str:
        # The child has lost the descriptor; it is there again by its name.
        with open(f"/proc/{os.getppid()}/fd/{reader}", "rb", buffering=0) as pipe:
            return pipe.read(1).decode()

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        waiting = [asyncio.ensure_future(asking.ask("wait")) for _ in range(4)]
        while (answers := [one.result() for one in waiting if one.done()]) == []:
            await asyncio.sleep(0.01)
        assert [answer["error"]["kind"] for answer in answers] == [wire.BUSY]
        os.write(writer, b"abc")
        done = await asyncio.gather(*waiting)
        assert sorted(answer.get("result", "") for answer in done) == ["", "a", "b", "c"]
        assert await asking.result("echo")

    monkeypatch.setitem(VERBS, "wait", wait)
    with_helper(layout, talk, children=lambda: Children(most=1, waiting=2))
    os.close(reader)
    os.close(writer)


def test_a_verb_has_nothing_of_the_helper(layout: Layout) -> None:
    """The process of a verb has its standard streams and its pipe, and no connection of anybody."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        # The fourth is the pipe, the fifth the directory that is listed.
        assert len(await asking.result("files")) == 5
        assert await asking.result("process") != os.getpid()

    with_helper(layout, talk)


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
