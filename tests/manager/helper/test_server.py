"""The helper at its socket: who gets an answer, what is refused, and that nothing a request does ends it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from typing import Any

import pytest

from esmith.layout import Layout
from esmith.manager import wire
from esmith.manager.helper import server as helper_server
from esmith.manager.helper.children import Children
from esmith.manager.helper.limits import RULES
from esmith.manager.helper.login import set_password
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


def test_what_a_session_knows(layout: Layout) -> None:
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
        while not any(one.done() for one in waiting):
            await asyncio.sleep(0.01)
        os.write(writer, b"abc")
        done = await asyncio.gather(*waiting)
        served = sorted(answer["result"] for answer in done if "result" in answer)
        # On a busy machine the process of the login may not have ended, and takes the place of the first.
        assert served in (["a", "b", "c"], ["a", "b"])
        assert [answer["error"]["kind"] for answer in done if "error" in answer] == [wire.BUSY] * (4 - len(served))
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
