"""check_smtp_forward: the server that delivers a domain knows its recipients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import needs_qpsmtpd
from tests.qpsmtpd.inner import InnerServer

pytestmark = needs_qpsmtpd

LOCAL, OUTSIDE = "127.0.5.1", "127.0.2.2"
ANSWERS = {"jack@test.com": "250 ok", "full@test.com": "452 mailbox full", "jack@branch.test.com": "250 ok"}
LINE = "check_smtp_forward timeout 1"
Inner = Callable[..., InnerServer]


@pytest.fixture
def inner() -> Iterator[Inner]:
    """Return a function that starts an inner server."""
    started = []

    def start(**how: str | float | None) -> InnerServer:
        started.append(InnerServer(ANSWERS, **how))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.mark.parametrize(
    ("recipient", "source", "code", "text"),
    [
        pytest.param("jack@test.com", OUTSIDE, 250, "", id="known"),
        pytest.param("Jack@Test.com", OUTSIDE, 250, "", id="in capitals"),
        pytest.param("nobody@test.com", OUTSIDE, 550, "nobody of that name", id="unknown"),
        pytest.param("nobody@test.com", LOCAL, 550, "nobody of that name", id="unknown to a colleague as well"),
        pytest.param("full@test.com", OUTSIDE, 450, "try again later", id="later, to a server"),
        pytest.param("full@test.com", LOCAL, 250, "", id="later, to a colleague"),
        pytest.param("anyone@example.com", OUTSIDE, 250, "", id="delivered here"),
        pytest.param("jack@branch.test.com", OUTSIDE, 250, "", id="subdomain"),
        pytest.param("nobody@branch.test.com", OUTSIDE, 550, "nobody", id="unknown in a subdomain"),
        pytest.param("friend@elsewhere.net", LOCAL, 250, "", id="routed, but not local"),
    ],
)
def test_inner_server_decides(serve: Serve, inner: Inner, recipient: str, source: str, code: int, text: str) -> None:
    """A recipient is taken or refused as the server of its domain does, in its words."""
    server = f"127.0.0.1:{inner().port}"
    routes = [f"test.com:{server}", f".test.com:[127.0.0.1]:{server[10:]}", f"elsewhere.net:{server}", ":127.0.0.9"]
    hosts = ["example.com", "test.com", ".test.com"]
    daemon = serve(LINE, files={"smtproutes": routes, "rcpthosts": hosts})
    sent = daemon.send(recipients=[recipient], source=source)
    assert sent.code == code
    assert text in sent.text


def test_an_address_delivered_here_is_not_asked_about(serve: Serve, inner: Inner) -> None:
    """A pseudonym takes the mail of one address of another server's domain: that server need not know it."""
    routes = [f"test.com:127.0.0.1:{inner().port}"]
    daemon = serve(LINE, files={"smtproutes": routes, "virtualdomains": ["Boss@test.com:john", "example.com:x"]})
    assert daemon.send(recipients=["boss@Test.com"]).taken
    assert daemon.send(recipients=["boss-x@test.com"]).code == 550


def test_question_repeats_the_envelope(serve: Serve, inner: Inner) -> None:
    """The inner server hears our name, the sender, the recipient, and no message."""
    server = inner()
    daemon = serve(LINE, files={"smtproutes": [f"test.com:127.0.0.1:{server.port}"]})
    assert daemon.send(recipients=["jack@test.com"]).taken
    assert server.heard == [
        "EHLO mail.example.com",
        "MAIL FROM:<someone@sender.org>",
        "RCPT TO:<jack@test.com>",
        "QUIT",
    ]


def test_refused_sender_is_refused(serve: Serve, inner: Inner) -> None:
    """If the inner server takes nothing from that sender, the recipient is refused in its words."""
    daemon = serve(LINE, files={"smtproutes": [f"test.com:127.0.0.1:{inner().port}"]})
    sent = daemon.send("spammer@sender.org", ["jack@test.com"])
    assert (sent.code, "not from you" in sent.text) == (550, True)


def test_bounces_are_asked_for_with_the_empty_sender(serve: Serve, inner: Inner) -> None:
    """The empty sender of a bounce is passed on as it is."""
    server = inner()
    daemon = serve(LINE, files={"smtproutes": [f"test.com:127.0.0.1:{server.port}"]})
    assert daemon.send("", ["jack@test.com"]).taken
    assert "MAIL FROM:<>" in server.heard


FAILURES: dict[str, dict[str, str | float | None]] = {
    "slow": {"delay": 0.6},
    "silent": {"greeting": None},
    "not today": {"greeting": "421 not today"},
    "closed for good": {"greeting": "554 go away"},
    "hangs up": {"breaks": "RCPT"},
}


@pytest.mark.parametrize("how", FAILURES.values(), ids=FAILURES)
def test_unreachable_server_loses_no_mail(serve: Serve, inner: Inner, how: dict[str, str | float | None]) -> None:
    """Without an answer, servers are asked to come back, and the mail of users, who would not, is taken."""
    daemon = serve(LINE, files={"smtproutes": [f"test.com:127.0.0.1:{inner(**how).port}"]})
    assert daemon.send(recipients=["nobody@test.com"], source=OUTSIDE).code == 450
    assert daemon.send(recipients=["nobody@test.com"], source=LOCAL).code == 250


@pytest.mark.parametrize(("words", "code"), [("unreachable accept", 250), ("unreachable defer", 450)])
def test_argument_says_what_to_do_without_an_answer(serve: Serve, inner: Inner, words: str, code: int) -> None:
    """With "unreachable accept" or "defer" it makes no difference who sends."""
    server = inner(greeting="421 not today")
    daemon = serve(f"{LINE} {words}", files={"smtproutes": [f"test.com:127.0.0.1:{server.port}"]})
    for source in (OUTSIDE, LOCAL):
        assert daemon.send(recipients=["nobody@test.com"], source=source).code == code


def test_nobody_listening_loses_no_mail(serve: Serve, inner: Inner) -> None:
    """A server that is down counts as one that does not answer."""
    server = inner()
    daemon = serve(LINE, files={"smtproutes": [f"test.com:127.0.0.1:{server.port}"]})
    server.close()
    assert daemon.send(recipients=["jack@test.com"]).code == 450
    assert daemon.send(recipients=["jack@test.com"], source=LOCAL).code == 250


def test_wrong_arguments_are_reported_and_replaced(serve: Serve, inner: Inner) -> None:
    """Arguments that make no sense are named in the log; the check works with the defaults."""
    routes = [f"test.com:127.0.0.1:{inner().port}"]
    daemon = serve("check_smtp_forward timeout soon unreachable maybe else x", files={"smtproutes": routes})
    assert daemon.send(recipients=["nobody@test.com"]).code == 550
    for word in ("timeout soon", "unreachable maybe", "unknown argument else"):
        daemon.wait_for_log(word)
