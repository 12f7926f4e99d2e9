"""Which Debian packages are installed, and that no daemon of theirs starts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.setup.machine.apt import POLICY, commands_of_installation, install_packages, interrupted, no_daemon_starts
from esmith.setup.machine.packages import chosen_queue, packages_of_services, wanted_services
from esmith.setup.machine.programs import ProgramError
from tests.commands import Root
from tests.documents import HOME
from tests.machine.test_steps import Desk
from tests.programs import PACKAGES

#: Needed by a plugin only while a setting that is disabled at first is enabled; the event names the package then.
_LATER = {"libmail-dmarc-perl"}
OURS = "#!/bin/sh\n# Of esmith setup, while it installs packages. It is removed then.\nexit 101\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk in an empty folder."""
    return Desk(tmp_path)


def _packages(root: Path, queue: str = "postfix", without: tuple[str, ...] = ()) -> list[str]:
    return packages_of_services(wanted_services(Layout(str(root)), queue, without))


def test_a_machine_without_databases_gets_what_the_defaults_need(tmp_path: Path) -> None:
    """Before the first esmith init the shipped defaults say which services run, and so which packages are needed."""
    found = _packages(tmp_path)
    assert {"qpsmtpd", "postfix", "spamd", "spamassassin", "clamav-daemon", "clamdscan", "dovecot-imapd"} <= set(found)
    # Its service is disabled by default.
    assert "fetchmail" not in found


def test_the_settings_decide(root: Root) -> None:
    """A service that is disabled needs no package, and one that is enabled later does."""
    root.config("setprop", "fetchmail", "status", "enabled")
    root.config("setprop", "clamd", "status", "disabled")
    found = _packages(root.path)
    assert "fetchmail" in found
    assert "clamav-daemon" not in found


def test_a_service_that_is_left_out(tmp_path: Path) -> None:
    """Without a service its packages are not installed, but for those that another one needs."""
    assert set(_packages(tmp_path)) - set(_packages(tmp_path, without=("dovecot",))) == {
        "dovecot-core",
        "dovecot-imapd",
        "dovecot-pop3d",
    }
    assert _packages(tmp_path, without=("sqpsmtpd",)) == _packages(tmp_path)


def test_the_queue_that_is_there(root: Root) -> None:
    """Where qmail is installed it is the queue, and Postfix is not installed beside it, unless that is set."""
    layout = Layout(str(root.path))
    assert chosen_queue(layout, None) == "postfix"
    root.write("/var/qmail/bin/qmail-queue", "#!/bin/sh\n", mode=0o755)
    assert chosen_queue(layout, None) == "qmail"
    assert not {"postfix", "qmail"} & set(_packages(root.path, "qmail"))
    root.config("setprop", "qpsmtpd", "Queue", "postfix")
    assert chosen_queue(layout, None) == "postfix"
    assert chosen_queue(layout, "qmail") == "qmail"


def test_what_plugins_need_is_installed(tmp_path: Path) -> None:
    """Each package that the event would name as missing for a plugin is one that the setup installs."""
    named = set(re.findall(r"'(lib[a-z0-9-]+-perl)'", (HOME / "templates/var/service/qpsmtpd/plugin").read_text()))
    assert len(named) >= 3
    assert named - _LATER <= set(_packages(tmp_path))


def test_what_the_tests_drive_is_installed(tmp_path: Path) -> None:
    """The packages of the daemons that the tests of the mail system drive are those that the setup installs."""
    daemons = ("clamd", "clamdscan", "dovecot", "freshclam", "qpsmtpd-forkserver", "spamd", "/usr/lib/dovecot/imap")
    assert {PACKAGES[name] for name in daemons} <= set(_packages(tmp_path))


def test_no_daemon_starts_while_packages_are_installed(tmp_path: Path) -> None:
    """Meanwhile a policy forbids Debian's scripts to start daemons; afterwards it is gone, also after a failure."""
    policy = tmp_path / POLICY.lstrip("/")
    policy.parent.mkdir(parents=True)
    layout = Layout(str(tmp_path))
    with pytest.raises(InstallError, match="apt"), no_daemon_starts(layout):
        assert policy.read_text().endswith("exit 101\n")
        assert policy.stat().st_mode & 0o777 == 0o755
        raise InstallError("apt failed")
    assert list(policy.parent.iterdir()) == []


def test_the_policy_of_an_administrator_stays(tmp_path: Path) -> None:
    """A policy that is there counts, and is there afterwards; one that a killed setup left is removed."""
    policy = tmp_path / POLICY.lstrip("/")
    policy.parent.mkdir(parents=True)
    layout = Layout(str(tmp_path))
    policy.write_text("#!/bin/sh\nexit 104\n")
    with no_daemon_starts(layout):
        assert policy.read_text() == "#!/bin/sh\nexit 104\n"
    assert policy.read_text() == "#!/bin/sh\nexit 104\n"
    policy.write_text(OURS)
    with no_daemon_starts(layout):
        pass
    assert not policy.exists()


def test_another_apt_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another apt-get has the lock it is waited for; any other failure ends the installation."""
    monkeypatch.setattr("esmith.setup.machine.apt._LOOK_EVERY", 0.0)
    monkeypatch.setattr("esmith.setup.machine.apt.missing_packages", list)
    _program(
        desk,
        "apt-get",
        '[ "$1" = update ] || exit 0; [ -e ran ] || { touch ran; echo "E: Could not get lock"; false; }',
    )
    install_packages(Layout(str(desk.path)), desk.programs, ["qpsmtpd"])
    assert _ran(desk, "apt-get") == ["apt-get update", "apt-get update", "apt-get install"]
    assert desk.lines == ["      another apt-get or dpkg runs, and is waited for"]
    _program(desk, "apt-get", "echo no mirror; false")
    with pytest.raises(ProgramError, match="no mirror\n  see to it that the machine reaches its Debian mirror"):
        install_packages(Layout(str(desk.path)), desk.programs, ["qpsmtpd"])
    assert not (desk.path / POLICY.lstrip("/")).exists()


def test_an_interrupted_installation_is_completed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power failure in dpkg, what it had begun is completed first, also where all packages are there."""
    monkeypatch.setattr("esmith.setup.machine.apt.missing_packages", lambda _: [])
    layout = Layout(str(desk.path))
    _program(desk, "apt-get", "")
    _program(desk, "dpkg", "false")
    (journal := desk.path / "var/lib/dpkg/updates").mkdir(parents=True)
    (journal / "0001").write_text("")
    assert interrupted(layout)
    assert [words[:3] for words in commands_of_installation(layout, ["qpsmtpd"])] == [
        ["dpkg", "--configure", "--pending"],
        ["apt-get", "install", "-y"],
        ["apt-get", "install", "-y"],
    ]
    install_packages(layout, desk.programs, ["qpsmtpd"])
    assert _ran(desk, "dpkg") + _ran(desk, "apt-get") == ["dpkg --configure", "apt-get install"]


def _program(desk: Desk, name: str, text: str) -> None:
    """Write a stand-in for a program, and one for debconf's."""
    folder = desk.path / "sbin/e-smith"
    folder.mkdir(parents=True, exist_ok=True)
    (desk.path / "usr/sbin").mkdir(parents=True, exist_ok=True)
    for program, content in (
        (name, f"cd {desk.path} && {text or 'true'}"),
        ("debconf-set-selections", "cat >/dev/null"),
    ):
        (folder / program).write_text(f"#!/bin/sh\n{content}\n")
        (folder / program).chmod(0o755)


def _ran(desk: Desk, name: str) -> list[str]:
    """Return the commands of a program that ran, each with its first argument."""
    lines = (line.split()[1:3] for line in desk.log.read_text().splitlines() if line.startswith(f"$ {name} "))
    return [" ".join(words) for words in lines]
