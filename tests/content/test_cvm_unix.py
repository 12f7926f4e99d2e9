"""Our own ``cvm-unix``, which answers whether a password is that of a unix account: docs/daemons.md, Logins."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "plugins/cvm/cvm-unix"
YES, NO, TROUBLE = 0, 100, 111
WORD = "sesam öffne dich"
STARTS_SECONDS = 20


def _hashed(word: str, setting: str) -> str:
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    made: bytes = library.crypt(word.encode(), setting.encode())
    return made.decode()


class Asked:
    """A program that answers, and the files it reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self.log = folder / "log"
        self.passwd, self.shadow = folder / "passwd", folder / "shadow"
        today = int(time.time() // 86_400)
        new, old = _hashed(WORD, "$y$j9T$salt$"), _hashed(WORD, "$6$salt$")
        accounts = {
            "tom": (1001, f"{new}:19000:0:99999:7:::"),
            "old": (1002, f"{old}:19000:0:99999:7:::"),
            "jack": (1003, ":19000:0:99999:7:::"),
            "locked": (1004, f"!{new}:19000:0:99999:7:::"),
            "daemon": (1005, "*:19000:0:99999:7:::"),
            "gone": (1006, f"{new}:19000:0:99999:7::{today}:"),
            "goes": (1007, f"{new}:19000:0:99999:7::{today + 2}:"),
            "root": (0, f"{new}:19000:0:99999:7:::"),
            "short": (1008, new),
        }
        self.passwd.write_text("".join(f"{name}:x:{number}:100::/:/bin/sh\n" for name, (number, _) in accounts.items()))
        self.shadow.write_text("".join(f"{name}:{rest}\n" for name, (_, rest) in accounts.items()))

    def start(self, **variables: str) -> subprocess.Popen[bytes]:
        """Start the program, and return it when it listens."""
        words = [str(PROGRAM), f"cvm-local:{self.socket}", str(self.passwd), str(self.shadow)]
        with self.log.open("wb") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=log, env={**os.environ, **variables})
        deadline = time.monotonic() + STARTS_SECONDS
        while time.monotonic() < deadline:
            try:
                self.answer(b"")
                return process
            except OSError:
                time.sleep(0.02)
        process.kill()
        raise AssertionError(self.log.read_text())

    def answer(self, *question: bytes, ends: bool = True) -> int:
        """Return the answer to a question, which is sent piece by piece.

        :param ends: whether the sending end is closed behind it, as qpsmtpd does.
        """
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
            connection.settimeout(30)
            for piece in question:
                connection.sendall(piece)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            return connection.recv(100)[0]

    def login(self, account: str, password: str, domain: str = "localhost") -> int:
        """Return the answer to a login."""
        return self.answer(b"\1" + "\0".join([account, domain, password, "", ""]).encode())


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Return a program that answers."""
    found = Asked(tmp_path_factory.mktemp("cvm"))
    process = found.start()
    yield found
    process.terminate()
    process.wait()


@pytest.mark.parametrize("account", ["tom", "old", "goes"])
def test_the_password_of_an_account(asked: Asked, account: str) -> None:
    """The password of an account fits, in the forms that passwd(1) writes today and wrote; no other does."""
    assert asked.login(account, WORD) == YES
    assert asked.login(account, WORD, "example.com") == YES
    for wrong in ("", WORD + "x", WORD[:-1], WORD.upper()):
        assert asked.login(account, wrong) == NO


@pytest.mark.parametrize("account", ["jack", "locked", "daemon", "gone", "root", "short", "nobody-at-all", "", "tom\n"])
def test_who_has_no_password_that_counts(asked: Asked, account: str) -> None:
    """Accounts without a password, locked or expired ones, root, a damaged line and unknown names are refused."""
    for word in ("", WORD, "*", "!", "x"):
        assert asked.login(account, word) == NO


def test_what_is_no_question(asked: Asked) -> None:
    """Another version, too little and too much are refused; the next question is answered."""
    for text in (b"", b"\1", b"\2tom\0h\0x\0\0", b"\1tom\0", b"\1tom\0h\0", b"x" * 5000, b"\0" * 5000, b"\1\0\0\0\0"):
        assert asked.answer(text) == NO
    assert asked.login("tom", WORD) == YES


def test_a_question_in_pieces(asked: Asked) -> None:
    """A question may arrive in pieces, and its end is known without the end of the connection."""
    text = f"\1tom\0h\0{WORD}\0\0".encode()
    assert asked.answer(*(bytes((byte,)) for byte in text), ends=False) == YES


def test_one_that_says_nothing_holds_up_nobody(asked: Asked) -> None:
    """While somebody is connected and asks nothing, others are answered."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(asked.socket))
        assert asked.login("tom", WORD) == YES


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Where accounts cannot be read the answer is neither yes nor no, and the log says why."""
    found = Asked(tmp_path)
    found.shadow.unlink()
    process = found.start()
    assert found.login("tom", WORD) == TROUBLE
    process.terminate()
    process.wait()
    assert "No such file" in found.log.read_text()


def test_who_may_ask(tmp_path: Path) -> None:
    """The socket has the mode that was asked for; without one only its owner may ask."""
    for folder, variables, mode in (("a", {}, 0o600), ("b", {"CVM_SOCKET_MODE": "0660"}, 0o660)):
        (tmp_path / folder).mkdir()
        found = Asked(tmp_path / folder)
        process = found.start(**variables)
        assert found.socket.stat().st_mode & 0o777 == mode
        process.terminate()
        process.wait()
