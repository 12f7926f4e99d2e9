"""Settings of the scanners: through SMTP, before and after the setting and ``signal-event email-update``."""

from __future__ import annotations

import re

from tests.qpsmtpd.daemon import text_message
from tests.system.machine import needs_mail_system
from tests.system.mail import EICAR, MailSystem

pytestmark = needs_mail_system

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
#: Words with scores of their own. Another mail has between -2 and 12 points.
RULES = "".join(
    f"body LOCAL_{word.upper()} /{word}/\nscore LOCAL_{word.upper()} {score}\n"
    for word, score in (("unspeakable", 8), ("abominable", 25), ("execrable", 25))
)


def _with_words(*words: str) -> str:
    """Return a message with some of these words."""
    return text_message(f"This is {' and '.join(words)}, and else a letter like any other that people write.\n")


def _score_of(mail: MailSystem, sender: str) -> float:
    """Return the score of a message from a sender."""
    assert mail.send(sender, message=text_message(headers={"From": sender})).taken
    found = re.search(r"(?:score|hits)=(-?[0-9.]+)", str(mail.queued()[-1].message["X-Spam-Status"]))
    assert found, mail.queued()[-1].message.items()
    return float(found[1])


def test_senders_of_wbl(mail: MailSystem) -> None:
    """Black in wbl.global raises a sender's score, White lowers it, others keep theirs; only spamd is restarted."""
    pids = mail.pids()
    senders = ("black@sender.org", "white@sender.org", "other@sender.org")
    before = [_score_of(mail, sender) for sender in senders]
    mail.set("wbl.global", "spamassassin", **{"black@sender.org": "Black", "white@sender.org": "White"})
    after = mail.pids()
    assert {name for name in after if after[name] != pids[name]} == {"spamd"}
    black, white, other = (_score_of(mail, sender) - old for sender, old in zip(senders, before, strict=True))
    assert (black > 50, white < -50, abs(other) < 10) == (True, True, True)


def test_reject_level(mail: MailSystem) -> None:
    """Spam is tagged, and refused from RejectLevel on once there is one; below TagLevel a mail is as it was sent."""
    assert mail.send(message=text_message(f"{GTUBE}\n")).taken
    assert mail.queued()[-1].message["X-Spam-Flag"] == "YES"
    mail.custom("/etc/mail/spamassassin/local.cf/25word", RULES)
    mail.set(
        "spamassassin", Sensitivity="custom", TagLevel="20", RejectLevel="50", SubjectTag="enabled", Subject="[BAD]"
    )
    assert mail.send(message=_with_words("unspeakable")).taken
    assert mail.queued()[-1].message["X-Spam-Flag"] != "YES"
    assert mail.queued()[-1].message["Subject"] == "test"
    assert mail.send(message=_with_words("unspeakable", "abominable")).taken
    assert mail.queued()[-1].message["X-Spam-Flag"] == "YES"
    assert mail.queued()[-1].message["Subject"] == "[BAD] test"
    for refused in (_with_words("unspeakable", "abominable", "execrable"), text_message(f"{GTUBE}\n")):
        sent = mail.send(message=refused)
        assert (sent.taken, sent.code) == (False, 552)


def test_virus(mail: MailSystem) -> None:
    """EICAR is refused while VirusScan is enabled."""
    message = text_message(f"{EICAR}\n")
    mail.set("qpsmtpd", VirusScan="disabled")
    assert mail.send(message=message).taken
    mail.set("qpsmtpd", VirusScan="enabled")
    sent = mail.send(message=message)
    assert (sent.taken, sent.code, "Virus" in sent.text) == (False, 552, True)


def test_largest_scanned_file(mail: MailSystem) -> None:
    """MaxFileSize reaches the running clamd: a larger message is not looked into."""
    message = text_message(("x" * 70 + "\n") * 2000 + f"{EICAR}\n")
    assert mail.send(message=message).code == 552
    mail.set("clamav", MaxFileSize="100K")
    assert mail.send(message=message).taken
    assert mail.send(message=text_message(f"{EICAR}\n")).code == 552


def test_heuristics_first(mail: MailSystem) -> None:
    """HeuristicScanPrecedence reaches the running clamd, which says so when it starts; only clamd is restarted."""
    line = b"Heuristic: precedence enabled"
    for setting, times in (("no", 0), ("yes", 1)):
        before, logged = mail.pids(), len(mail.log_of("clamd"))
        mail.set("clamav", HeuristicScanPrecedence=setting)
        after = mail.pids()
        assert {name for name in after if after[name] != before[name]} == {"clamd"}
        assert mail.log_of("clamd")[logged:].count(line) == times
