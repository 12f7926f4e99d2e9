"""Verbs that are asked together with another one."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.layout import Layout
from esmith.manager import wire
from esmith.manager.helper.login import set_password
from tests.manager.helper.kit import Asking, with_helper


def test_they_are_answered_together(layout: Layout) -> None:
    """What is asked with a verb is done by the same process, and is what it would be alone."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        answer = await asking.ask("process", also={"session": {}, "panel": {"panel": "x"}})
        assert answer["also"]["panel"] == {"process": answer["result"], "panel": "x"}
        assert answer["also"]["session"].keys() == (await asking.result("session")).keys()
        assert answer["also"]["session"]["account"] == "admin"
        assert "also" not in await asking.ask("process")

    with_helper(layout, talk)


@pytest.mark.parametrize(
    "also",
    [{"echo": {}}, {"login": {}}, {"apply": {}}, {"panel": []}, ["panel"], "panel", {"panel": {}, "no": {}}],
    ids=str,
)
def test_only_verbs_that_look(layout: Layout, also: Any) -> None:
    """Nothing else can be asked with a verb, and nothing is done then."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        assert await asking.refusal("echo", also=also) == wire.BAD_REQUEST

    with_helper(layout, talk)


def test_a_verb_of_the_helper_itself_has_nothing_with_it(layout: Layout) -> None:
    """With a verb that no process does nothing can be asked, nor a verb that there is not."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        for verb in ("session", "sessions", "logout", "logout-everywhere", "follow"):
            assert await asking.refusal(verb, also={"panel": {}}) == wire.BAD_REQUEST
        assert await asking.refusal("echo", also={"record": {}}) == wire.BAD_REQUEST
        assert await asking.result("echo", {"text": "x"})

    with_helper(layout, talk)


def test_it_needs_the_session_too(layout: Layout) -> None:
    """What is asked with a verb is not answered to somebody whose session has ended."""

    async def talk(asking: Asking) -> None:
        assert await asking.refusal("echo", also={"session": {}}) == wire.SESSION
        await asking.log_in()
        set_password(layout, "another password")
        answer = await asking.ask("echo", also={"session": {}})
        assert answer["error"]["kind"] == wire.SESSION
        assert "also" not in answer

    with_helper(layout, talk)


def test_one_error_is_the_answer(layout: Layout) -> None:
    """When one of the verbs fails, that is the answer, and there are no results."""

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        failing = {"kind": wire.NOT_FOUND, "message": "not there"}
        answer = await asking.ask("fail", failing, also={"session": {}})
        assert answer == {"ok": False, "error": {"kind": wire.NOT_FOUND, "message": "not there"}}

    with_helper(layout, talk)
