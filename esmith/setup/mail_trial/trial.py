"""The trial itself: what is sent, and what has to become of it by the settings."""

from __future__ import annotations

import time
from collections.abc import Callable

from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.schema.defaults import Defaults
from esmith.setup.logs import last_words
from esmith.setup.machine.programs import Programs
from esmith.setup.mail_trial.account import NAME, SetPassword, trial_user
from esmith.setup.mail_trial.letters import Letter, plain_letter, spam_letter, virus_letter
from esmith.setup.mail_trial.talk import Answer, Mailbox, NoServerError, send
from esmith.store import open_store

_HOST = "127.0.0.1"
_ENABLED = "enabled"
#: The folder that spam is sorted into, as IMAP has it.
JUNK = "junkmail"
#: Which services' logs say why a mail was not taken, or did not arrive.
_TAKING, _ARRIVING, _SCANNING = ("qpsmtpd",), ("qpsmtpd", "qmail", "postfix", "dovecot"), ("clamd", "qpsmtpd")


class Settings:
    """What the settings say about the way of a mail.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._defaults = Defaults(layout)
        with open_store(layout).snapshot() as snapshot:
            self._records = {record.key: record for record in snapshot.records("configuration")}

    def value(self, record: str) -> str:
        """Return the value of a record without properties, "" for none."""
        found = self._records.get(record)
        return found.type if found else ""

    def prop(self, record: str, name: str) -> str:
        """Return a property, as templates read it: what stands for one that is not stored, "" for none."""
        found = self._records.get(record)
        stored = found.props.get(name) if found else None
        if stored:
            return stored
        default = self._defaults.record("configuration", record, found.type if found else None).find(name, stored)
        return (default.value if default else None) or stored or ""

    @property
    def domain(self) -> str:
        """The primary domain."""
        return self.value("DomainName")

    @property
    def spam_is(self) -> str:
        """What becomes of certain spam: ``refused``, ``sorted``, ``marked``, or "" where nothing looks for it."""
        if self.prop("spamassassin", "status") != _ENABLED:
            return ""
        if self.prop("spamassassin", "Sensitivity") == "custom" and _number(self.prop("spamassassin", "RejectLevel")):
            return "refused"
        return "sorted" if self.prop("spamassassin", "SortSpam") == _ENABLED else "marked"

    @property
    def scans(self) -> bool:
        """Whether mail is scanned for viruses."""
        scan = self.prop("qpsmtpd", "VirusScan") or self.prop("smtpd", "VirusScan")
        return self.prop("clamd", "status") == _ENABLED and scan == _ENABLED


class Trial:
    """A trial of mail.

    :param layout: the root.
    :param programs: runs the commands that make the user and delete it.
    :param say: prints a line about what was seen.
    :param set_password: gives the user a password; by default that of the unix account, which needs root.
    """

    def __init__(
        self,
        layout: Layout,
        programs: Programs,
        say: Callable[[str], None],
        set_password: SetPassword | None = None,
    ) -> None:
        self.layout = layout
        self.programs = programs
        self.say = say
        self._set_password = set_password or self._change_password
        #: In seconds since 1970: what a log has of before is about something else.
        self._begun = time.time()

    def run(self) -> int:
        """Try the mail, and return how many of its parts failed; each is shown with the last lines of the logs.

        :raises EsmithError: when it cannot be tried at all.
        """
        settings = Settings(self.layout)
        failed = 0
        with trial_user(self.layout, self.programs, self._set_password) as password:
            port = int(settings.prop("imap", "TCPPort") or 143)
            mailbox = Mailbox(_HOST, port, NAME, password)
            for part in (self._plain, self._spam, self._virus):
                try:
                    part(settings, mailbox)
                except NoServerError:
                    # The others would wait for it as long as this one did.
                    raise
                except EsmithError as error:
                    failed += 1
                    for line in f"FAILED: {error}".splitlines():
                        self.say(line)
        return failed

    def _change_password(self, user: str, password: str) -> None:
        self.programs.run(["chpasswd"], stdin=f"{user}:{password}\n".encode())

    def _plain(self, settings: Settings, mailbox: Mailbox) -> None:
        letter = plain_letter(_receiver(settings), _sender(settings))
        begin = time.monotonic()
        answer = self._send(settings, letter)
        taken = time.monotonic() - begin
        if not answer.is_taken:
            raise self._failure("a mail is not taken", answer, _TAKING)
        found = mailbox.find(letter, ["INBOX", JUNK])
        if found is None:
            raise self._failure("a mail was taken, and is in no mailbox", answer, _ARRIVING)
        if found[0] != "INBOX":
            raise self._failure(f"a mail that is no spam is in {found[0]}", answer, _TAKING)
        arrived = time.monotonic() - begin
        self.say(f"mail: in by SMTP after {taken:.1f} s, read by IMAP after {arrived:.1f} s")

    def _spam(self, settings: Settings, mailbox: Mailbox) -> None:
        becomes = settings.spam_is
        if not becomes:
            self.say(
                "spam: not tried, nothing looks for it; to change that: config setprop spamassassin status enabled"
            )
            return
        letter = spam_letter(_receiver(settings), _sender(settings))
        answer = self._send(settings, letter)
        if becomes == "refused":
            if not answer.is_refused:
                raise self._failure("a spam is not refused", answer, ("spamd", "qpsmtpd"))
            self.say(f"spam: refused with {answer}")
            return
        if not answer.is_taken:
            raise self._failure("a spam is not taken, and by the settings it is to be", answer, _TAKING)
        found = mailbox.find(letter, [JUNK, "INBOX"])
        if found is None:
            raise self._failure("a spam was taken, and is in no mailbox", answer, _ARRIVING)
        folder, header = found
        if "x-spam-status: yes" not in header.lower():
            raise self._failure("a spam is not marked as spam", answer, ("spamd", "qpsmtpd"))
        if becomes == "sorted" and folder != JUNK:
            raise self._failure(f"a spam is in {folder} and not in {JUNK}", answer, _ARRIVING)
        self.say(f"spam: marked, and in the folder {folder}")

    def _virus(self, settings: Settings, _mailbox: Mailbox) -> None:
        if not settings.scans:
            self.say("virus: not tried, nothing scans mail; to change that: config setprop clamd status enabled")
            return
        answer = self._send(settings, virus_letter(_receiver(settings), _sender(settings)))
        if not answer.is_refused:
            raise self._failure("a virus is not refused", answer, _SCANNING)
        self.say(f"virus: refused with {answer}")

    def _send(self, settings: Settings, letter: Letter) -> Answer:
        port = int(settings.prop("smtpd", "TCPPort") or 25)
        return send(_HOST, port, _own_name(settings), _receiver(settings), letter)

    def _failure(self, what: str, answer: Answer, services: tuple[str, ...]) -> EsmithError:
        lines = [line for service in services for line in last_words(self.layout, service, since=self._begun)]
        return EsmithError(f"{what}; the server answered {answer}", hint="\n  ".join(lines) or "no service has a log")


def _receiver(settings: Settings) -> str:
    return f"{NAME}@{settings.domain}"


def _sender(settings: Settings) -> str:
    return f"postmaster@{settings.domain}"


def _own_name(settings: Settings) -> str:
    return f"{settings.value('SystemName')}.{settings.domain}"


def _number(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0
