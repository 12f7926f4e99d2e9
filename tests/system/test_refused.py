"""Settings that refuse mail: through SMTP, before and after the setting and ``signal-event email-update``."""

from __future__ import annotations

from tests.qpsmtpd.daemon import text_message
from tests.system.machine import needs_mail_system
from tests.system.mail import CONFIG, LOCAL, OTHER, OUTSIDE, MailSystem

pytestmark = needs_mail_system

REVERSED = ".".join(reversed(OUTSIDE.split(".")))


def test_dnsbl(mail: MailSystem) -> None:
    """A client on a block list is refused once DNSBL is enabled; other clients and the local network are not."""
    mail.dns.add(f"{REVERSED}.zen.spamhaus.org", "TXT", "listed for a test")
    mail.dns.add(f"{REVERSED}.zen.spamhaus.org", "A", "127.0.0.2")
    assert mail.send().taken
    mail.set("qpsmtpd", DNSBL="enabled")
    sent = mail.send()
    assert (sent.taken, "listed for a test" in sent.text) == (False, True)
    assert mail.send(source=OTHER, helo="mx.other.org").taken
    assert mail.send(source=LOCAL).taken


def test_rhsbl(mail: MailSystem) -> None:
    """A sender whose domain is on a block list is refused once RHSBL is enabled; others are not."""
    mail.dns.add("sender.org.dbl.spamhaus.org", "A", "127.0.1.2")
    mail.dns.add("sender.org.dbl.spamhaus.org", "TXT", "domain listed for a test")
    assert mail.send().taken
    mail.set("qpsmtpd", RHSBL="enabled")
    assert not mail.send().taken
    assert mail.send("someone@other.org").taken


def test_uribl(mail: MailSystem) -> None:
    """Mail that links to a listed domain is refused once URIBL is enabled, if the list is one that counts."""
    mail.dns.add("badlink.com.black.uribl.com", "A", "127.0.0.2")
    mail.dns.add("worselink.com.multi.surbl.org", "A", "127.0.0.64")
    mail.dns.add("oldlink.com.multi.surbl.org", "A", "127.0.0.4")
    links = {"badlink.com": False, "worselink.com": False, "oldlink.com": True, "goodlink.com": True}
    messages = {link: text_message(f"Buy at http://www.{link}/now\n") for link in links}
    assert [link for link, message in messages.items() if not mail.send(message=message).taken] == []
    mail.set("qpsmtpd", URIBL="enabled")
    assert {link: mail.send(message=message).taken for link, message in messages.items()} == links


def test_helo_policy(mail: MailSystem) -> None:
    """A greeting that does not fit the client is refused once the policy is strict."""
    assert mail.send(helo="winpc").taken
    mail.set("qpsmtpd", HeloPolicy="strict")
    sent = mail.send(helo="winpc")
    assert (sent.taken, "not fully qualified" in sent.text) == (False, True)
    assert mail.send().taken


def test_blocked_pair_of_the_page(mail: MailSystem) -> None:
    """The page's fragments for check_badmailfromto block the pair, and no other mail of either."""
    assert mail.send().taken
    fragment = mail.custom(f"{CONFIG}/plugins/31check_badmailfromto", "check_badmailfromto\n")
    assert fragment.exists()
    link = mail.path(f"/etc/e-smith/templates-custom{CONFIG}/peers/0/31check_badmailfromto")
    link.symlink_to("../../plugins/31check_badmailfromto")
    mail.custom("/var/qmail/control/badmailfromto/template-begin", "someone@sender.org\ttom@example.com\n")
    mail.machine.run("expand-template", "/var/qmail/control/badmailfromto")
    mail.signal()
    sent = mail.send(recipients=["tom@example.com", "jack@example.com"])
    assert (sent.taken, list(sent.refused)) == (True, ["tom@example.com"])
    assert mail.send("other@sender.org").taken


def test_largest_message(mail: MailSystem) -> None:
    """A message larger than MaxMessageSize is refused."""
    message = text_message("x" * 70 + "\n" * 3000)
    assert mail.send(message=message).taken
    mail.set("qmail", MaxMessageSize="2000")
    assert mail.send(message=message).code == 552
    assert mail.send().taken


def test_karma(mail: MailSystem) -> None:
    """With Karma, a client that guesses at recipients is shut out; others are not, nor is the client without it."""
    guesses = ["a@example.com", "b@example.com", "c@example.com", "d@example.com"]
    for _ in range(2):
        mail.send(recipients=guesses)
    assert mail.send().taken
    mail.set("qpsmtpd", Karma="enabled", KarmaNegative="1")
    assert mail.send().taken
    for _ in range(2):
        mail.send(recipients=guesses)
    assert not mail.send().taken, mail.log()
    assert mail.send(source=OTHER, helo="mx.other.org").taken


def test_load(mail: MailSystem) -> None:
    """Mail is put off, not refused for good, while the load is above MaxLoad."""
    mail.load(3)
    assert mail.send().taken
    mail.set("qpsmtpd", MaxLoad="2")
    assert mail.send().code in range(400, 500)
    mail.load(1)
    assert mail.send().taken


def test_spf(mail: MailSystem) -> None:
    """A client that the sender's SPF does not name is refused as SPFRejectPolicy says; one that it names is not."""
    mail.dns.add("fail.org", "A", "198.51.100.20")
    mail.dns.add("fail.org", "TXT", f"v=spf1 ip4:{OTHER} -all")
    mail.dns.add("softfail.org", "A", "198.51.100.20")
    mail.dns.add("softfail.org", "TXT", f"v=spf1 ip4:{OTHER} ~all")
    for policy, taken in (("0", [True, True]), ("1", [False, True]), ("2", [False, False])):
        if policy != "0":
            mail.set("qpsmtpd", SPFRejectPolicy=policy)
        assert [mail.send(f"someone@{domain}").taken for domain in ("fail.org", "softfail.org")] == taken
    assert mail.send("someone@fail.org", source=OTHER, helo="mx.other.org").taken


def test_dmarc(mail: MailSystem) -> None:
    """Mail that the policy of its domain asks to refuse is refused once DMARCReject is enabled."""
    mail.dns.add("sender.org", "TXT", f"v=spf1 ip4:{OTHER} -all")
    mail.dns.add("_dmarc.sender.org", "TXT", "v=DMARC1; p=reject")
    assert mail.send().taken
    mail.set("qpsmtpd", DMARCReject="enabled")
    assert not mail.send().taken
    assert mail.send(source=OTHER, helo="mx.other.org").taken


def test_headers_check_turned_off(mail: MailSystem) -> None:
    """The page's comment in the place of 17check_basicheaders lets mail without a date in, on that side only."""
    no_date = text_message(headers={"Date": None})
    assert [mail.send(message=no_date, source=source).code for source in (OUTSIDE, LOCAL)] == [552, 552]
    fragment = f"{CONFIG}/peers/local/17check_basicheaders"
    mail.custom(fragment, "# 17check_basicheaders disabled by custom template\n")
    mail.signal()
    assert [mail.send(message=no_date, source=source).code for source in (OUTSIDE, LOCAL)] == [552, 250]
