"""Attacks over HTTP against the real processes, each of them tried."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.commands import Root
from tests.manager.browser.compared import databases
from tests.manager.browser.conftest import QUICK
from tests.manager.browser.site import ACCOUNT, PASSWORD, Site
from tests.manager.browser.visitor import COOKIE, Visitor

BASE = "/server-manager"
#: A page of each kind.
PAGES = (
    "/",
    "/panel/configuration/email",
    "/panel/collaboration/users",
    "/panel/collaboration/users/new",
    "/panel/collaboration/users/record/tom",
    "/jobs",
    "/changes",
    "/changes/1",
    "/generations",
    "/generations/1",
    "/services",
    "/health",
    "/settings",
    "/settings/configuration",
    "/settings/configuration/record?key=qpsmtpd",
    "/search?q=spam",
    "/sessions",
)
#: What changes something, or reads what is not for everybody.
POSTS = (
    "/session",
    "/logout-everywhere",
    "/panel/configuration/email/preview",
    "/panel/collaboration/users/record/tom/delete",
    "/preview/checks",
    "/apply",
    "/confirm",
    "/take-back",
    "/changes/1/undo",
    "/generations/1/rollback",
    "/services/qpsmtpd/stop",
    "/health/cure",
)
#: What leads out of a folder, in the spellings in which it was overlooked elsewhere.
TRAVERSALS = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%252e%252e%252fetc%252fpasswd",
    "....//....//etc/passwd",
    "..%5c..%5cetc%5cpasswd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "%00/etc/passwd",
    "x%00.jsonl",
    "%c0%ae%c0%ae/etc/passwd",
    "%ff%fe",
    "x%0d%0aSet-Cookie:%20a=b",
)
#: Where the parts of an address stand.
PARTS = (
    "/{}",
    "/static/{}",
    "/panel/{}/email",
    "/panel/configuration/{}",
    "/panel/configuration/email?section={}",
    "/panel/collaboration/users/record/{}",
    "/job/{}",
    "/job/{}/stream",
    "/changes/{}",
    "/generations/{}",
    "/settings/{}",
    "/settings/configuration/record?key={}",
    "/search?q={}",
    "/login?next={}",
)


@pytest.fixture(scope="module")
def _cookies(site: Site) -> dict[str, str]:
    visitor = Visitor(site.address)
    reply = visitor.log_in()
    assert reply.status == 303, reply.text
    return visitor.cookies


@pytest.fixture
def visitor(site: Site, _cookies: dict[str, str]) -> Visitor:
    """Somebody with the session of the administrator."""
    return Visitor(site.address, dict(_cookies))


def _is_sent_away(status: int, headers: dict[str, str]) -> bool:
    return status in (303, 401, 403) and headers.get("location", BASE + "/login").startswith(BASE + "/login")


@pytest.mark.parametrize("cookie", ["", "x" * 43, "../../etc/passwd", "a" * 5000, '"', "{{7*7}}"])
def test_no_session(site: Site, site_root: Root, cookie: str) -> None:
    """Without a session, or with a made-up one, each page leads to the login, and each form changes nothing."""
    before = databases(site_root)
    visitor = Visitor(site.address, {COOKIE: cookie} if cookie else {})
    for page in PAGES:
        reply = visitor.get(BASE + page)
        assert _is_sent_away(reply.status, reply.headers), (page, reply.status)
        assert "qpsmtpd" not in reply.text and "tom" not in reply.text
    for page in POSTS:
        reply = visitor.post(BASE + page, {"csrf": "x", "operation": "{}"})
        # A form that was sent after the end of a session is carried by the login form.
        is_login = reply.status == 200 and 'name="password"' in reply.text and "current-password" in reply.text
        assert is_login or _is_sent_away(reply.status, reply.headers) or reply.status in (404, 405), (page, reply)
    assert databases(site_root) == before


def test_the_token_of_another_session(site: Site) -> None:
    """The token of a form counts with the session it was made for only."""
    one, other = Visitor(site.address), Visitor(site.address)
    assert one.log_in().status == other.log_in().status == 303
    token = one.token(QUICK)
    assert token != other.token(QUICK)
    assert other.post(BASE + "/logout", {"csrf": token}).status == 403
    assert other.get(QUICK).status == 200


def test_an_old_session(site: Site) -> None:
    """A session that was ended does not come to life again, neither by its cookie nor by another login."""
    visitor = Visitor(site.address)
    assert visitor.log_in().status == 303
    cookie = visitor.cookies[COOKIE]
    token = visitor.token(QUICK)
    assert visitor.post(BASE + "/logout", {"csrf": token}).status == 303
    again = Visitor(site.address, {COOKIE: cookie})
    assert _is_sent_away(*_status(again))
    assert Visitor(site.address).log_in().status == 303
    assert _is_sent_away(*_status(again))


def _status(visitor: Visitor) -> tuple[int, dict[str, str]]:
    reply = visitor.get(QUICK)
    return reply.status, reply.headers


def test_a_login_makes_a_session_of_its_own(site: Site) -> None:
    """A session that somebody else planted in the browser is not the one that a login gives (session fixation)."""
    planted = "A" * 43
    visitor = Visitor(site.address, {COOKIE: planted})
    assert visitor.log_in().status == 303
    assert visitor.cookies[COOKIE] != planted
    assert _is_sent_away(*_status(Visitor(site.address, {COOKIE: planted})))


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        ("none", {}),
        ("wrong", {}),
        ("good", {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}),
        ("good", {"Origin": "https://evil.example", "Sec-Fetch-Site": ""}),
        ("good", {"Origin": "null", "Sec-Fetch-Site": "cross-site"}),
        ("good", {"Origin": "null", "Sec-Fetch-Site": ""}),
        ("good", {"Origin": "", "Sec-Fetch-Site": "cross-site"}),
        ("good", {"Origin": "", "Sec-Fetch-Site": "same-site"}),
        ("good", {"Origin": "", "Sec-Fetch-Site": ""}),
        ("good", {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": ""}),
    ],
)
def test_forged_requests(visitor: Visitor, token: str, headers: dict[str, str]) -> None:
    """A form without the token of the session, or from another site, is refused, and the session goes on."""
    good = visitor.token(QUICK)
    values = {"none": {}, "wrong": {"csrf": "0" * len(good)}, "good": {"csrf": good}}[token]
    for page in POSTS:
        reply = visitor.post(BASE + page, dict(values), headers)
        assert reply.status in (403, 404, 405), (page, reply.status, reply.text[:500])
    assert visitor.get(QUICK).status == 200


def test_a_login_from_another_site(site: Site) -> None:
    """Another site cannot log the browser in as somebody else: the login form has a token and an origin, too."""
    values = {"account": ACCOUNT, "password": PASSWORD}
    visitor = Visitor(site.address)
    visitor.post(BASE + "/login", values)
    assert COOKIE not in visitor.cookies
    token = visitor.token(BASE + "/login")
    origin = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    visitor.post(BASE + "/login", {**values, "csrf": token}, origin)
    assert COOKIE not in visitor.cookies


def test_what_changes_is_not_done_by_a_link(visitor: Visitor, site_root: Root) -> None:
    """GET changes nothing, wherever a form is posted to."""
    before = databases(site_root)
    for page in POSTS:
        assert visitor.get(BASE + page).status in (200, 303, 400, 404, 405), page
    assert databases(site_root) == before
    assert visitor.get(QUICK).status == 200


@pytest.mark.parametrize("part", PARTS)
def test_paths_that_lead_elsewhere(visitor: Visitor, part: str) -> None:
    """No part of an address leads to a file of the machine, adds a header, or makes a fault of the program."""
    for traversal in TRAVERSALS:
        reply = visitor.get(BASE + part.format(traversal))
        assert reply.status in (200, 303, 400, 404, 405), (part, traversal, reply.status)
        assert "root:x:0" not in reply.text
        assert "a" not in visitor.cookies
        location = reply.headers.get("location", BASE)
        assert location.startswith(BASE), (part, traversal, location)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/server-manager/../x",
        "/server-manager//evil.example",
    ],
)
def test_the_login_leads_nowhere_else(site: Site, target: str) -> None:
    """What a link asks to be opened after the login is a page of this site, or the first page."""
    visitor = Visitor(site.address)
    token = visitor.token(BASE + "/login")
    values = {"csrf": token, "account": ACCOUNT, "password": PASSWORD, "next": target}
    reply = visitor.post(BASE + "/login", values)
    assert (reply.status, reply.headers["location"]) == (303, BASE + "/")


def test_each_answer_has_the_headers(visitor: Visitor) -> None:
    """Pages, faults, redirections and files have the policy and the other headers, and do not say what serves them."""
    for page in (*PAGES, "/login", "/nothing", "/job/nothing", "/static/nothing.js"):
        headers = visitor.get(BASE + page).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_the_cookie(visitor: Visitor, site: Site) -> None:
    """The cookie of a session is for this host, for TLS, for no script and for no other site."""
    other = Visitor(site.address)
    token = other.token(BASE + "/login")
    reply = other.post(BASE + "/login", {"csrf": token, "account": ACCOUNT, "password": PASSWORD})
    cookie = reply.headers["set-cookie"].lower()
    assert "domain" not in cookie
    for attribute in ("path=/", "secure", "httponly", "samesite=strict"):
        assert attribute in cookie
    assert len(visitor.cookies[COOKIE]) >= 32


def test_answers_of_a_wrong_login(site: Site) -> None:
    """A wrong password and a name that does not exist get the same answer."""
    wrong, nobody = Visitor(site.address).log_in(ACCOUNT, "wrong"), Visitor(site.address).log_in("nobody-here", "wrong")
    assert wrong.status == nobody.status == 403
    assert wrong.text.replace(ACCOUNT, "*").count("wrong") == nobody.text.replace("nobody-here", "*").count("wrong")


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /server-manager/ HTTP/1.1\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\xff\x16\x03\x01" * 100,
        b"GET /server-manager/login HTTP/1.1\r\nHost: x\r\nCookie: a=b\x00c\r\n\r\n",
        b"POST /server-manager/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /server-manager/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nfffffffffff\r\n",
    ],
    ids=["header", "address", "version", "bytes", "nul", "negative", "two-lengths", "smuggled"],
)
def test_requests_that_are_none(site: Site, visitor: Visitor, raw: bytes) -> None:
    """What is no request, or an endless one, is refused or closed, and the panel goes on."""
    answer = Visitor(site.address).send(raw)
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert b"Traceback" not in answer
    assert visitor.get(QUICK).status == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_long(visitor: Visitor, chunked: bool) -> None:
    """A body of more than 256 KiB is refused, whether its length comes first or not."""
    token = visitor.token(QUICK)
    start = f"POST {BASE}/apply HTTP/1.1\r\nHost: {visitor.host}\r\nOrigin: {visitor.address}\r\n"
    start += f"Cookie: {COOKIE}={visitor.cookies[COOKIE]}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    start += "Connection: close\r\n"
    body = f"csrf={token}&x=".encode() + b"a" * 3_000_000
    if chunked:
        raw = start.encode() + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    else:
        raw = start.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
    answer = visitor.send(raw)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 "), answer[:300]
    assert visitor.get(QUICK).status == 200


def test_many_who_send_nothing(visitor: Visitor) -> None:
    """Forty connections that begin a request and do not go on keep nobody from the panel."""
    host, _, port = visitor.host.rpartition(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(40)]
    try:
        for sock in idle:
            sock.sendall(b"GET /server-manager/ HTTP/1.1\r\nHost: x\r\nX-")
        assert visitor.get(QUICK).status == 200
    finally:
        for sock in idle:
            sock.close()


def test_many_at_once(visitor: Visitor) -> None:
    """Sixty requests at once are answered, or refused as too many; none makes a fault, and the panel goes on."""
    with ThreadPoolExecutor(30) as pool:
        found = set(pool.map(lambda _: visitor.get(BASE + "/changes").status, range(60)))
    assert found <= {200, 429, 503}
    assert visitor.get(QUICK).status == 200
