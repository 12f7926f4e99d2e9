"""Plays the cases on the machine where it runs, and says how each ends. Standard library only."""

from __future__ import annotations

import imaplib
import shlex
import smtplib
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

from tests.mailserver import cases, hardship
from tests.mailserver.cases import Case, Phase
from tests.mailserver.server import PASSWORD, PATIENCE_SECONDS, Server
from tests.mailserver.world import LOGIN, Sink

#: Prints a line: whether it passed, the name, and what was otherwise.
Report = Callable[[bool, str, str], None]


class Player:
    """Plays the cases.

    :param server: the machine.
    :param sinks: the servers outside, by their names in the ends of cases.
    :param certificate: of the provider, a file.
    """

    def __init__(self, server: Server, sinks: dict[str, Sink], certificate: Path, report: Report) -> None:
        self._server = server
        self._sinks = sinks
        self._certificate = certificate
        self._report = report
        self._count = 0
        self._start = f"{time.time_ns():x}"

    def play(self) -> None:
        """Play all of them."""
        self._server.make_accounts()
        self._phase(cases.BASE)
        checks = [
            self._imap,
            self._fragment,
            self._loop,
            self._cron,
            self._gtube,
            self._big,
            self._lifetime,
            self._hello,
        ]
        checks += [self._held, self._eight_bits, self._many, self._full, self._killed]
        for check in checks:
            self._try(check.__doc__ or "", check)
        for phase in (cases.UNKNOWN, cases.DELEGATED):
            self._phase(phase)
        self._server.change("set DelegateMailServer ''")
        self._phase(cases.LOGIN)
        self._try("the provider gets user name and password, encrypted", self._login)
        self._try(self._wrong_password.__doc__ or "", self._wrong_password)
        self._try("the file of each mail belongs to its account, with mode 0600", self._files)
        self._try("no mail is left in the queue", self._idle)

    def _try(self, name: str, check: Callable[[], str]) -> None:
        try:
            fault = check()
        except (OSError, RuntimeError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
            fault = f"{type(error).__name__}: {error}"
        self._report(not fault, name.rstrip("."), fault)

    def _settle(self, phase: Phase) -> None:
        user, password = map(shlex.quote, LOGIN)
        for words in phase.settings:
            self._server.change(words.format(certificate=self._certificate, user=user, password=password))
        self._server.signal()

    def _phase(self, phase: Phase) -> None:
        self._settle(phase)
        tokens, faults = {}, {}
        smtp = self._server.connect()
        for case in phase.cases:
            tokens[case] = self._token()
            try:
                faults[case] = self._send(case, tokens[case], smtp)
            except (OSError, RuntimeError, smtplib.SMTPException) as error:
                faults[case] = f"{type(error).__name__}: {error}"
                smtp = self._server.connect()
        smtp.close()
        self._server.wait_for_queue()
        ends = self._ends()
        for case in phase.cases:
            wanted = sorted(end.format(domain=self._server.domain) for end in case.ends)
            got = sorted(ends.get(tokens[case], []))
            if not faults[case] and got != wanted:
                faults[case] = f"is at {', '.join(got) or 'no end'}, and not at {', '.join(wanted) or 'no end'}"
            self._report(not faults[case], f"{phase.name}: {case.name}", faults[case])
        if any(faults.values()):
            print(self._server.state())

    def _token(self) -> str:
        self._count += 1
        return f"case-{self._start}-{self._count}-"

    def _mail(self, token: str, header: str = "", body: str = "") -> bytes:
        fields = ["From: Someone <someone@sender.test>", f"Subject: {token}", f"Date: {formatdate()}"]
        fields += [f"Message-Id: <{token}@sender.test>", *([header] if header else [])]
        return ("\n".join([*fields, "", token, body]) + "\n").encode()

    def _address(self, name: str) -> str:
        return name if "@" in name or not name else f"{name}@{self._server.domain}"

    def _send(self, case: Case, token: str, smtp: smtplib.SMTP) -> str:
        """Send the mail of a case, and return what was otherwise than it should be."""
        mail = self._mail(token, case.header, case.body)
        sender, to = self._address(case.sender), self._address(case.to)
        if case.here:
            self._server.write(mail, to, sender)
            return ""
        smtp.rset()
        if (answer := smtp.mail(sender))[0] != 250:
            return f"the sender was answered {answer}"
        code, text = smtp.rcpt(to)
        answered = f"{code} {text.decode(errors='replace')}"
        if case.refused:
            return "" if answered.startswith(case.refused) else f"the recipient was answered {answered!r}"
        if code != 250:
            return f"the recipient was answered {answered!r}"
        answer = smtp.data(mail.replace(b"\n", b"\r\n"))
        return "" if answer[0] == 250 else f"the mail was answered {answer}"

    def _ends(self) -> dict[str, list[str]]:
        """Return the ends of each mail, by what marks it."""
        found: dict[str, list[str]] = {}
        places = [(one.end, one.mail) for one in self._server.mails()]
        for name, sink in self._sinks.items():
            places += [(f"{name}:{taken.recipient}", taken.mail) for taken in sink.taken]
        for end, mail in places:
            at = mail.find(f"case-{self._start}-".encode())
            if at >= 0:
                token = b"-".join(mail[at : at + 100].split(b"-")[:3]).decode() + "-"
                found.setdefault(token, []).append(end)
        return found

    def _arrives(self, mail: bytes, to: str, sender: str | None, token: str) -> list[str]:
        self._server.write(mail, to, sender)
        self._server.wait_for_queue()
        return sorted(self._ends().get(token, []))

    def _imap(self) -> str:
        """Mail is read by IMAP, spam in the folder junkmail."""
        return self._read_as("anna") or self._read_as("Ida") or self._read_as("ida")

    def _read_as(self, name: str) -> str:
        with imaplib.IMAP4("127.0.0.1", 143, timeout=PATIENCE_SECONDS) as imap:
            imap.login(name, PASSWORD)
            for folder in ("INBOX", "junkmail"):
                kind, data = imap.select(folder, readonly=True)
                if kind != "OK":
                    kind, data = imap.select(f"INBOX.{folder}", readonly=True)
                if kind != "OK":
                    return f"{folder}: {data!r}"
                numbers = imap.search(None, "SUBJECT", f"case-{self._start}")[1][0].split()
                if not numbers:
                    return f"no mail of the cases is in {folder}"
        return ""

    def _fragment(self) -> str:
        """A fragment of an administrator's own is run for each mail, as the user."""
        seen = Path("/home/e-smith/files/users/fred/seen")
        owner, text = seen.owner(), seen.read_text()
        if owner != "fred" or "someone@sender.test" not in text or f"case-{self._start}-" not in text:
            return f"{seen} is {owner}'s, and has: {text[:300]}"
        return ""

    def _loop(self) -> str:
        """A forward that comes back is sent back to its sender."""
        sent = [taken.mail for taken in self._sinks["world"].taken if taken.recipient == "bert@away.test"]
        if not sent:
            return "nothing was forwarded"
        token = self._token()
        header, _, _ = sent[0].partition(b"\n\n")
        subject = next(line for line in header.split(b"\n") if line.startswith(b"Subject: "))
        header = header.replace(subject, b"Subject: " + token.encode())
        at = header.find(b"case-")
        while at >= 0 and header[at:].split(b"-")[2:3] != [token.split("-")[2].encode()]:
            old = b"-".join(header[at:].split(b"-")[:3]) + b"-"
            header, at = header.replace(old, token.encode()), -1
        sender = self._address("anna")
        ends = self._arrives(header + b"\n\n" + token.encode() + b"\n", self._address("bert"), sender, token)
        return "" if ends == ["bounce:anna"] else f"is at {ends}"

    def _cron(self) -> str:
        """What cron writes to root goes to admin."""
        token = self._token()
        ends = self._arrives(
            f"From: root (Cron Daemon)\nTo: root\nSubject: {token}\n\nout\n".encode(), "root", None, token
        )
        return "" if ends == ["admin"] else f"is at {ends}"

    def _gtube(self) -> str:
        """Spam from outside is found by SpamAssassin, and sorted."""
        token = self._token()
        try:
            socket.create_connection(("127.0.0.1", 783), 10).close()
        except OSError:
            return "spamd does not answer at port 783"
        with self._server.connect() as smtp:
            smtp.sendmail("someone@sender.test", [self._address("anna")], self._mail(token, body=cases.GTUBE))
        self._server.wait_for_queue()
        ends = self._ends().get(token, [])
        return "" if ends == ["anna/.junkmail"] else f"is at {ends}"

    def _big(self) -> str:
        """A mail that is longer than the limit is refused, and one just below it arrives."""
        token, refused = self._token(), self._token()
        line = b"x" * 75 + b"\r\n"
        with self._server.connect() as smtp:
            smtp.sendmail("someone@sender.test", [self._address("anna")], self._mail(token) + line * 12_900)
            try:
                smtp.sendmail("someone@sender.test", [self._address("anna")], self._mail(refused) + line * 15_000)
            except smtplib.SMTPResponseException as error:
                code = error.smtp_code
            else:
                return "it was taken"
        self._server.wait_for_queue()
        ends = self._ends()
        return (
            ""
            if (code // 100, ends.get(token), ends.get(refused)) == (5, ["anna"], None)
            else f"{code}, {ends.get(token)}"
        )

    def _lifetime(self) -> str:
        """The queue keeps a mail as long as the setting says."""
        wanted = Path("/var/qmail/control/queuelifetime").read_text().strip()
        if self._server.queue == "qmail":
            return "" if wanted.isdigit() else f"queuelifetime is {wanted}"
        got = self._server.run("postconf", "-h", "maximal_queue_lifetime", "bounce_queue_lifetime").split()
        return "" if got == [f"{wanted}s"] * 2 else f"Postfix has {got}, and control/queuelifetime {wanted}"

    def _hello(self) -> str:
        """Servers outside hear the name of the setting."""
        heard = {taken.helo for taken in self._sinks["world"].taken}
        return "" if heard == {cases.HELO} else f"they heard {heard}"

    def _held(self) -> str:
        """While no local delivery may run the mail waits; then it arrives."""
        token = self._token()
        self._server.change("setprop qmail ConcurrencyLocal 0")
        self._server.signal()
        self._server.write(self._mail(token), self._address("fred"), "someone@sender.test")
        time.sleep(3)
        if self._server.is_idle() or token in self._ends():
            return f"it does not wait: {self._ends().get(token)}\n{self._server.state()}"
        self._server.change("setprop qmail ConcurrencyLocal 20")
        self._server.signal()
        self._server.try_again()
        self._server.wait_for_queue()
        ends = self._ends().get(token, [])
        return "" if ends == ["fred"] else f"is at {ends}\n{self._server.state()}"

    def _eight_bits(self) -> str:
        """A mail with letters that are not ASCII goes on as it is, also to a server that offers nothing for them."""
        token = self._token()
        body = "naïve\n".encode() + b"\xe4\xff\n"
        mail = self._mail(token, "X-Name: Zoë".encode().decode("latin-1")).decode().encode("latin-1") + body
        self._server.write(mail, self._address("bert"), "someone@sender.test")
        self._server.wait_for_queue()
        got = [taken.mail for taken in self._sinks["world"].taken if token.encode() in taken.mail]
        if len(got) != 1 or not got[0].endswith(body) or "\nX-Name: Zoë\n".encode() not in got[0]:
            return f"arrived: {got}\n{self._server.state()}"
        return ""

    def _many(self) -> str:
        """A mail to 500 receivers arrives 500 times."""
        token = self._token()
        names = [f"{('anna', 'ida', 'fred')[number % 3]}-{number}" for number in range(500)]
        with self._server.connect() as smtp:
            smtp.sendmail("someone@sender.test", [self._address(name) for name in names], self._mail(token))
        self._server.wait_for_queue()
        ends = sorted(self._ends().get(token, []))
        wanted = sorted(("anna", "Ida", "fred")[number % 3] for number in range(500))
        return "" if ends == wanted else f"{len(ends)} arrived"

    def _full(self) -> str:
        """While the disk of a mailbox is full the mail waits, whole; then it arrives."""
        token = self._token()
        mail = self._mail(token) + b"x" * 200_000
        with hardship.full_disk(Path("/home/e-smith/files/users/fred/Maildir"), "fred") as folder:
            self._server.write(mail, self._address("fred"), "someone@sender.test")
            time.sleep(3)
            if self._server.is_idle() or any(folder.glob("*/*")):
                return f"it does not wait: {list(folder.glob('*/*'))}"
        self._server.try_again()
        self._server.wait_for_queue()
        ends = self._ends().get(token, [])
        return "" if ends == ["fred"] else f"is at {ends}"

    def _killed(self) -> str:
        """When the programs of the queue are killed while 300 mails come in, none is lost."""
        return hardship.killed(self._server, self._token(), ("anna", "ida", "anna-lisa"))

    def _login(self) -> str:
        taken = self._sinks["provider"].taken
        if not taken:
            return "it got no mail"
        return "" if {(one.encrypted, one.login) for one in taken} == {(True, LOGIN)} else f"{taken[0].login}"

    def _wrong_password(self) -> str:
        """While the provider refuses the password the mail waits; with the right one it goes out, once."""
        token = self._token()
        self._server.change("setprop smtp-auth-proxy Passwd wrong")
        self._server.signal()
        self._server.write(self._mail(token), "friend@away.test", self._address("anna"))
        time.sleep(3)
        self._server.try_again()
        time.sleep(3)
        if self._server.is_idle() or token in self._ends():
            return f"it does not wait: {self._ends().get(token)}\n{self._server.state()}"
        self._server.change(f"setprop smtp-auth-proxy Passwd {shlex.quote(LOGIN[1])}")
        self._server.signal()
        self._server.try_again()
        self._server.wait_for_queue()
        ends = self._ends().get(token, [])
        return "" if ends == ["provider:friend@away.test"] else f"is at {ends}\n{self._server.state()}"

    def _files(self) -> str:
        faults = [
            self._server.file_fault(found) for found in self._server.mails() if self._start.encode() in found.mail
        ]
        return next(filter(None, faults), "" if faults else "there is no mail")

    def _idle(self) -> str:
        return "" if self._server.is_idle() else self._server.state()
