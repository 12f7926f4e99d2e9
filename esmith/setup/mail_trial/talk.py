"""Speaking SMTP and IMAP with the server that is tried."""

from __future__ import annotations

import imaplib
import smtplib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from esmith.errors import ServiceError
from esmith.setup.mail_trial.letters import Letter

#: An address of this machine, as are all of 127.0.0.0/8, that no list names: relayclients has 127.0.0.*, and the local
#: networks have lists of their own. So mail from there is looked at as mail from outside.
OUTSIDE = "127.111.0.1"
#: A daemon that was just started loads signatures or rules first.
PATIENCE_SECONDS = 120.0
#: qpsmtpd waits for the scanners before it answers.
_ANSWER_SECONDS = 180.0
_LOOK_EVERY = 0.5
#: Refused for now; it may be taken later (RFC 5321, 4.2.1).
_FOR_NOW = 400
_FOR_GOOD = 500


class NoServerError(ServiceError):
    """No server answers, or it takes nobody's mail now."""


@dataclass(frozen=True)
class Answer:
    """What a server answered to a mail.

    :param code: the code of RFC 5321; 250 when it took the mail.
    :param text: its words.
    """

    code: int
    text: str

    @property
    def is_taken(self) -> bool:
        """Whether the server took the mail."""
        return self.code < _FOR_NOW

    @property
    def is_refused(self) -> bool:
        """Whether the server refused the mail for good."""
        return self.code >= _FOR_GOOD

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


def send(host: str, port: int, name: str, receiver: str, letter: Letter) -> Answer:
    """Give a mail to the server as a stranger would, and return its answer.

    The envelope has no sender: then the DNS, which a new machine may not reach yet, is asked about little.

    :param name: what the client calls itself.
    :raises ServiceError: when no server answers.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with smtplib.SMTP(host, port, name, _ANSWER_SECONDS, (OUTSIDE, 0)) as client:
                return _given(client, receiver, letter)
        except smtplib.SMTPConnectError as error:
            answer = Answer(error.smtp_code, _words(error.smtp_error))
            reason = str(answer)
        except (OSError, smtplib.SMTPException) as error:
            reason = getattr(error, "strerror", None) or str(error)
        if time.monotonic() >= deadline:
            # What qpsmtpd says while the load of the machine is higher than its MaxLoad.
            is_load = "load too high" in reason
            cure = "wait until the machine has less to do; to allow more: config setprop qpsmtpd MaxLoad 20"
            raise NoServerError(
                f"no mail server answers at {host} port {port}: {reason}",
                place="service qpsmtpd",
                hint=cure if is_load else "what it logs has the reason; to see whether it runs: esmith services",
            )
        time.sleep(_LOOK_EVERY)


def _given(client: smtplib.SMTP, receiver: str, letter: Letter) -> Answer:
    try:
        client.sendmail("", [receiver], letter.text.replace("\n", "\r\n").encode("ascii"))
    except smtplib.SMTPRecipientsRefused as error:
        code, words = error.recipients[receiver]
        return Answer(code, _words(words))
    except smtplib.SMTPResponseException as error:
        return Answer(error.smtp_code, _words(error.smtp_error))
    return Answer(250, "")


def _words(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())


class Mailbox:
    """The mailbox of an account, read by IMAP.

    :param host: the server.
    :param port: its port of IMAP.
    :param user: the account.
    :param password: its password.
    """

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self._place = (host, port)
        self._login = (user, password)

    def find(self, letter: Letter, folders: list[str], patience: float = PATIENCE_SECONDS) -> tuple[str, str] | None:
        """Wait until a mail is in one of some folders, and return the folder and the mail's header.

        :param patience: seconds to wait.
        :return: None when it does not come.
        :raises ServiceError: when the server does not answer, or refuses the login.
        """
        deadline = time.monotonic() + patience
        while True:
            found = self._session(lambda client: self._look(client, letter, folders))
            if found or time.monotonic() >= deadline:
                return found
            time.sleep(_LOOK_EVERY)

    def _look(self, client: imaplib.IMAP4, letter: Letter, folders: list[str]) -> tuple[str, str] | None:
        for folder in folders:
            status, _ = client.select(folder, readonly=True)
            if status != "OK":
                continue
            _, (numbers, *_) = client.search(None, "HEADER", "Subject", letter.word)
            if numbers:
                _, data = client.fetch(numbers.split()[-1].decode(), "(BODY.PEEK[HEADER])")
                header = next((part[1] for part in data if isinstance(part, tuple)), b"")
                return folder, header.decode("utf-8", "replace")
        return None

    def _session(self, use: Callable[[imaplib.IMAP4], tuple[str, str] | None]) -> tuple[str, str] | None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        host, port = self._place
        while True:
            try:
                with imaplib.IMAP4(host, port, _ANSWER_SECONDS) as client:
                    _log_in(client, *self._login)
                    return use(client)
            except imaplib.IMAP4.error as error:
                reason = str(error)
            except OSError as error:
                reason = error.strerror or str(error)
            if time.monotonic() >= deadline:
                raise NoServerError(
                    f"no mailbox can be read at {host} port {port}: {reason}",
                    place="service dovecot",
                    hint="what it logs has the reason; to see whether it runs: esmith services",
                )
            time.sleep(_LOOK_EVERY)


def _log_in(client: imaplib.IMAP4, user: str, password: str) -> None:
    """Log in.

    :raises ServiceError: when the server refuses that; it does no good to try once more.
    """
    try:
        client.login(user, password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        with suppress(OSError, imaplib.IMAP4.error):
            client.logout()
        raise ServiceError(
            f"the login of {user} is refused: {_words(error.args[0] if error.args else '')}",
            place="service dovecot",
            hint="what it logs says why: /var/log/dovecot/current, or with systemd in the journal",
        ) from error
