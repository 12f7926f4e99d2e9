"""Settings about who may send and who gets mail: through SMTP, before and after ``signal-event email-update``."""

from __future__ import annotations

import dkim  # type: ignore[import-untyped]
import pytest

from tests.qpsmtpd.daemon import text_message
from tests.system.machine import needs_mail_system
from tests.system.mail import CONFIG, LOCAL, OUTSIDE, MailSystem

pytestmark = needs_mail_system

FRIEND = ["friend@elsewhere.net"]


def test_relaying_for_the_local_network(mail: MailSystem) -> None:
    """The local network may send to other domains once it need not log in; others still may not."""
    assert not mail.send("tom@example.com", FRIEND, source=LOCAL).taken
    mail.set("qpsmtpd", RelayRequiresAuth="disabled")
    assert mail.send("tom@example.com", FRIEND, source=LOCAL).taken
    assert not mail.send("tom@sender.org", FRIEND).taken


def test_copies(mail: MailSystem) -> None:
    """With Bcc, mail from both sides is copied to the local account maillog."""
    assert mail.send().taken
    assert mail.queued()[-1].recipients == ["tom@example.com"]
    mail.set("qpsmtpd", Bcc="enabled")
    for source in (OUTSIDE, LOCAL):
        assert mail.send(source=source).taken
        queued = mail.queued()[-1]
        assert queued.recipients == ["tom@example.com", "maillog@localhost"]
        assert queued.message["X-Copied-To"] == "maillog"


def test_disclaimer_outbound_only(mail: MailSystem) -> None:
    """The disclaimer goes to what the local network sends to others, and to nothing else."""
    mail.path(f"{CONFIG}/disclaimer").write_text("Example Ltd.\n")
    mail.set("qpsmtpd", RelayRequiresAuth="disabled")
    assert mail.send("tom@sender.org", FRIEND, source=LOCAL).taken
    assert "Example Ltd." not in mail.queued()[-1].body
    mail.set("smtpd", disclaimer="enabled")
    for recipient, source, added in (
        ("friend@elsewhere.net", LOCAL, True),
        ("jack@example.com", LOCAL, False),
        ("jack@example.com", OUTSIDE, False),
    ):
        assert mail.send("tom@sender.org", [recipient], source=source).taken
        assert ("Example Ltd." in mail.queued()[-1].body) is added
    mail.path(f"{CONFIG}/disclaimer").unlink()


def test_internal_account(mail: MailSystem) -> None:
    """An account that is visible inside only gets no mail from outside."""
    mail.set("qpsmtpd", RelayRequiresAuth="disabled")
    assert mail.send().taken
    mail.set("tom", "accounts", Visible="internal")
    assert mail.send().code == 550
    assert mail.send(source=LOCAL).taken


def test_new_and_deleted_users(mail: MailSystem) -> None:
    """A user's mail is taken from the event after the record was made, until the one after it was deleted."""
    mary = ["mary@test.com"]
    assert mail.send(recipients=mary).code == 550
    mail.db("accounts", "set", "mary", "user", "EmailForward", "local")
    mail.signal()
    assert mail.send(recipients=mary).taken
    mail.db("accounts", "settype", "mary", "user-deleted")
    mail.signal()
    assert mail.send(recipients=mary).code == 550
    mail.db("accounts", "delete", "mary")


@pytest.mark.parametrize("own_key", [False, True], ids=["default key", "domain's own"])
def test_dkim_signing(mail: MailSystem, own_key: bool) -> None:
    """What goes out is signed, and the signature verifies against the record that qpsmtpd-print-dns prints."""
    mail.set("qpsmtpd", RelayRequiresAuth="disabled")
    if own_key:
        mail.machine.run("sh", "-euc", OWN_KEY)
    assert mail.send("tom@example.com", FRIEND, message=FROM_TOM, source=LOCAL).taken
    assert "DKIM-Signature" not in mail.queued()[-1].message
    mail.set("qpsmtpd", DKIMSigning="enabled")
    assert mail.send("tom@example.com", FRIEND, message=FROM_TOM, source=LOCAL).taken
    raw = mail.queued()[-1].raw
    published = _published(mail.machine.run("qpsmtpd-print-dns", "example.com").out)

    def look_up(name: bytes, **_: int) -> bytes | None:
        return published.get(name.decode().rstrip("."))

    assert dkim.verify(raw, dnsfunc=look_up)
    assert not dkim.verify(raw.replace(b"Hello", b"Hallo"), dnsfunc=look_up)
    selector = "own" if own_key else "default"
    assert f"s={selector};" in str(mail.queued()[-1].message["DKIM-Signature"])
    mail.machine.run("rm", "-rf", "/home/e-smith/dkim_keys")


FROM_TOM = text_message(headers={"From": "Tom <tom@example.com>"})
OWN_KEY = """
mkdir -p /home/e-smith/dkim_keys/example.com
cd /home/e-smith/dkim_keys/example.com
openssl genrsa -out private 2048
openssl rsa -in private -pubout -out public
echo own >selector
chmod 0644 private
"""


def _published(zone: str) -> dict[str, bytes]:
    """Return the TXT records of a piece of a zone file of example.com, by name."""
    found = {}
    for line in zone.splitlines():
        name, is_text, data = line.partition(" IN TXT ")
        if is_text:
            found[f"{name}.example.com"] = data.strip('"').replace('""', "").encode()
    return found
