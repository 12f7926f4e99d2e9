"""bcc: copies of mail."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import needs_qpsmtpd, text_message

pytestmark = needs_qpsmtpd

LOCAL, OUTSIDE = "127.0.5.1", "127.0.2.2"
ARCHIVE = "archive@example.com"


@pytest.mark.parametrize(
    ("line", "copied_outgoing", "copied_incoming", "shown"),
    [
        pytest.param("bcc mode cc all archive@example.com", True, True, True, id="cc"),
        pytest.param("bcc mode bcc all archive@example.com", True, True, False, id="bcc"),
        pytest.param("bcc mode bcc outgoing archive@example.com", True, False, False, id="outgoing"),
        pytest.param("bcc mode bcc incoming archive@example.com", False, True, False, id="incoming"),
        pytest.param("bcc archive@example.com", True, True, True, id="defaults"),
    ],
)
def test_copies_as_configured(
    serve: Serve, line: str, copied_outgoing: bool, copied_incoming: bool, shown: bool
) -> None:
    """The mail that the line names is copied, and a header field shows it only with cc."""
    daemon = serve(line)
    assert daemon.send(source=LOCAL).taken
    assert daemon.send(source=OUTSIDE).taken
    for queued, copied in zip(daemon.queued(), (copied_outgoing, copied_incoming), strict=True):
        assert queued.recipients == ["tom@example.com", *([ARCHIVE] if copied else [])]
        assert queued.message.get_all("X-Copied-To") == ([ARCHIVE] if copied and shown else None)


@pytest.mark.parametrize(
    ("locals_", "domain"),
    [
        pytest.param(["localhost"], "localhost", id="delivered by qmail itself"),
        pytest.param(["mail.example.com"], "example.com", id="default domain"),
    ],
)
def test_local_account_gets_a_domain(serve: Serve, locals_: Sequence[str], domain: str) -> None:
    """The name of an account becomes an address that is delivered here."""
    daemon = serve("bcc mode cc all maillog", files={"locals": locals_, "defaultdomain": ["example.com"]})
    assert daemon.send().taken
    assert daemon.only().recipients[1:] == [f"maillog@{domain}"]
    assert daemon.only().message["X-Copied-To"] == "maillog"


def test_nobody_gets_a_message_twice(serve: Serve) -> None:
    """What goes to the address anyway is not copied there."""
    daemon = serve("bcc mode cc all archive@example.com")
    assert daemon.send(recipients=["tom@example.com", "Archive@example.com"]).taken
    assert daemon.only().recipients == ["tom@example.com", "Archive@example.com"]
    assert "X-Copied-To" not in daemon.only().message


def test_refused_mail_is_not_copied(serve: Serve) -> None:
    """A message that a later plugin refuses reaches nobody."""
    daemon = serve("bcc mode cc all archive@example.com", "headers require From,Date")
    assert not daemon.send(message=text_message(headers={"Date": None})).taken
    assert daemon.queued() == []


def test_copy_is_no_second_recipient_for_checks(serve: Serve) -> None:
    """Checks see the recipients that the sender named: a bounce still goes to one."""
    daemon = serve("bcc mode cc all archive@example.com", "bogus_bounce reject 1")
    assert daemon.send("").taken
    assert daemon.only().recipients == ["tom@example.com", ARCHIVE]


@pytest.mark.parametrize(
    "line",
    [
        "bcc mode secret all archive@example.com",
        "bcc mode cc all",
        "bcc all a@example.com b@example.com",
        "bcc all a@@",
    ],
)
def test_mail_never_gets_past_a_broken_copy(serve: Serve, line: str) -> None:
    """With arguments that make no sense, mail is asked for again later, and the log says why."""
    daemon = serve(line)
    assert daemon.send().code == 452
    daemon.wait_for_log("bcc: fail, ")
    assert daemon.queued() == []
