"""A fragment that breaks a file is found before the file is installed; the daemons go on as before."""

from __future__ import annotations

import pytest

from tests.qpsmtpd.daemon import text_message
from tests.system.machine import needs_mail_system
from tests.system.mail import CONFIG, EICAR, MailSystem

pytestmark = needs_mail_system


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("/etc/mail/spamassassin/local.cf/30mine", "required_scor 5\n", id="local.cf"),
        pytest.param("/etc/clamd.conf/Mine", "NoSuchOption yes\n", id="clamd.conf"),
        pytest.param(f"{CONFIG}/peers/0/31mine", "no_such_plugin\n", id="plugins"),
        pytest.param("/etc/php.ini/90mine", "memory_limit = (\n", id="php.ini"),
    ],
)
def test_broken_fragment(mail: MailSystem, path: str, text: str) -> None:
    """The event fails at the check, and names the fragment; no process is another, and mail flows as before."""
    output = path.rpartition("/")[0]
    before, pids = mail.path(output).read_text(), mail.pids()
    fragment = mail.custom(path, text)
    mail.change("configuration", "qpsmtpd", VirusScan="disabled")
    answer = mail.signal(code=10)
    assert f"templates-custom{path}" in answer.err
    assert mail.path(output).read_text() == before
    assert mail.pids() == pids
    assert mail.send().taken
    assert mail.send(message=text_message(f"{EICAR}\n")).code == 552
    fragment.unlink()
    mail.signal()
    assert mail.send(message=text_message(f"{EICAR}\n")).taken
