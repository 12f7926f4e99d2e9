"""Requests that somebody has forged: cookies, addresses and headers that no page of ours sends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esmith.manager.web import kept
from esmith.manager.web.addresses import BASE, inside
from esmith.manager.web.guard import is_from_our_page
from esmith.manager.web.kept import Kept
from esmith.manager.web.visit import COOKIE
from tests.manager.web.browser import Browser
from tests.manager.web.conftest import MakeBrowser

_FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A browser of somebody who is logged in, for tests that change nothing in it."""
    browser = Browser(tmp_path_factory.mktemp("socket"), {})
    yield browser
    browser.close()


def test_a_planted_cookie_is_none(browser: Browser) -> None:
    """Only a cookie of exactly that name counts, and none when there are two."""
    token = browser.cookies[COOKIE]
    sent = {f"{COOKIE}={token}": 200, f"a=b;{COOKIE}={token} ; c": 200}
    for name in (f"\x1f{COOKIE}", f"{COOKIE}\x1c", f"\xa0{COOKIE}", f"\x85{COOKIE}", f"={COOKIE}", COOKIE.lower()):
        sent[f"{name}={token}"] = 303
    sent |= {f'{COOKIE}="{token}"': 303, f"{COOKIE}=planted; {COOKIE}={token}": 303}
    sent |= {f"{COOKIE}={token}; {COOKIE}=planted": 303}
    for cookies, status in sent.items():
        assert browser.get("/jobs", {"cookie": cookies}).status == status, cookies


@pytest.mark.parametrize("destination", ["empty", "iframe", "serviceworker", "object", "script"])
def test_no_script_reads_a_page(browser: Browser, destination: str) -> None:
    """A page, with the token of its forms, is not given to what is no page: scripts of other pages of this host."""
    assert browser.csrf in browser.get("/jobs", {"sec-fetch-dest": "document"}).text
    answer = browser.get("/jobs", {"sec-fetch-dest": destination, "sec-fetch-site": "same-origin"})
    assert answer.status == 403
    assert browser.csrf not in answer.text


def test_parts_of_pages_hold_no_token_for_scripts(browser: Browser) -> None:
    """What scripts may get without the token of the session does not have it."""
    for path in ("/suggest?panel=a&field=b&q=c", "/health/examined", "/session", "/preview/checks"):
        answer = browser.get(path, {"sec-fetch-dest": "empty", "sec-fetch-site": "same-origin", "hx-request": "true"})
        assert browser.csrf not in answer.text, path


@pytest.mark.parametrize("host", ["[", "a:99999999", ":80", "", "a@b", "null", "[::1"])
def test_an_origin_that_is_none_is_nowhere(host: str) -> None:
    """The origin ``null`` is no page of ours, also where the name of the host cannot be read."""
    scope: dict[str, Any] = {"type": "http", "scheme": "http", "client": ("127.0.0.1", 1)}
    for origin in ("null", "", "http://", "file://", "data:"):
        headers = [(b"host", host.encode()), (b"origin", origin.encode())]
        assert not is_from_our_page({**scope, "headers": headers})


def test_what_the_browser_says_for_the_proxy_does_not_count(browser: Browser) -> None:
    """Only the last name and the last address are of the proxy; those before it are the browser's own."""
    body = b"csrf=" + browser.csrf.encode()
    sent = {"content-type": _FORM, "origin": "https://evil.example", "host": "server.example.com"}
    sent |= {"x-forwarded-host": "evil.example, server.example.com", "x-forwarded-for": "10.9.9.9, fe80::1%<b>"}
    proxied = {"scheme": "http", "client": ("127.0.0.1", 1)}
    assert browser.ask("POST", BASE + "/session", body, sent, **proxied).status == 403
    sent["origin"] = "https://server.example.com"
    assert browser.ask("POST", BASE + "/session", body, sent, **proxied).status == 200
    assert browser.helper.asked[-1]["address"] == "fe80::1"
    sent["origin"] = "ftp://server.example.com:80"
    assert browser.ask("POST", BASE + "/session", body, sent, **proxied).status == 403


def test_no_address_is_made_from_the_name_of_the_host(browser: Browser) -> None:
    """No answer leads to the host that the browser claims to have asked."""
    for path in ("/health/", "/login/", "/panel/configuration/email/", "//", "/jobs//"):
        answer = browser.ask("GET", BASE + path, b"", {"host": "evil.example"})
        assert "evil.example" not in str(answer.headers) + answer.text, path
        assert answer.status == 404


_OUT = ("/%2e%2e/webmail", "/%2E./x", "/.%2e/x", "/a/%2e%2e/%2e%2e/x", "/%2e%2e", "/%2e/x", "/..%5cx", "/%2e%2e%2fx")


@pytest.mark.parametrize("path", _OUT)
def test_quoted_dots_lead_nowhere_else(browser: Browser, path: str) -> None:
    """A browser takes quoted dots for dots: such an address is none of our pages, after a login or behind Back."""
    assert inside(BASE + path) == BASE + "/"
    operation = json.dumps({"kind": "undo", "revision": 1})
    for back in (BASE + path, "javascript:alert(1)", "//evil.example/"):
        text = browser.post("/preview", {"operation": operation, "back": back}).text
        assert back not in text
        assert f'class="button" href="{BASE}/"' in text


@pytest.mark.parametrize("kind", ['["service"]', "{}", "1", "null"])
def test_an_operation_of_another_form_is_refused(browser: Browser, kind: str) -> None:
    """An operation without a kind, or with values that are none, is a request that cannot be read, and no fault."""
    for operation in (f'{{"kind": {kind}}}', '{"kind": "form", "values": [{}]}', '{"kind": "form", "values": "x"}'):
        for path in ("/preview", "/apply", "/preview/checks"):
            assert browser.post(path, {"operation": operation, "secret.a": "b", "take.a": "theirs"}).status == 400


def test_the_form_of_a_record_comes_back_after_the_login(browse: MakeBrowser) -> None:
    """The whole address is kept over a login, also the key in its query and what is quoted in its path."""
    browser = browse()
    browser.helper.sessions.clear()
    for path in ("/settings/configuration/record/preview?key=a%2Fb", "/panel/a/b/record/x%20y%25/preview"):
        page = browser.post(path, {"v.a": "b"})
        assert f'name="next" value="{BASE}{path}"' in page.text
        assert inside(BASE + path) == BASE + path


def test_secrets_do_not_outlive_their_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for its apply is forgotten when its session ends, and there is never much of it."""
    waiting = Kept()
    mine, other = waiting.keep("mine", {"a": "one"}), waiting.keep("other", {"a": "two"})
    waiting.forget("mine")
    assert waiting.find("mine", mine) is None
    assert waiting.find("other", other) == {"a": "two"}
    monkeypatch.setattr(kept, "_MOST_CHARACTERS", 10)
    tokens = [waiting.keep("mine", {"a": "xxxx"}) for _number in range(3)]
    assert [waiting.find("mine", token) is None for token in tokens] == [True, False, False]
    assert waiting.find("other", other) is None


def test_logging_out_forgets_secrets(browse: MakeBrowser) -> None:
    """Log out drops what waits for its apply."""
    browser = browse({})
    app: Any = browser.app
    held = app._app.state.kept
    token = held.keep(browser.cookies[COOKIE], {"a": "secret"})
    session = browser.cookies[COOKIE]
    browser.post("/logout")
    assert held.find(session, token) is None
