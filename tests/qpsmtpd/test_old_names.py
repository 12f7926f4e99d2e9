"""The names that plugins had before qpsmtpd 0.90, as people have them in their own fragments."""

from __future__ import annotations

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import needs_qpsmtpd, text_message
from tests.qpsmtpd.dns import FakeDNS

pytestmark = needs_qpsmtpd

NO_DATE = text_message(headers={"Date": None})
OLD = text_message(headers={"Date": "Mon, 1 Jan 2001 12:00:00 +0000"})
FINE = text_message()
FROM_TO = {"badmailfromto": ["someone@sender.org\ttom@example.com"]}


@pytest.mark.parametrize(
    ("line", "files", "message", "stage", "code"),
    [
        pytest.param("check_badmailfrom", {"badmailfrom": ["@sender.org"]}, FINE, "mail", 550, id="badmailfrom"),
        pytest.param("check_badmailfrom", {"badmailfrom": ["@other.org"]}, FINE, "data", 250, id="not badmailfrom"),
        pytest.param("check_badmailfrom reject 0", {"badmailfrom": ["@sender.org"]}, FINE, "data", 250, id="arguments"),
        pytest.param("check_badrcptto", {"badrcptto": ["tom@example.com"]}, FINE, "rcpt", 550, id="badrcptto"),
        pytest.param("check_badmailfromto", FROM_TO, FINE, "rcpt", 550, id="badmailfromto"),
        pytest.param("check_basicheaders", {}, NO_DATE, "data", 552, id="no date"),
        pytest.param("check_basicheaders", {}, FINE, "data", 250, id="all headers"),
        pytest.param("check_basicheaders", {}, OLD, "data", 250, id="old date"),
        pytest.param("check_basicheaders days 7", {}, OLD, "data", 552, id="too old a date"),
        pytest.param("check_basicheaders 7", {}, OLD, "data", 552, id="days alone"),
        pytest.param("check_basicheaders days", {}, NO_DATE, "data", 552, id="half an argument"),
        pytest.param("check_basicheaders reject_type temp", {}, NO_DATE, "data", 452, id="new arguments"),
    ],
)
def test_old_name_does_what_the_new_one_does(
    serve: Serve, line: str, files: dict[str, list[str]], message: str, stage: str, code: int
) -> None:
    """A list of plugins with an old name loads, and mail is refused as it used to be."""
    sent = serve(line, files=files).send(message=message)
    assert (sent.stage, sent.code) == (stage, code)


def test_pair_blocks_only_the_pair(serve: Serve) -> None:
    """check_badmailfromto lets the sender write to others, and others write to the recipient."""
    daemon = serve("check_badmailfromto", files=FROM_TO)
    sent = daemon.send(recipients=["tom@example.com", "jack@example.com"])
    assert (sent.taken, list(sent.refused)) == (True, ["tom@example.com"])
    assert daemon.send("other@sender.org").taken


def test_pair_without_a_tab_is_reported(serve: Serve) -> None:
    """qpsmtpd passes over pairs with blanks between them; the log says so."""
    daemon = serve("check_badmailfromto", files={"badmailfromto": ["someone@sender.org tom@example.com"]})
    assert daemon.send().taken
    daemon.wait_for_log("no tab between two addresses in 'someone@sender.org tom@example.com'")


@pytest.mark.parametrize(
    ("sender", "files", "code"),
    [
        pytest.param("a@sender.org", {}, 250, id="resolvable"),
        pytest.param("a@nowhere.org", {}, 450, id="not resolvable"),
        pytest.param("a@nowhere.org", {"require_resolvable_fromhost": ["1"]}, 450, id="turned on"),
        pytest.param("a@nowhere.org", {"require_resolvable_fromhost": ["0"]}, 250, id="turned off"),
    ],
)
def test_senders_have_to_be_resolvable(serve: Serve, sender: str, files: dict[str, list[str]], code: int) -> None:
    """require_resolvable_fromhost refuses senders without a mail server, unless its file turns it off."""
    assert serve("require_resolvable_fromhost", files=files).send(sender).code == code


@pytest.mark.parametrize(
    ("line", "record", "stage", "code"),
    [
        pytest.param("sender_permitted_from spf_deny 1", "v=spf1 -all", "mail", 550, id="fail"),
        pytest.param("sender_permitted_from spf_deny 1", "v=spf1 ~all", "mail", 450, id="softfail"),
        pytest.param("sender_permitted_from spf_deny 2", "v=spf1 ~all", "mail", 550, id="softfail, stricter"),
        pytest.param("sender_permitted_from spf_deny 1", "v=spf1 ip4:127.0.2.2 -all", "data", 250, id="pass"),
        pytest.param("sender_permitted_from spf_deny 0", "v=spf1 -all", "data", 250, id="only noted"),
    ],
)
def test_spf_line_of_the_page_still_refuses(
    serve: Serve, dns: FakeDNS, line: str, record: str, stage: str, code: int
) -> None:
    """The legacy spf_deny argument of sender_permitted_from works with this qpsmtpd."""
    dns.add("sender.org", "TXT", record)
    sent = serve(line).send()
    assert (sent.stage, sent.code) == (stage, code)


FAIL, SOFTFAIL, NEUTRAL, ERROR = "v=spf1 -all", "v=spf1 ~all", "v=spf1 ?all", "v=spf1 nonsense"


@pytest.mark.parametrize(
    ("level", "record", "code"),
    [
        ("0", FAIL, 250),
        ("1", FAIL, 552),
        ("1", SOFTFAIL, 250),
        ("2", SOFTFAIL, 552),
        ("2", NEUTRAL, 250),
        ("3", NEUTRAL, 552),
        ("3", ERROR, 250),
        ("3", None, 250),
        ("4", ERROR, 552),
        ("4", None, 552),
        ("4", "v=spf1 ip4:127.0.2.2 -all", 250),
        ("much", FAIL, 250),
    ],
)
def test_spf_policy_refuses_by_level(serve: Serve, dns: FakeDNS, level: str, record: str | None, code: int) -> None:
    """spf_policy refuses what its level names, of domains without a DMARC policy."""
    if record:
        dns.add("sender.org", "TXT", record)
    assert serve("sender_permitted_from reject 1", f"spf_policy {level}").send().code == code


@pytest.mark.parametrize("address", ["someone@sender.org", "<someone@news.sender.org>"])
def test_dmarc_policy_goes_before_spf_policy(serve: Serve, dns: FakeDNS, address: str) -> None:
    """A domain with a DMARC policy, even "none", is left to the dmarc plugin, and so are its subdomains."""
    dns.add("sender.org", "TXT", FAIL)
    dns.add("_dmarc.sender.org", "TXT", "v=DMARC1; p=none")
    daemon = serve("sender_permitted_from reject 1", "spf_policy 4")
    assert daemon.send(message=text_message(headers={"From": address})).taken
    assert not daemon.send(message=text_message(headers={"From": "x@elsewhere.net"})).taken
