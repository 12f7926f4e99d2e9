"""Requests: whose they are, where they come from, and how much they may be."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from esmith.manager import wire
from esmith.manager.web import client
from esmith.manager.web.addresses import BASE, inside
from esmith.manager.web.guard import HEADERS
from esmith.manager.web.pages import Page, all_pages
from esmith.manager.web.posted import MOST_BODY
from esmith.manager.web.visit import COOKIE, LOGIN_COOKIE, csrf_of
from tests.manager.fake_helper import FaultError
from tests.manager.web.browser import Browser
from tests.manager.web.conftest import MakeBrowser
from tests.manager.web.page_forms import Reader

_PAGES = all_pages()
_OPEN = [page for page in _PAGES if not page.is_open]


def _path(page: Page) -> str:
    samples = {"group": "configuration", "name": "email", "job": "20261130-1", "revision": "1"}
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: samples.get(match[1], "1"), page.path)


_POSTS = sorted({_path(page) for page in _OPEN if page.post})
_GETS = sorted({_path(page) for page in _PAGES if page.get})


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A browser of somebody who is logged in, for tests that change nothing in it."""
    made = Browser(tmp_path_factory.mktemp("socket"), {})
    yield made
    made.close()


@pytest.fixture
def stranger(browse: MakeBrowser) -> Browser:
    """A browser of somebody who is not logged in."""
    made = browse()
    made.cookies.clear()
    return made


def test_every_answer_has_the_headers(browser: Browser) -> None:
    """Each page, error, redirect and file has the headers; only files with a digest in their names may be kept."""
    answers = [browser.get(path) for path in _GETS]
    answers += [browser.get(path) for path in ("/nothing", "/static/nothing", "/login")]
    answers += [browser.ask("GET", "/", b"", {}), browser.post("/jobs"), browser.post("/preview", csrf="no")]
    for answer in answers:
        assert {name: answer.headers.get(name) for name, _value in HEADERS} == dict(HEADERS)
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
    for address in re.findall(r'(?:src|href)="(/server-manager/static/[^"]+)"', browser.get("/").text):
        answer = browser.ask("GET", address, b"", {})
        assert answer.status == 200
        assert {name: answer.headers.get(name) for name, _value in HEADERS} == dict(HEADERS)
        assert "immutable" in answer.headers["cache-control"]


def test_a_forged_request_reaches_no_verb(browser: Browser) -> None:
    """No POST is done without the token of the session, or from another place than a page of this server."""
    bad = "f" * 64
    other = csrf_of("another-session")
    elsewhere = [{"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://server.example.com"}]
    elsewhere += [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}]
    elsewhere += [{"origin": "", "sec-fetch-site": ""}, {"origin": "https://server.example.com:444"}]
    browser.helper.asked.clear()
    for path in _POSTS:
        for token in ("", bad, other, browser.csrf[:-1], browser.csrf.upper(), "\u00e9"):
            assert browser.post(path, csrf=token).status == 403, path
        for headers in elsewhere:
            assert browser.post(path, headers=headers).status == 403, (path, headers)
    assert browser.helper.asked == []


def test_requests_of_our_pages_are_taken(browser: Browser) -> None:
    """A POST of our own page is done, with either header; behind a proxy of this machine also with its names."""
    operation = {"operation": json.dumps({"kind": "undo", "revision": 1})}
    for headers in ({"origin": ""}, {"sec-fetch-site": ""}, {"origin": "HTTPS://SERVER.example.com:443"}):
        assert browser.post("/preview", operation, headers).status == 200
    body = b"csrf=" + browser.csrf.encode()
    sent = {"content-type": "application/x-www-form-urlencoded", "origin": "https://outside.example"}
    sent |= {"host": "127.0.0.1:982", "x-forwarded-host": "outside.example", "x-forwarded-for": "10.0.0.1, 192.0.2.9"}
    proxied = {"scheme": "http", "client": ("127.0.0.1", 1)}
    assert browser.ask("POST", BASE + "/session", body, sent, **proxied).status == 200
    assert browser.helper.asked[-1]["address"] == "192.0.2.9"
    assert browser.ask("POST", BASE + "/session", body, sent).status == 403


def test_a_browser_does_not_choose_its_address(browser: Browser) -> None:
    """Only a proxy of this machine is believed about whom it asks for, and only when it names an address."""
    claim = {"x-forwarded-for": "10.9.9.9"}
    for scope, address in (
        ({}, "192.0.2.7"),
        ({"client": ("127.0.0.1", 1)}, "127.0.0.1"),
        ({"scheme": "http"}, "192.0.2.7"),
        ({"scheme": "http", "client": ("::1", 1)}, "10.9.9.9"),
    ):
        browser.ask("GET", BASE + "/jobs", b"", claim, **scope)
        assert browser.helper.asked[-1]["address"] == address
    local = {"scheme": "http", "client": ("127.0.0.1", 1)}
    browser.ask("GET", BASE + "/jobs", b"", {"x-forwarded-for": "10.0.0.1, <b>"}, **local)
    assert browser.helper.asked[-1]["address"] == "127.0.0.1"


def test_without_a_session_there_is_only_the_login(stranger: Browser) -> None:
    """Every page leads those who are not logged in to the login; no verb is asked for them."""
    for page in _OPEN:
        path = _path(page)
        if page.get:
            answer = stranger.get(path)
            assert (answer.status, answer.location.split("?")[0]) == (303, BASE + "/login"), path
        if page.post:
            answer = stranger.post(path)
            assert answer.status == 200
            assert "Password" in answer.words
    assert stranger.helper.asked == []


def test_a_session_that_ended_leads_to_the_login(browse: MakeBrowser) -> None:
    """With a token whose session has ended, pages lead to the login and back to where the browser was going."""
    browser = browse()
    browser.helper.sessions.clear()
    answer = browser.get("/jobs")
    assert (answer.status, answer.location) == (303, f"{BASE}/login?next=%2Fserver-manager%2Fjobs")
    form = Reader(browser.get("/login?next=/server-manager/jobs").text).form("/login")
    answer = browser.ask("POST", BASE + "/login", _body(form.with_values(account="admin", password="x")), _SENT)
    assert (answer.status, answer.location) == (303, f"{BASE}/jobs")


_SENT = {"content-type": "application/x-www-form-urlencoded", "origin": "https://server.example.com"}


def _body(pairs: list[tuple[str, str]]) -> bytes:
    from urllib.parse import urlencode

    return urlencode(pairs).encode()


def test_what_was_typed_survives_the_end_of_the_session(browse: MakeBrowser) -> None:
    """A form that is sent after the session ended is there again after the login, but for what is secret."""
    browser = browse()
    browser.helper.sessions.clear()
    values = {"kind.Subject": "text", "was.Subject": "=a", "v.Subject": '"<b>', "secret.Passwd": "hidden-word"}
    answer = browser.post("/panel/configuration/email/preview", {**values, "revision": "17"})
    assert "hidden-word" not in answer.text
    form = Reader(answer.text).form("/login")
    answer = browser.ask("POST", BASE + "/login", _body(form.with_values(account="admin", password="x")), _SENT)
    again = Reader(answer.text).form("/panel/configuration/email/preview")
    answer = browser.ask("POST", again.action, _body(again.pairs), _SENT)
    assert answer.status == 200
    assert browser.helper.arguments("preview")["operation"]["values"] == {"Subject": '"<b>'}


def test_cookies_are_out_of_reach(browse: MakeBrowser) -> None:
    """Both cookies go to this host only, with TLS only, to no script, and with no request of another site."""
    browser = browse()
    form = Reader(browser.get("/login").text).form("/login")
    answer = browser.ask("POST", BASE + "/login", _body(form.with_values(account="a", password="b")), _SENT)
    names = [cookie.partition("=")[0] for cookie in answer.cookies]
    assert names == [COOKIE, LOGIN_COOKIE]
    for cookie in answer.cookies:
        assert {"HttpOnly", "Path=/", "SameSite=strict", "Secure"} <= set(cookie.split("; "))
        assert "domain" not in cookie.lower()


def test_the_login_form_cannot_be_forged(browse: MakeBrowser) -> None:
    """A login with another token than the one of the form's own cookie logs nobody in."""
    browser = browse()
    browser.get("/login")
    for token in ("", "f" * 64, browser.csrf):
        answer = browser.post("/login", {"account": "evil", "password": "x"}, csrf=token)
        assert COOKIE not in "".join(answer.cookies).replace(LOGIN_COOKIE, "")
    assert "login" not in browser.helper.verbs()


@pytest.mark.parametrize(("kind", "status"), [(wire.LOGIN, 403), (wire.LIMITED, 429)])
def test_a_login_that_fails_says_why(browse: MakeBrowser, kind: str, status: int) -> None:
    """A wrong password, and too many of them, show the form again with the reason, and no cookie of a session."""

    def refuse(_arguments: dict[str, Any]) -> Any:
        raise FaultError(kind, "The name or the password is wrong.", retry_after=90)

    browser = browse({"login": refuse})
    form = Reader(browser.get("/login").text).form("/login")
    answer = browser.ask("POST", BASE + "/login", _body(form.with_values(account="<i>", password="secret-word")), _SENT)
    assert answer.status == status
    assert "secret-word" not in answer.text
    assert [cookie for cookie in answer.cookies if cookie.startswith(COOKIE + "=")] == []
    assert ("2 minutes" in answer.words) == (kind == wire.LIMITED)
    assert answer.headers.get("retry-after") == ("90" if kind == wire.LIMITED else None)


_OUTSIDE = [
    "//evil.example/",
    "https://evil.example/",
    "/\\evil.example",
    "/server-manager/..//evil.example",
    "",
    "/etc",
]
_OUTSIDE += ["/server-managerx", "/server-manager/\r\nset-cookie: a=b", "javascript:alert(1)", "\t/server-manager/"]
_OUTSIDE += ["/server-manager//evil.example", "/server-manager/%0d\n", "/server-manager/\u2028"]


@pytest.mark.parametrize("address", _OUTSIDE)
def test_the_way_on_stays_inside(address: str) -> None:
    """After the login a browser goes to one of our pages, whatever it brought."""
    assert inside(address) == BASE + "/"


def test_addresses_of_pages_are_inside() -> None:
    """Our own addresses are taken, also with a query and with what was quoted."""
    for address in (BASE, BASE + "/", BASE + "/jobs", BASE + "/panel/a/b?section=c%20d&x=%2F", BASE + "?x=1"):
        assert inside(address) == address


def test_a_body_may_be_so_long(browser: Browser) -> None:
    """What is posted is counted while it comes; too much, too many values, and other kinds are refused."""
    browser.helper.asked.clear()
    assert browser.post("/session", {"x": "a" * (MOST_BODY - 200)}).status == 200
    assert browser.post("/session", {"x": "a" * MOST_BODY}).status == 413
    assert browser.post("/session", headers={"content-type": "application/json"}).status == 415
    assert browser.post("/session", headers={"content-type": "multipart/form-data; boundary=x"}).status == 415
    many = b"&".join([b"a=b"] * 30_000)
    assert browser.ask("POST", BASE + "/session", many, _SENT).status == 400
    assert browser.ask("POST", BASE + "/session", b"\xff=\xfe", _SENT).status == 400
    assert browser.ask("GET", BASE + "/jobs", b"x", {"content-length": "1"}).status == 400
    assert browser.ask("GET", BASE + "/jobs", b"x", {"transfer-encoding": "chunked"}).status == 400


def test_methods_and_addresses_that_are_not_there(browser: Browser) -> None:
    """Addresses and methods that do not exist get a page that says so."""
    assert browser.get("/apply").status == 405
    assert browser.ask("DELETE", BASE + "/jobs", b"", {}).status == 405
    assert browser.get("/static/../app.py").status == 404
    assert browser.ask("GET", BASE + "/static/%2e%2e/app.py", b"", {}).status == 404
    assert browser.ask("GET", "/etc/passwd", b"", {}).status == 404


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (wire.BUSY, 503), (wire.LIMITED, 429), (wire.NOT_FOUND, 404), (wire.BAD_REQUEST, 400), (wire.FAILED, 422),
        (wire.REFUSED, 422), (wire.CONFLICT, 409), (wire.INTERNAL, 500), ("a new kind", 500),
    ],
)  # fmt: skip
def test_errors_of_the_helper_are_pages(browse: MakeBrowser, kind: str, status: int) -> None:
    """Each kind of error is a page with message, place and cure, but for faults of ours, which show no details."""

    def fail(_arguments: dict[str, Any]) -> Any:
        raise FaultError(kind, "It went <wrong>.", place="here, line 3", hint="do that")

    page = browse({"jobs": fail}).get("/jobs")
    assert page.status == status
    for text in ("It went <wrong>.", "here, line 3", "do that"):
        assert (text in page.words) == (status != 500)
    assert ("retry-after" in page.headers) == (status in (429, 503))


def test_the_menu_is_asked_for_once(browse: MakeBrowser) -> None:
    """The navigation is remembered from page to page, and asked for again when something of it is not there."""

    def lost(_arguments: dict[str, Any]) -> Any:
        raise FaultError(wire.NOT_FOUND, "There is no such panel.")

    browser = browse({"panel": lost})
    for path in ("/jobs", "/jobs", "/panel/configuration/gone", "/jobs"):
        browser.get(path)
    asked = [verb for verb in browser.helper.verbs() if verb in ("navigation", "panel")]
    assert asked == ["navigation", "panel", "navigation"]


def test_a_helper_that_is_being_started_is_waited_for(browse: MakeBrowser) -> None:
    """A page that is asked for between the end of a helper and the start of the next one comes."""
    browser = browse()
    browser.run(browser.helper.stop())
    browser.loop.call_later(0.1, lambda: browser.loop.create_task(browser.helper.start()))
    assert browser.get("/jobs").status == 200


def test_without_a_helper_there_is_a_page(browse: MakeBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the helper does not run, the page says so, and how it is started."""
    monkeypatch.setattr(client, "START_SECONDS", 0.1)
    browser = browse()
    browser.run(browser.helper.stop())
    page = browser.get("/jobs")
    assert page.status == 503
    assert "smanager-helper" in page.words


def test_no_get_changes_anything(browse: MakeBrowser) -> None:
    """No GET asks for a verb that changes something."""
    browser = browse()
    for path in _GETS:
        browser.get(path)
    changing = {"apply", "confirm", "take-back", "logout", "logout-everywhere", "login"}
    assert changing.isdisjoint(browser.helper.verbs())
