"""address_characters: addresses with control characters add no recipients."""

from __future__ import annotations

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import Daemon, needs_qpsmtpd

pytestmark = needs_qpsmtpd

LOCAL, OUTSIDE = "127.0.5.1", "127.0.2.2"
GOOD = ["tom@example.com"]
#: Senders and recipients of which one of the two holds a character that the queue reads as its own.
ADDRESSES = [
    pytest.param(b"x\0Tvictim@elsewhere.net\0Ty@sender.org", b"tom@example.com", id="sender"),
    pytest.param(b"a@sender.org", b"tom-\0Tshared\0Tx@example.com", id="extension of a recipient"),
    pytest.param(b"a@sender.org", b"tom-\nx@example.com", id="newline"),
    pytest.param(b"a@sender.org", b"tom-\tx@example.com", id="tab"),
    pytest.param(b"a@sender.org", b"tom-\x7fx@example.com", id="delete"),
]


def _codes(daemon: Daemon, source: str, sender: bytes, recipient: bytes) -> list[int]:
    with daemon.client(source) as smtp:
        smtp.connect("127.0.0.1", daemon.port)
        smtp.ehlo()
        codes = []
        for line in (b"MAIL FROM:<" + sender + b">", b"RCPT TO:<" + recipient + b">"):
            smtp.send(line + b"\r\n")
            codes.append(smtp.getreply()[0])
        return codes


@pytest.mark.parametrize("source", [LOCAL, OUTSIDE])
@pytest.mark.parametrize(("sender", "recipient"), ADDRESSES)
def test_control_characters_are_refused(serve: Serve, source: str, sender: bytes, recipient: bytes) -> None:
    """Whoever sends it, an address with such a character is refused, and so no envelope holds a further recipient."""
    files = {"goodrcptto": GOOD, "rcpthosts": ["example.com"]}
    daemon = serve("address_characters", "relay", "check_goodrcptto extn -", files=files)
    assert _codes(daemon, source, sender, recipient)[-1] >= 500
    assert not daemon.queued()


def test_other_addresses_are_taken(serve: Serve) -> None:
    """Other signs, capitals and the null sender are no reason."""
    daemon = serve(
        "address_characters", "check_goodrcptto extn -", files={"goodrcptto": GOOD, "rcpthosts": ["example.com"]}
    )
    assert _codes(daemon, OUTSIDE, b"o'neill+x=y@sender.org", b"tom@example.com") == [250, 250]
    assert _codes(daemon, OUTSIDE, b"", b"TOM-x@example.com") == [250, 250]
