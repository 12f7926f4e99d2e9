"""What ``make demo-mail`` refuses, and what it says then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from demo.mail import steps
from demo.mail.folder import Person, only_one, usable_folder
from demo.mail.steps import MailDemo
from esmith.errors import BusyError, InstallError, UsageError
from esmith.layout import Layout
from esmith.setup.machine.programs import Programs
from esmith.setup.machine.progress import Progress
from tests.demo.programs import PROGRAMS
from tests.programs import PACKAGES


def _demo(folder: Path) -> MailDemo:
    layout = Layout(str(folder))
    return MailDemo(layout, Programs(layout, Progress(print, None)), Person("me", "us"))


def test_missing_programs_are_named_in_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing can be installed by one command; the packages are those that the tests of the demo name."""
    monkeypatch.setattr(steps, "missing_packages", lambda packages: packages)
    with pytest.raises(InstallError) as caught:
        _demo(tmp_path).steps()[0].run()
    assert caught.value.hint is not None
    (command,) = [line for line in caught.value.hint.splitlines() if "apt-get install" in line]
    named = command.partition("apt-get install --no-install-recommends ")[2].split()
    assert set(named) == {PACKAGES[name] for name in PROGRAMS}
    (command,) = [line for line in caught.value.hint.splitlines() if "systemctl" in line]
    units = command.partition("systemctl disable --now ")[2].split()
    assert {"clamav-daemon.service", "dovecot.service", "qpsmtpd.service", "spamd.service"} <= set(units)
    # What the machine may have for its own mail.
    assert "exim4.service" not in units


def test_nothing_is_made_while_programs_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step is about the programs, so the folder is empty still when one is missing."""
    monkeypatch.setattr(steps, "missing_packages", lambda _packages: ["openssl", "runit"])
    with pytest.raises(InstallError, match="missing: openssl runit") as caught:
        _demo(tmp_path).steps()[0].run()
    assert "systemctl" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root is refused, with what root can do instead."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UsageError, match="for a plain user") as caught:
        Person.who_runs_this()
    assert "make mailserver" in str(caught.value)


@pytest.mark.parametrize("name", ["with blank", "with'quote", "\u00e4", "x" * 100])
def test_a_path_that_the_daemons_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    """A folder whose path qpsmtpd does not take, or is too long for a socket, is refused and not made."""
    with pytest.raises(UsageError):
        usable_folder(str(tmp_path / name))
    assert not (tmp_path / name).exists()


def test_the_folder_is_made_and_locked() -> None:
    """The folder is made where it is not there, and one demo has it at a time."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        layout = usable_folder(f"{place}/demo")
        assert os.path.isdir(layout.root)
        with only_one(layout), pytest.raises(BusyError), only_one(layout):
            pass
        with only_one(layout):
            pass
