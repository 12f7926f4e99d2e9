"""The password in the provider's words: neither the client, whose bounces others read, nor the log has it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith.proxy.hidden import Hidden
from esmith.proxy.log import Log
from esmith.proxy.settings import Settings

from .kit import Proxy, Wire

_PASSWORD = "s3cretPw-x"


def _forms(user: str) -> list[bytes]:
    """Return what holds the password: as it is, and as it is sent by each way to log in."""
    secret = _PASSWORD.encode()
    plain = base64.b64encode(b"\0" + user.encode() + b"\0" + secret)
    return [secret, secret.hex().encode(), base64.b64encode(secret), plain, plain[:-6]]


def _say(answers: dict[bytes, bytes], ways: bytes) -> Wire:
    """Return a provider that repeats each line of the login, and the password where an answer says ``%``."""

    def talk(file: Any, _connection: Any) -> None:
        file.write(b"220 ready\r\n")
        for line in file:
            name = line.split()[0].upper()
            default = b"250-me\r\n250 AUTH " + ways + b"\r\n" if name == b"EHLO" else b"250 ok\r\n"
            file.write(answers.get(name, default).replace(b"%", line.strip()))

    return Wire(talk)


@pytest.mark.parametrize("user", ["u", "us", "use", "user"])
@pytest.mark.parametrize("code", [b"500", b"535", b"454", b"250", b"199"])
def test_the_answer_to_the_login(start: Callable[..., Any], user: str, code: bytes) -> None:
    """The client hears the codes alone, and the log has the words without the password, whatever is repeated."""
    words = b" / ".join(_forms(user))
    wire = start(_say({b"AUTH": code + b' 5.5.1 unknown: "%" ' + words + b" there\r\n"}, b"PLAIN"))
    settings = {"Server": "127.0.0.1", "Port": str(wire.port), "TLS": "disabled", "Userid": user, "Passwd": _PASSWORD}
    proxy = start(Proxy, **settings, Debug="enabled")
    with proxy.client() as client:
        heard = client.docmd("MAIL", "FROM:<tom@a.test>")
    assert heard[0] == 451
    for text in (heard[1], proxy.log.encode()):
        assert not [form for form in _forms(user) if form[:12] in text]
    assert b"unknown" not in heard[1]
    if code != b"199":
        assert 'unknown: "AUTH PLAIN ****"' in proxy.log
        assert code + b" 5.5.1" in heard[1] or code == b"250"


@pytest.mark.parametrize("stage", [b"", b"EHLO", b"MAIL", b"RCPT", b"DATA", b"."])
def test_every_other_answer(start: Callable[..., Any], stage: bytes) -> None:
    """The provider's words to anything else are passed on with the password hidden."""
    words = b" / ".join(_forms("user")[:-1])
    refused = b"550 5.7.1 no: " + words + b"\r\n"
    answers = {b"AUTH": b"235 ok\r\n", stage: refused, b"HELO": refused}

    def talk(file: Any, _connection: Any) -> None:
        file.write(answers.get(b"", b"220 ready\r\n"))
        in_data = False
        for line in file:
            if in_data and line != b".\r\n":
                continue
            name = line.split()[0].split(b":")[0].upper()
            answer = answers.get(name, b"250-me\r\n250 AUTH PLAIN\r\n" if name == b"EHLO" else b"250 ok\r\n")
            in_data = name == b"DATA" and stage != b"DATA"
            file.write(b"354 go on\r\n" if in_data else answer)

    wire = start(Wire(talk))
    settings = {"Server": "127.0.0.1", "Port": str(wire.port), "TLS": "disabled", "Userid": "user", "Passwd": _PASSWORD}
    proxy = start(Proxy, **settings, Debug="enabled")
    with proxy.client() as client:
        heard = client.docmd("MAIL", "FROM:<tom@a.test>")
        if heard[0] == 250:
            heard = client.docmd("RCPT", "TO:<x@b.test>")
        if heard[0] == 250:
            heard = client.data(b"Subject: x\r\n\r\nhello\r\n")
    assert heard[0] == (451 if stage in (b"", b"EHLO") else 550)
    assert heard[1].endswith(b"no: **** / **** / **** / ****")
    assert not [form for form in _forms("user") if form[:12] in proxy.log.encode()]


@given(before=st.binary(max_size=12), after=st.binary(max_size=12), password=st.from_regex(r"\A[!-~\xa1-\xff]{6,12}\Z"))
def test_base64_with_the_password_in_it(before: bytes, after: bytes, password: str) -> None:
    """A word of base64 is hidden wherever the password begins in it."""
    word = base64.b64encode(before + password.encode() + after)
    assert Hidden(password).hide(b"500 what is <" + word + b">?") == b"500 what is <****>?"


@pytest.mark.parametrize("text", [b"250 2.0.0 Ok: queued as 4XyZabcd1234", b"", b"\xff\xfe", b"authentication failed"])
def test_what_is_no_password_stays(text: bytes) -> None:
    """Other words, and all words where there is no password, stay as they are."""
    assert Hidden(_PASSWORD).hide(text) == text
    assert Hidden("").hide(text) == text


def test_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A provider that repeats the password does not bring it into the log, and no character begins a new line."""
    log = Log(Settings("mx", password="geheim"))
    log.say("535 wrong password geheim or Z2VoZWlt\n250 ok")
    assert capsys.readouterr().out == "535 wrong password **** or ****\\n250 ok\n"
