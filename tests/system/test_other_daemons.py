"""Settings of PHP and of dovecot: asked of the running daemons, before and after ``signal-event email-update``."""

from __future__ import annotations

import imaplib
import socket
from functools import partial

import pytest

from tests.system.fastcgi import run_script
from tests.system.machine import needs_mail_system
from tests.system.mail import LOCAL, PASSWORD, PHP, SERVER, MailSystem

pytestmark = needs_mail_system


def _memory_limit(mail: MailSystem) -> str:
    mail.path("/tmp/limit.php").write_text('<?php echo ini_get("memory_limit");')
    with mail.connect(PHP) as sock:
        return run_script(sock, "/tmp/limit.php")


def test_php_memory(mail: MailSystem) -> None:
    """PHP behind the web server has the new MemoryLimit; its master process stays."""
    before = mail.pid("php-fpm")
    assert _memory_limit(mail) == "32M"
    mail.set("php", MemoryLimit="64M")
    mail.eventually(lambda: _memory_limit(mail) == "64M", "php-fpm has the new limit", "php-fpm")
    assert mail.pid("php-fpm") == before


class _Imap(imaplib.IMAP4):
    def __init__(self, mail: MailSystem) -> None:
        self._mail = mail
        super().__init__(SERVER, 143)

    def _create_socket(self, _timeout: float | None) -> socket.socket:
        return self._mail.connect((SERVER, 143), LOCAL)


@pytest.mark.root("dovecot's processes become other users")
def test_imap_connections(mail: MailSystem) -> None:
    """One connection more than the new ConcurrencyLimitPerIP of a user is refused, and the log of IMAP says it."""
    for limit in (3, 2):
        mail.set("imap", ConcurrencyLimitPerIP=str(limit))
        opened = [_Imap(mail) for _ in range(limit + 1)]
        for one in opened[:-1]:
            assert one.login("tom", PASSWORD)[0] == "OK"
        with pytest.raises(imaplib.IMAP4.error, match="Maximum number of connections"):
            opened[-1].login("tom", PASSWORD)
        for one in opened:
            one.shutdown()
        refused = b"Maximum number of connections from user+IP exceeded (mail_max_userip_connections=%d)" % limit
        mail.eventually(partial(_has_logged, mail, refused), "the log has the refusal", "dovecot")


def _has_logged(mail: MailSystem, text: bytes) -> bool:
    return text in mail.log_of("imap")
