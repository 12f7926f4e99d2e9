"""The trial of mail: what has to become of its mails by the settings, and how it speaks with servers."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from esmith.errors import ServiceError
from esmith.layout import Layout
from esmith.setup.mail_trial import talk
from esmith.setup.mail_trial.letters import Letter, plain_letter
from esmith.setup.mail_trial.talk import OUTSIDE, Answer, Mailbox, NoServerError, send
from esmith.setup.mail_trial.trial import Settings
from tests.commands import Root


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no answer of a server be waited for as long as a scanner may take."""
    monkeypatch.setattr(talk, "_ANSWER_SECONDS", 20.0)


PEERS = "/var/service/qpsmtpd/config/peers"


def _becomes(root: Root, **properties: str) -> str:
    words = [word for pair in properties.items() for word in pair]
    if words:
        root.config("setprop", "spamassassin", *words)
    return Settings(Layout(str(root.path))).spam_is


def test_what_becomes_of_spam(root: Root) -> None:
    """Spam is sorted by default; it is refused where that is set, and only marked where it is not to be sorted."""
    assert _becomes(root) == "sorted"
    assert _becomes(root, RejectLevel="10") == "sorted"
    assert _becomes(root, Sensitivity="custom") == "refused"
    assert _becomes(root, RejectLevel="0") == "sorted"
    assert _becomes(root, SortSpam="disabled") == "marked"
    assert _becomes(root, status="disabled") == ""


@pytest.mark.parametrize("level", ["0", "7"])
def test_spam_is_refused_where_the_plugin_refuses_it(office: Root, level: str) -> None:
    """The trial expects a refusal exactly where the list of plugins has one."""
    becomes = _becomes(office, Sensitivity="custom", RejectLevel=level)
    office.signal("email-update")
    (line,) = [line for line in office.lines(f"{PEERS}/0") if "spamassassin" in line]
    assert (" reject " in line) == (becomes == "refused")


@pytest.mark.parametrize(
    ("record", "prop", "value"),
    [("clamd", "status", "disabled"), ("qpsmtpd", "VirusScan", "disabled"), ("smtpd", "VirusScan", "disabled")],
)
def test_viruses_are_looked_for_where_a_plugin_does(office: Root, record: str, prop: str, value: str) -> None:
    """The trial sends a virus only where the list of plugins has the scanner."""
    assert Settings(Layout(str(office.path))).scans
    office.config("setprop", record, prop, value)
    office.signal("email-update")
    assert not Settings(Layout(str(office.path))).scans
    assert not [line for line in office.lines(f"{PEERS}/0") if line.startswith("virus/clamav")]


def test_the_mails_come_from_outside(office: Root) -> None:
    """The address that the mails come from is in no list of clients: it gets the plugins of strangers."""
    relays = [line for line in office.lines("/var/service/qpsmtpd/config/relayclients") if not line.startswith("#")]
    assert "127.0.0." in relays
    assert not [line for line in relays if OUTSIDE.startswith(line)]
    parts = OUTSIDE.split(".")
    there = {path.name for path in office.file(PEERS).iterdir()}
    assert {"0", "local"} <= there
    assert not there & {".".join(parts[:count]) for count in range(1, 5)}


class Server:
    """A server that answers each line it gets by a rule, and keeps what it got.

    :param greeting: what it says first.
    :param answers: beginnings of lines, each with the answer; what begins with none of them gets none.
    """

    def __init__(self, greeting: str, answers: dict[str, str]) -> None:
        self._greeting = greeting
        self._answers = answers
        self.lines: list[str] = []
        self.clients: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def serve(self) -> None:
        """Serve until the socket is closed."""
        while True:
            try:
                client, address = self._socket.accept()
            except OSError:
                return
            self.clients.append(address[0])
            with client, client.makefile("rwb") as stream:
                self._talk(stream)

    def _talk(self, stream: object) -> None:
        write, flush = stream.write, stream.flush  # type: ignore[attr-defined]
        write(f"{self._greeting}\r\n".encode())
        flush()
        for raw in stream:  # type: ignore[attr-defined]
            line = raw.decode().rstrip("\r\n")
            self.lines.append(line)
            for begin, answer in self._answers.items():
                if line.upper().startswith(begin.upper()) or line.partition(" ")[2].startswith(begin):
                    write(answer.replace("TAG", line.partition(" ")[0]).encode())
                    flush()
                    break

    def close(self) -> None:
        """Take no clients any more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def _serving(greeting: str, answers: dict[str, str]) -> Iterator[Server]:
    server = Server(greeting, answers)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


_SMTP = {
    "EHLO": "250 mail.example.com\r\n",
    "MAIL": "250 ok\r\n",
    "RCPT": "250 ok\r\n",
    "DATA": "354 go on\r\n",
    "RSET": "250 ok\r\n",
    "QUIT": "221 bye\r\n",
}


def _letter() -> Letter:
    return plain_letter("to@example.com", "from@example.com")


@pytest.mark.parametrize(
    ("answers", "expected", "is_taken", "is_refused"),
    [
        ({".": "250 queued\r\n"}, "250", True, False),
        ({".": "552 Virus Found: Test\r\n"}, "552 Virus Found: Test", False, True),
        ({"RCPT": "550 nobody here\r\n"}, "550 nobody here", False, True),
        ({"RCPT": "451 later\r\n"}, "451 later", False, False),
        ({"MAIL": "550-no\r\n550 never\r\n"}, "550 no never", False, True),
    ],
    ids=["taken", "content refused", "recipient refused", "recipient put off", "sender refused"],
)
def test_the_answer_to_a_mail(answers: dict[str, str], expected: str, is_taken: bool, is_refused: bool) -> None:
    """Whatever step of the dialogue refuses a mail, its code and its words are the answer; the client is a stranger."""
    rest = {begin: answer for begin, answer in _SMTP.items() if begin not in answers}
    with _serving("220 mail.example.com", {**answers, **rest}) as server:
        answer = send("127.0.0.1", server.port, "mail.example.com", "to@example.com", _letter())
    assert (str(answer), answer.is_taken, answer.is_refused) == (expected, is_taken, is_refused)
    assert server.clients == [OUTSIDE]
    assert server.lines[:2] == ["ehlo mail.example.com", "mail FROM:<>"]


def test_a_server_that_takes_nobody_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A greeting of 450 is tried again for a while, and then shown; for a load that is too high with its own cure."""
    monkeypatch.setattr(talk, "PATIENCE_SECONDS", 0.0)
    with (
        _serving("450 Server load too high, please try again later.", _SMTP) as server,
        pytest.raises(NoServerError, match="load too high") as caught,
    ):
        send("127.0.0.1", server.port, "mail.example.com", "to@example.com", _letter())
    assert caught.value.hint.endswith("to allow more: config setprop qpsmtpd MaxLoad 20")


def test_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens, the message comes after a while."""
    monkeypatch.setattr(talk, "PATIENCE_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NoServerError, match=f"no mail server answers at 127.0.0.1 port {port}"):
        send("127.0.0.1", port, "mail.example.com", "to@example.com", _letter())
    with pytest.raises(NoServerError, match="no mailbox can be read"):
        Mailbox("127.0.0.1", port, "user", "password").find(_letter(), ["INBOX"], 0)


_HEADER = "Subject: {word}\r\nX-Spam-Status: Yes, score=1000\r\n\r\n"


def _imap(letter: Letter, folder: str) -> dict[str, str]:
    header = _HEADER.format(word=letter.word)
    return {
        "CAPABILITY": "* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n",
        "LOGIN": "TAG OK done\r\n",
        f"EXAMINE {folder}": "* 1 EXISTS\r\nTAG OK done\r\n",
        "EXAMINE": "TAG NO there is no such folder\r\n",
        f"SEARCH HEADER Subject {letter.word}": "* SEARCH 1\r\nTAG OK done\r\n",
        "SEARCH": "* SEARCH\r\nTAG OK done\r\n",
        "FETCH": f"* 1 FETCH (BODY[HEADER] {{{len(header)}}}\r\n{header})\r\nTAG OK done\r\n",
        "LOGOUT": "* BYE\r\nTAG OK done\r\n",
    }


def test_a_mail_is_found_in_its_folder() -> None:
    """A mail is looked for in each folder in turn, one that is missing is passed by, and its header is returned."""
    letter = _letter()
    with _serving("* OK ready", _imap(letter, "junkmail")) as server:
        mailbox = Mailbox("127.0.0.1", server.port, "user", "password")
        found = mailbox.find(letter, ["INBOX", "junkmail"])
        assert mailbox.find(_letter(), ["INBOX", "junkmail"], 0) is None
    assert found is not None
    assert found[0] == "junkmail"
    assert re.search("^X-Spam-Status: Yes", found[1], re.MULTILINE)


def test_a_login_that_is_refused() -> None:
    """A login that is refused is no reason to wait: it is shown at once."""
    answers = {**_imap(_letter(), "INBOX"), "LOGIN": "TAG NO wrong password\r\n"}
    with (
        _serving("* OK ready", answers) as server,
        pytest.raises(ServiceError, match="the login of user is refused: wrong password"),
    ):
        Mailbox("127.0.0.1", server.port, "user", "password").find(_letter(), ["INBOX"])
    assert len(server.clients) == 1


def test_answers() -> None:
    """A mail that is put off is neither taken nor refused."""
    assert (Answer(451, "later").is_taken, Answer(451, "later").is_refused) == (False, False)
