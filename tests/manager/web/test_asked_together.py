"""Pages that are told of the session together with what they show."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.manager import wire
from esmith.manager.web.pages import all_pages
from tests.manager.fake_helper import BASIC, FaultError
from tests.manager.web.conftest import MakeBrowser

_PATHS = sorted(
    {
        (method, page.path.format(group="configuration", name="email", key="k", action="lock"))
        for page in all_pages()
        if page.asks_first
        for method, handler in (("GET", page.get), ("POST", page.post))
        if handler
    }
)
_UNCONFIRMED = {"what": "email-update", "deadline": 1796000000.0, "left": 500}


def _broken(_arguments: dict[str, Any]) -> Any:
    raise FaultError(wire.FAILED, "The disk is full.")


def test_a_form_is_one_question(browse: MakeBrowser) -> None:
    """A form and its preview ask the helper once each, when the menu is known."""
    browser = browse()
    browser.get("/jobs")
    for method, path, verbs in (
        ("get", "/panel/configuration/email", ["panel", "session"]),
        ("post", "/panel/configuration/email/preview", ["preview", "panel", "session"]),
    ):
        browser.helper.asked.clear()
        page = getattr(browser, method)(path)
        assert page.status == 200
        assert browser.helper.verbs() == verbs
        assert [sorted(one["also"]) for one in browser.helper.asked] == [sorted(verbs[1:])] * len(verbs)


@pytest.mark.parametrize(("method", "path"), _PATHS)
def test_the_session_is_on_every_page(browse: MakeBrowser, method: str, path: str) -> None:
    """Such a page names the account and what waits to be confirmed, also when the helper only has an error for it."""
    answers: dict[str, Any] = dict.fromkeys(("panel", "record", "records", "preview"), _broken)
    browser = browse({"session": {**BASIC["session"], "unconfirmed": _UNCONFIRMED}})
    for others in ({}, answers):
        browser.helper.answers |= others
        page = browser.get(path) if method == "GET" else browser.post(path)
        assert "Keep this change?" in page.words
        assert 'class="account"' in page.text


def test_a_conflict_names_session_and_panel(browse: MakeBrowser) -> None:
    """The page about a conflict carries the heading of the panel, and names the account."""

    def conflict(_arguments: dict[str, Any]) -> Any:
        raise FaultError(wire.CONFLICT, "Changed meanwhile.", conflict={"revision": 18, "cells": []})

    page = browse({"preview": conflict}).post("/panel/configuration/email/preview")
    assert page.status == 409
    assert 'name="title" value="E-mail"' in page.text
    assert "admin" in page.words
