"""dovecot.conf for the version that is installed: 2.3 of Debian 12, 2.4 of Debian 13."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.environment import PATH
from esmith.fragments import programs
from tests.content.desk import Desk
from tests.content.services_cases import DOVECOT
from tests.daemons.generated import ask
from tests.programs import path_of

CERTIFICATE = "/home/e-smith/ssl.pem/pem"
OFFERED = "config setprop imap access public ConcurrencyLimit 77\nconfig setprop pop3s access localhost"
REPLY = """config set dovecot service status enabled RejectSubject 'a "b" %s' RejectMessage '%t%n%r'"""
OLD = {
    "protocols = $protocols imap",
    "disable_plaintext_auth = no",
    "  driver = pam",
    "  args = pop3",
    "mail_location = maildir:~/Maildir",
    f"ssl_cert = <{CERTIFICATE}",
    f"ssl_key = <{CERTIFICATE}",
    "    address = 127.0.0.1",
    '  rejection_subject = "a \\"b\\" %s"',
    '  rejection_reason = "%t%n%r"',
}
NEW = {
    "dovecot_config_version = 2.4.0",
    "dovecot_storage_version = 2.4.0",
    "protocols {",
    "  imap = yes",
    "auth_allow_cleartext = yes",
    "passdb pam {",
    "  service_name = pop3",
    "mail_driver = maildir",
    "mail_path = ~/Maildir",
    f"ssl_server_cert_file = {CERTIFICATE}",
    f"ssl_server_key_file = {CERTIFICATE}",
    "    listen = 127.0.0.1",
    '  rejection_subject = "a \\"b\\" %{subject}"',
    "  rejection_reason = \"%{to}%{literal('\\\\r\\\\n')}%{reason}\"",
}


class Machine:
    """Where programs are looked for: first in a folder of the test.

    :param folder: that folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self, printed: str) -> None:
        """Put a dovecot there that prints this for --version."""
        program = self._folder / "dovecot"
        program.write_text(f"#!/bin/sh\ntest \"$*\" = --version && echo '{printed}'\n")
        program.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine without a dovecot of its own."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setattr(programs, "PATH", str(folder))
    return Machine(folder)


@pytest.fixture
def certificate(desk: Desk) -> Iterator[None]:
    """Have a certificate in the root while the test runs."""
    place = Path(desk.layout.under(CERTIFICATE))
    place.parent.mkdir(parents=True)
    place.write_text("certificate and key\n")
    yield
    shutil.rmtree(place.parent)


def _text(desk: Desk, commands: str = f"{OFFERED}\n{REPLY}") -> str:
    with desk.trial(commands) as trial:
        return trial.file(DOVECOT)


@pytest.mark.usefixtures("certificate")
@pytest.mark.parametrize(
    ("printed", "has", "lacks"),
    [
        ("2.3.19.1 (9b53102964)", OLD, NEW - OLD),
        ("2.4.1-4 (7d8c0e5759)", NEW, OLD - NEW),
        ("2.10.0 (1)", NEW, OLD - NEW),
        ("", OLD, NEW - OLD),
    ],
    ids=["2.3", "2.4", "2.10", "no number"],
)
def test_each_version(desk: Desk, machine: Machine, printed: str, has: set[str], lacks: set[str]) -> None:
    """The file has the words of the version that is installed, and none of the other; 2.3 is assumed otherwise."""
    machine.install(printed)
    lines = _text(desk).splitlines()
    assert has - set(lines) == set()
    assert lacks & set(lines) == set()


def test_the_version_of_the_syntax_comes_first(desk: Desk, machine: Machine) -> None:
    """dovecot 2.4 wants dovecot_config_version before any other setting."""
    machine.install("2.4.1-4 (7d8c0e5759)")
    settings = [line for line in _text(desk).splitlines() if line and not line.startswith("#")]
    assert settings[0] == "dovecot_config_version = 2.4.0"


@pytest.mark.usefixtures("machine")
def test_without_dovecot(desk: Desk) -> None:
    """Where dovecot is not installed the file is that of 2.3, without a warning."""
    with desk.trial(OFFERED) as trial:
        (output,) = trial.plan(DOVECOT).outputs
    assert "mail_location = maildir:~/Maildir" in output.rendering.content.decode().splitlines()
    assert output.rendering.warnings == []


def test_a_program_that_prints_no_version(desk: Desk, machine: Machine) -> None:
    """A dovecot whose version cannot be found out is a warning."""
    machine.install("")
    with desk.trial(OFFERED) as trial:
        (output,) = trial.plan(DOVECOT).outputs
    assert output.rendering.warnings == ["dovecot --version prints no version: 2.3 is assumed"]


@pytest.mark.program("dovecot", "doveconf")
def test_the_installed_version_takes_all_of_it(desk: Desk, tmp_path: Path) -> None:
    """The dovecot of this machine, whichever it is, takes the file with the listeners and limits that were set."""
    doveconf = path_of("doveconf")
    target = tmp_path / "dovecot.conf"
    target.write_text(_text(desk, f"{OFFERED}\n{REPLY}\nconfig setprop pop3 status disabled"))
    done = ask(doveconf, "-n", "-c", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert "process_limit = 77" in done.stdout
    version = programs.version_of(shutil.which("dovecot", path=PATH) or "")
    assert ("mail_driver = maildir" in done.stdout) == (tuple(map(int, version.split("."))) >= (2, 4))
