"""A mail through the proxy: what the provider gets, and what the client hears."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import of_login
from .kit import PASSWORD, USER, Certificate, Mailbox, Provider, Proxy, with_login

CONTENT = b"Subject: hello\r\n\r\nOne line.\r\n"


def _codes(client: smtplib.SMTP, *recipients: str) -> tuple[list[int], tuple[int, bytes]]:
    """Send a mail as qmail-remote does: DATA when at least one recipient is accepted."""
    codes = [client.docmd("MAIL", "FROM:<tom@a.test>")[0]]
    codes += [client.docmd("RCPT", f"TO:<{name}>")[0] for name in recipients]
    if 250 not in codes[1:]:
        return codes, (0, b"")
    return codes, client.data(CONTENT)


@pytest.mark.program("openssl")
def test_a_mail_with_encryption_and_login(encrypted: Proxy, mailbox: Mailbox) -> None:
    """The provider gets the mail after STARTTLS and a login, and the client hears the provider's own words."""
    with encrypted.client() as client:
        codes, answer = _codes(client, "x@b.test", "y@b.test")
    assert (codes, answer) == ([250, 250, 250], (250, b"2.0.0 queued as 1"))
    [mail] = mailbox.mails
    assert (mail.sender, mail.recipients, mail.content) == ("tom@a.test", ["x@b.test", "y@b.test"], CONTENT)
    assert mailbox.logins == [("PLAIN", USER.encode(), PASSWORD.encode())]


@pytest.mark.program("openssl")
@pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN"])
def test_each_way_to_log_in(
    start: Callable[..., Any], mailbox: Mailbox, certificate: Certificate, mechanism: str
) -> None:
    """The way that the provider offers is taken."""
    others = [name for name in ("LOGIN", "PLAIN") if name != mechanism]
    provider = start(with_login(mailbox, certificate, auth_exclude_mechanism=others))
    proxy = start(Proxy, **of_login(provider.port, certificate))
    with proxy.client() as client:
        assert _codes(client, "x@b.test")[1][0] == 250
    assert mailbox.logins == [(mechanism, USER.encode(), PASSWORD.encode())]


def test_two_mails_in_one_session(plain: Proxy, mailbox: Mailbox) -> None:
    """The second mail goes over the same connection to the provider, also after the first was refused."""
    mailbox.answers["no@b.test"] = "550 5.1.1 nobody"
    with plain.client() as client:
        assert _codes(client, "no@b.test") == ([250, 550], (0, b""))
        client.rset()
        assert _codes(client, "x@b.test")[1][0] == 250
        assert _codes(client, "y@b.test")[1][0] == 250
    assert [mail.recipients for mail in mailbox.mails] == [["x@b.test"], ["y@b.test"]]
    assert len(mailbox.sessions) == 1


def test_each_recipient_has_its_answer(plain: Proxy, mailbox: Mailbox) -> None:
    """The provider's answer to one recipient is for that one, and the others get the mail."""
    mailbox.answers |= {"no@b.test": "550 5.1.1 nobody", "full@b.test": "452 4.2.2 mailbox full"}
    with plain.client() as client:
        assert _codes(client, "no@b.test", "x@b.test", "full@b.test")[0] == [250, 550, 250, 452]
    assert [mail.recipients for mail in mailbox.mails] == [["x@b.test"]]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["451 4.3.0 not now", "554 5.7.1 never\r\n"])
def test_a_refusal_is_passed_on(plain: Proxy, mailbox: Mailbox, stage: str, answer: str) -> None:
    """The client hears the provider's code and words, whether for now or for good, at each stage."""
    mailbox.answers[stage] = answer.strip()
    code, text = answer.strip().split(" ", 1)
    with plain.client() as client:
        asked: dict[str, Callable[[], tuple[int, bytes]]] = {
            "MAIL": lambda: client.docmd("MAIL", "FROM:<tom@a.test>"),
            "RCPT": lambda: client.docmd("RCPT", "TO:<x@b.test>"),
            "DATA": lambda: client.data(CONTENT),
        }
        for name, ask in asked.items():
            found = ask()
            if name == stage:
                break
            assert found[0] == 250
    assert found == (int(code), text.encode())
    assert mailbox.mails == []


def test_an_answer_of_several_lines(plain: Proxy, mailbox: Mailbox) -> None:
    """All lines of an answer are passed on."""
    mailbox.answers["DATA"] = "550-5.7.1 first\r\n550 5.7.1 second"
    with plain.client() as client:
        assert _codes(client, "x@b.test")[1] == (550, b"5.7.1 first\n5.7.1 second")


def test_many_at_once(plain: Proxy, mailbox: Mailbox) -> None:
    """Each of many mails at the same time arrives once."""
    answers: list[int] = []

    def send(number: int) -> None:
        with plain.client() as client:
            answers.append(_codes(client, f"u{number}@b.test")[1][0])

    threads = [threading.Thread(target=send, args=(number,)) for number in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [250] * 15
    assert sorted(mail.recipients[0] for mail in mailbox.mails) == sorted(f"u{number}@b.test" for number in range(15))


def test_more_than_allowed_at_once(start: Callable[..., Any], mailbox: Mailbox) -> None:
    """One client too many is asked to try again later, and served when another has left."""
    provider = start(Provider(mailbox))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled", Connections="1")
    with proxy.client():
        with pytest.raises(smtplib.SMTPConnectError) as caught:
            proxy.client()
        assert caught.value.smtp_code == 421
    with proxy.client() as client:
        assert _codes(client, "x@b.test")[1][0] == 250


def test_a_mail_that_is_too_long(start: Callable[..., Any], mailbox: Mailbox) -> None:
    """It is refused for good, whether its size was announced or not, and nothing of it reaches the provider."""
    provider = start(Provider(mailbox))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled", MaxMessageSize="1000")
    with proxy.client() as client:
        assert client.docmd("MAIL", "FROM:<tom@a.test> SIZE=1001")[0] == 552
        assert client.docmd("MAIL", "FROM:<tom@a.test> SIZE=1000")[0] == 250
        assert client.docmd("RCPT", "TO:<x@b.test>")[0] == 250
        assert client.data(b"x" * 400 + b"\r\n" + b"y" * 900 + b"\r\n")[0] == 552
    assert mailbox.mails == []


def test_other_scripts_need_a_provider_that_takes_them(
    start: Callable[..., Any], plain: Proxy, mailbox: Mailbox
) -> None:
    """An address of another script goes to a provider with SMTPUTF8, and is refused before one without."""
    with plain.client() as client:
        client.command_encoding = "utf-8"
        assert client.docmd("MAIL", "FROM:<jürgen@a.test> SMTPUTF8 BODY=8BITMIME")[0] == 250
        assert client.docmd("RCPT", "TO:<zoë@b.test>")[0] == 250
        assert client.data(CONTENT)[0] == 250
    assert mailbox.mails[0].sender == "jürgen@a.test"
    assert sorted(mailbox.mails[0].options) == ["BODY=8BITMIME", "SMTPUTF8"]
    provider = start(Provider(mailbox, enable_SMTPUTF8=False))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled")
    with proxy.client() as client:
        assert client.docmd("MAIL", "FROM:<tom@a.test> SMTPUTF8")[0] == 550
        assert client.docmd("MAIL", "FROM:<tom@a.test>")[0] == 250


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:tom@a.test", 501),
        ("MAIL FROM:<a\rRCPT TO:<x@b.test>@a.test>", 501),
        ("MAIL FROM:<tom@a.test> FOO=1", 555),
        ("RCPT TO:<x@b.test>", 503),
        ("DATA", 503),
    ],
)
def test_wrong_commands(plain: Proxy, command: str, code: int) -> None:
    """A command that is wrong, or comes too early, is refused, and the provider does not hear of it."""
    with plain.client() as client:
        client.send(f"{command}\r\n")
        assert client.getreply()[0] == code
        assert _codes(client, "x@b.test")[1][0] == 250
