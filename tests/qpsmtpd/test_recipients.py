"""check_goodrcptto: who is a recipient."""

from __future__ import annotations

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import needs_qpsmtpd

pytestmark = needs_qpsmtpd

GOOD = ["tom@example.com", "Sales-Team@example.com", "@test.com", "tom@[192.0.2.1]", "postmaster"]
LOCAL, OUTSIDE = "127.0.5.1", "127.0.2.2"


@pytest.mark.parametrize(
    ("recipient", "source", "code"),
    [
        pytest.param("tom@example.com", OUTSIDE, 250, id="listed"),
        pytest.param("TOM@Example.COM", OUTSIDE, 250, id="in capitals"),
        pytest.param("nobody@example.com", OUTSIDE, 550, id="unknown"),
        pytest.param("nobody@example.com", LOCAL, 550, id="unknown to a colleague as well"),
        pytest.param("anyone@test.com", OUTSIDE, 250, id="whole domain"),
        pytest.param("tom-list-owner@example.com", OUTSIDE, 250, id="extension"),
        pytest.param("sales-team@example.com", OUTSIDE, 250, id="a name with the character"),
        pytest.param("sales-team-2024@example.com", OUTSIDE, 250, id="extension of such a name"),
        pytest.param("sales@example.com", OUTSIDE, 550, id="beginning of such a name"),
        pytest.param("-tom@example.com", OUTSIDE, 550, id="nothing before the character"),
        pytest.param("tom@[192.0.2.1]", OUTSIDE, 250, id="literal that is ours"),
        pytest.param("sales-team@[192.0.2.1]", OUTSIDE, 550, id="unknown at a literal that is ours"),
        pytest.param("friend@elsewhere.net", LOCAL, 250, id="relayed"),
        pytest.param("friend@elsewhere.net", OUTSIDE, 550, id="relaying denied"),
        pytest.param("postmaster", OUTSIDE, 250, id="postmaster"),
    ],
)
def test_takes_only_listed_recipients_of_local_domains(serve: Serve, recipient: str, source: str, code: int) -> None:
    """A recipient of a local domain is taken if goodrcptto has it; other domains are left to rcpt_ok."""
    rcpthosts = ["example.com", "test.com", "[192.0.2.1]"]
    daemon = serve("check_goodrcptto extn -", files={"goodrcptto": GOOD, "rcpthosts": rcpthosts})
    assert daemon.send(recipients=[recipient], source=source).code == code


def test_postmaster_is_a_recipient_like_others(serve: Serve) -> None:
    """The address without a domain is taken only where goodrcptto has it: nobody would get the mail."""
    daemon = serve("check_goodrcptto extn -", files={"goodrcptto": GOOD[:-1]})
    assert daemon.send(recipients=["postmaster"]).code == 550


@pytest.mark.parametrize("files", [{}, {"goodrcptto": []}, {"goodrcptto": ["# nobody yet"]}])
def test_without_recipients_mail_waits(serve: Serve, files: dict[str, list[str]]) -> None:
    """If it cannot be known who exists, local recipients are asked for again later; relaying goes on."""
    daemon = serve("check_goodrcptto extn -", files=files)
    assert daemon.send().code == 450
    assert daemon.send(recipients=["friend@elsewhere.net"], source=LOCAL).taken
    assert "goodrcptto is missing or empty" in daemon.log()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("check_goodrcptto extn", "arguments come in pairs"),
        ("check_goodrcptto extn --", "extn is one character"),
        ("check_goodrcptto extra x", "unknown argument extra"),
    ],
)
def test_wrong_arguments_are_reported(serve: Serve, line: str, complaint: str) -> None:
    """Arguments that make no sense are named in the log, and names are then taken as they are."""
    daemon = serve(line, files={"goodrcptto": GOOD})
    assert daemon.send().taken
    assert not daemon.send(recipients=["tom-list@example.com"]).taken
    daemon.wait_for_log(complaint)
