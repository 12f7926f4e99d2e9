"""The names that esmith setup takes: what it refuses before anything is changed, and what it asks at a terminal."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esmith.errors import RefusedError
from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.setup.machine.names import check_length, check_name, doubt
from esmith.setup.machine.packages import ShippedLayout
from tests.commands import Root

#: Setup at a terminal, as root of a bare machine; in the place of its steps, the names are shown.
_ASKING = """
import os, sys
from esmith.cli import setup
from esmith.cli.start import esmith
os.geteuid = lambda: 0
setup._stored = lambda layout, key: None
setup._guess = lambda key: ""
class Steps:
    def __init__(self, layout, choices, programs):
        print(f"chosen: {choices.name} {choices.domain}")
    def steps(self):
        return []
setup.Setup = Steps
sys.argv = ["esmith", "setup", *sys.argv[1:]]
esmith()
"""
_LONG = "a" * 60


@pytest.fixture
def schema(root: Root) -> Schema:
    """Return the shipped schema."""
    return Schema(ShippedLayout(Layout(str(root.path)).root))


@pytest.mark.parametrize(
    ("key", "name", "message"),
    [
        ("DomainName", "", "configuration DomainName: the name is empty\n  name one: --domain example.com"),
        ("DomainName", "example", "'example' has no dot, so no other server finds it"),
        ("DomainName", "-x.com", "'-x.com' is not a host name"),
        ("DomainName", "exa mple.com", "'exa mple.com' is not a host name"),
        ("DomainName", "мойдом.рф", "its name there is xn--d1ajichc.xn--p1ai"),
        ("DomainName", "a..b", "'a..b' is not a host name"),
        ("DomainName", f"{'a' * 300}.com", "is not a host name"),
        ("DomainName", "example.com.", "a dot at its end\n  write: --domain example.com"),
        ("DomainName", "Example.COM", "has capitals, or a dot at its end\n  write: --domain example.com"),
        ("DomainName", "a\nb.com", r"'a\nb.com' is not a host name"),
        ("DomainName", "a_b.com", "'a_b.com' has an underscore"),
        ("DomainName", "192.0.2.1", "is an address"),
        ("SystemName", "", "configuration SystemName: the name is empty\n  name one: --name mail"),
        (
            "SystemName",
            "mail.example.com",
            "has a dot; the name of the host is without the domain\n  as here: --name mail",
        ),
        ("SystemName", "MAIL", "write: --name mail"),
        ("SystemName", "-x", "'-x' is not a host name"),
        ("SystemName", "a" * 64, "is not a host name"),
    ],
)
def test_names_that_are_refused(schema: Schema, key: str, name: str, message: str) -> None:
    """A name that cannot be one of a mail server is refused with the reason, and with one that is possible."""
    with pytest.raises(RefusedError) as caught:
        check_name(schema, key, name, "--domain" if key == "DomainName" else "--name")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("key", "name"),
    [("DomainName", "example.com"), ("DomainName", "a.b.c-d.xn--p1ai"), ("SystemName", "mail"), ("SystemName", "mx-1")],
)
def test_names_that_are_taken(schema: Schema, key: str, name: str) -> None:
    """Domains with any number of parts are taken, and hosts without one."""
    check_name(schema, key, name, "--x")


def test_the_length_of_the_whole_name() -> None:
    """Host and domain together are no longer than a name in the DNS can be."""
    domain = ".".join([_LONG] * 4)
    check_length(domain, "a" * (252 - len(domain)))
    with pytest.raises(RefusedError, match="the name of the server has 254 characters, and 253 are possible"):
        check_length(domain, "a" * (253 - len(domain)))


def test_a_domain_that_is_the_name_of_the_server() -> None:
    """Whoever gives the name of the server as the domain reads which addresses get mail, and what to write instead."""
    text = doubt("mail.example.com", "mail")
    assert "NAME@mail.example.com" in text
    assert text.endswith("--domain example.com")
    for domain in ("example.com", "mail.com", "mailer.example.com"):
        assert doubt(domain, "mail") == ""


def _setup(*words: str) -> tuple[int, str]:
    command = [sys.executable, "-c", _ASKING, *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.root("the machine is set up by root, who believes nobody else's directories")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--domain", "example"), "'example' has no dot"),
        (("--domain", "example.com", "--name", "-x"), "'-x' is not a host name"),
        (("--name", "-x"), "'-x' is not a host name"),
        ((), "the setting DomainName is not known\n  name both"),
        (("--domain", "example.com"), "the setting SystemName is not known\n  name both"),
    ],
)
def test_no_step_begins_without_names(words: tuple[str, ...], message: str) -> None:
    """A name that is refused, or that nobody is there to be asked for, ends the setup before its first step."""
    code, printed = _setup(*words)
    assert code != 0
    assert message in printed
    assert "chosen" not in printed


class _Terminal:
    """A setup at a terminal of its own."""

    def __init__(self, *words: str) -> None:
        ours, theirs = os.openpty()
        self.screen = ours
        self.seen = self.unread = ""
        # With a session, and the terminal as its own: ^C is for its processes then (setsid(2)).
        command = ["setsid", "--ctty", "--wait", sys.executable, "-c", _ASKING, *words]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)

    def until(self, text: str) -> None:
        """Read on until a text was shown."""
        deadline = time.monotonic() + 60
        while text not in self.unread and time.monotonic() < deadline and select.select([self.screen], [], [], 60)[0]:
            try:
                shown = os.read(self.screen, 4096).decode()
            except OSError:
                break
            self.seen += shown
            self.unread += shown
        assert text in self.unread, self.seen
        self.unread = self.unread.partition(text)[2]

    def type(self, text: str) -> None:
        """Type a text."""
        os.write(self.screen, text.encode())

    def wait_for_keys(self) -> None:
        """Wait until the setup waits for a line: Python sees a signal just before that only after the line."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        deadline = time.monotonic() + 60
        while ") S " not in stat.read_text() and time.monotonic() < deadline:
            time.sleep(0.01)

    def end(self) -> int:
        """Wait for the end, and return the exit code."""
        code = self.process.wait(60)
        os.close(self.screen)
        return code


@pytest.mark.root("the machine is set up by root, who believes nobody else's directories")
def test_the_questions() -> None:
    """Domain and name are asked for; a wrong answer is explained, and asked for again."""
    terminal = _Terminal()
    terminal.until("Primary domain of the server")
    terminal.type("example\n")
    terminal.until("'example' has no dot, so no other server finds it: as here: --domain example.com")
    terminal.until("Primary domain of the server")
    terminal.type("\n")
    terminal.until("Primary domain of the server")
    terminal.type("  example.com \n")
    terminal.until("Host name of the server")
    terminal.type("mail.example.com\n")
    terminal.until("has a dot")
    terminal.until("Host name of the server")
    terminal.type("mail\n")
    terminal.until("chosen: mail example.com")
    assert terminal.end() == 0


@pytest.mark.root("the machine is set up by root, who believes nobody else's directories")
def test_only_what_is_missing_is_asked_for() -> None:
    """What an option names is not asked for."""
    terminal = _Terminal("--domain", "example.com")
    terminal.until("Host name of the server")
    terminal.type("mail\n")
    terminal.until("chosen: mail example.com")
    assert terminal.end() == 0
    assert "Primary domain" not in terminal.seen


@pytest.mark.root("the machine is set up by root, who believes nobody else's directories")
@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["^C", "^D"])
def test_who_ends_it_at_a_question(key: str) -> None:
    """^C, and the end of the input, end the setup at a question, before its first step."""
    terminal = _Terminal()
    terminal.until("Primary domain of the server")
    terminal.type("example.com\n")
    terminal.until("Host name of the server")
    terminal.wait_for_keys()
    terminal.type(key)
    terminal.until("ended by SIGINT")
    assert terminal.end() == 130
    assert "chosen" not in terminal.seen
