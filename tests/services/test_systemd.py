"""systemd, against a systemctl that writes down how it is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esmith.errors import ServiceError, UsageError
from esmith.services.adjust import adjust
from esmith.services.model import Status, StillEndingError, UnsupervisedError
from esmith.services.service import Ending
from esmith.services.systemd import SystemdSupervisor, states_of_units

from .servers import eventually

_LOADED = "LoadState=loaded\nActiveState=active\nMainPID=4242\nType=notify\nResult=success\n"


class FakeSystemctl:
    """A program that logs its arguments; ``show`` prints a text, every other verb says a text and exits with a code."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.path = folder / "systemctl"
        self._log, self._show, self._answer = folder / "log", folder / "show", folder / "answer"
        self._log.touch()
        self.shows(_LOADED)
        self.answers("", 0)
        self.path.write_text(
            "#!/bin/sh\n"
            f"echo \"$@\" >>'{self._log}'\n"
            f"if [ \"$3\" = show ]; then . '{self._show}'; else . '{self._answer}'; fi\n"
        )
        self.path.chmod(0o755)

    def shows(self, text: str, code: int = 0) -> None:
        """Set the answer to ``show``."""
        self._show.write_text(f"cat <<'END'\n{text}END\nexit {code}\n")

    def answers(self, text: str, code: int) -> None:
        """Set the answer to every other verb."""
        self._answer.write_text(f"cat >&2 <<'END'\n{text}\nEND\nexit {code}\n")

    @property
    def calls(self) -> list[str]:
        """The arguments of every call but ``show``."""
        return [line for line in self._log.read_text().splitlines() if " show " not in line]


@pytest.fixture
def systemctl(tmp_path: Path) -> FakeSystemctl:
    """A systemctl for which every unit is up."""
    return FakeSystemctl(tmp_path / "bin")


@pytest.fixture
def systemd(systemctl: FakeSystemctl) -> SystemdSupervisor:
    """The supervisor that calls it."""
    return SystemdSupervisor(str(systemctl.path))


def test_control_calls_systemctl_without_asking(systemd: SystemdSupervisor, systemctl: FakeSystemctl) -> None:
    """It never asks for a password or opens a pager, because an event has nobody to answer."""
    systemd.control("dovecot", "sighup")
    systemd.control("dovecot", "sigwinch")
    assert systemctl.calls == [
        "--no-ask-password --no-pager reload-or-restart dovecot",
        "--no-ask-password --no-pager kill --kill-who=main --signal=SIGWINCH dovecot",
    ]


def test_unknown_action_calls_nothing(systemd: SystemdSupervisor, systemctl: FakeSystemctl) -> None:
    """It is refused before systemctl is called."""
    with pytest.raises(UsageError):
        systemd.control("dovecot", "restrat")
    assert systemctl.calls == []


def test_failure_shows_what_systemctl_printed(systemd: SystemdSupervisor, systemctl: FakeSystemctl) -> None:
    """The original only logged it; here it is an error with the commands to look closer."""
    systemctl.answers("Job for dovecot.service failed.", 1)
    with pytest.raises(ServiceError) as caught:
        systemd.control("dovecot", "restart")
    assert str(caught.value) == (
        "service dovecot: systemctl restart failed: Job for dovecot.service failed.\n"
        "  look closer with: systemctl status dovecot\n  and with: journalctl -u dovecot"
    )


@pytest.mark.parametrize("load", ["not-found", "masked"])
def test_missing_unit_is_unsupervised(systemd: SystemdSupervisor, systemctl: FakeSystemctl, load: str) -> None:
    """Where there is no unit, or it may not be started, nothing supervises the service."""
    systemctl.shows(f"LoadState={load}\nActiveState=inactive\n")
    systemctl.answers(f"Failed to restart nosuch.service: Unit nosuch.service is {load}.", 5)
    assert not systemd.has_unit("nosuch")
    assert systemd.status("nosuch").state is Status.UNSUPERVISED
    with pytest.raises(UnsupervisedError, match=f"no such unit: Failed to restart .* is {load}"):
        systemd.control("nosuch", "restart")


@pytest.mark.parametrize(
    ("active", "state"),
    [
        ("active", Status.UP),
        ("reloading", Status.UP),
        ("activating", Status.STARTING),
        ("deactivating", Status.ENDING),
        ("inactive", Status.DOWN),
        ("failed", Status.DOWN),
        ("maintenance", Status.UNKNOWN),
    ],
)
def test_states(systemd: SystemdSupervisor, systemctl: FakeSystemctl, active: str, state: Status) -> None:
    """The states of systemd as this package names them."""
    systemctl.shows(_LOADED.replace("active\n", f"{active}\n"))
    assert systemd.status("dovecot").state is state


def test_status_has_pid_and_time(systemd: SystemdSupervisor, systemctl: FakeSystemctl) -> None:
    """A process that changed state when the machine started has been so for as long as the machine runs."""
    systemctl.shows(_LOADED + "StateChangeTimestampMonotonic=1\n")
    status = systemd.status("dovecot")
    assert (status.state, status.pid) == (Status.UP, 4242)
    systemctl.shows("LoadState=loaded\nActiveState=active\nMainPID=0\nStateChangeTimestampMonotonic=[not set]\n")
    status = systemd.status("dovecot")
    assert (status.pid, status.seconds) == (None, 0)


def test_oneshot_that_ran_counts_as_done(systemd: SystemdSupervisor, systemctl: FakeSystemctl) -> None:
    """A oneshot unit is inactive after it did its work; that is not a failure, unless it never ran or failed."""
    ran = "LoadState=loaded\nActiveState=inactive\nMainPID=0\nType=oneshot\nResult=success\n"
    systemctl.shows(ran + "StateChangeTimestampMonotonic=5000\n")
    assert systemd.status("masq").state is Status.FINISHED
    systemctl.shows(ran + "StateChangeTimestampMonotonic=0\n")
    assert systemd.status("masq").state is Status.DOWN
    systemctl.shows(ran.replace("inactive", "failed").replace("success", "exit-code"))
    assert systemd.status("masq").state is Status.DOWN


def test_systemd_that_does_not_answer(systemd: SystemdSupervisor, systemctl: FakeSystemctl) -> None:
    """Not being able to ask is an error, and not "there is no such unit"."""
    systemctl.shows("Failed to connect to bus: Host is down\n", 1)
    with pytest.raises(ServiceError, match="Failed to connect to bus"):
        systemd.status("dovecot")


def test_systemctl_that_hangs_is_killed(systemctl: FakeSystemctl) -> None:
    """An event does not wait without limit, and what systemctl started is killed with it."""
    pid_file = systemctl.path.parent / "pid"
    systemctl.path.write_text(f"#!/bin/sh\nsleep 1000 & echo $! >'{pid_file}'\nwait\n")
    with pytest.raises(ServiceError, match="did not end within 3 s"):
        SystemdSupervisor(str(systemctl.path), timeout=3).control("dovecot", "restart")
    pid = int(pid_file.read_text())
    eventually(lambda: not _runs(pid), "what systemctl started is gone")


def _runs(pid: int) -> bool:
    """Return whether a process runs; one that is dead but not yet reaped does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_systemctl_that_is_missing_names_the_package(tmp_path: Path) -> None:
    """The error says what to install."""
    with pytest.raises(ServiceError, match="service dovecot: .*not on the PATH\n.*Debian package systemd"):
        SystemdSupervisor(str(tmp_path / "systemctl")).control("dovecot", "restart")


def test_adjust_starts_what_is_down(systemd: SystemdSupervisor, systemctl: FakeSystemctl) -> None:
    """A restart of a unit that is down is one start."""
    systemctl.shows(_LOADED.replace("active\n", "inactive\n"))
    assert adjust(systemd, "dovecot", ["restart"], enabled=True) == ["start"]
    assert [os.path.basename(call) for call in systemctl.calls] == ["--no-ask-password --no-pager start dovecot"]


def test_signals_reach_the_daemon_of_our_units(systemctl: FakeSystemctl) -> None:
    """A unit that esmith init wrote gets USR1 and USR2 themselves; of another it is not known what they would do."""
    SystemdSupervisor(str(systemctl.path), is_ours=True).control("httpd", "sigusr1")
    SystemdSupervisor(str(systemctl.path)).control("httpd", "sigusr1")
    assert systemctl.calls == [
        "--no-ask-password --no-pager kill --kill-who=main --signal=SIGUSR1 httpd",
        "--no-ask-password --no-pager reload-or-restart httpd",
    ]


@pytest.mark.parametrize(
    ("action", "then"), [("stop", "stays down"), ("restart", "starts again by itself"), ("try-restart", "starts again")]
)
def test_a_service_that_completes_something(systemctl: FakeSystemctl, action: str, then: str) -> None:
    """It is waited for only so long; systemd does the rest by itself when its process has ended."""
    ending = Ending(wait=0.3, until="its deliveries are done")
    with pytest.raises(StillEndingError, match=f"it ends when its deliveries are done, and then {then}") as caught:
        SystemdSupervisor(str(systemctl.path), ending=ending).control("qmail", action)
    assert caught.value.pid == 4242
    assert systemctl.calls == [f"--no-ask-password --no-pager --no-block {action} qmail"]


def test_a_service_that_completed_it_in_time(systemctl: FakeSystemctl) -> None:
    """A restart is over when the unit is up as another process."""
    systemd = SystemdSupervisor(str(systemctl.path), ending=Ending(wait=30, until="its deliveries are done"))
    answer = systemctl.path.parent / "answer"
    shown = _LOADED.replace("4242", "4243")
    answer.write_text(f"cat >'{systemctl.path.parent}/show' <<'END'\ncat <<'OUT'\n{shown}OUT\nEND\nexit 0\n")
    systemd.control("qmail", "restart")
    assert systemd.status("qmail").pid == 4243


def test_states_of_several_units(systemctl: FakeSystemctl) -> None:
    """Of several units each has its own state, also beside one that is not there."""
    missing = "LoadState=not-found\nActiveState=inactive\nMainPID=0\nSourcePath=\n"
    systemctl.shows("\n".join([_LOADED, missing, _LOADED.replace("ActiveState=active", "ActiveState=failed")]))
    states = states_of_units(["dovecot", "imap", "clamd"], str(systemctl.path))
    assert {unit: status.state for unit, status in states.items()} == {
        "dovecot": Status.UP,
        "imap": Status.UNSUPERVISED,
        "clamd": Status.DOWN,
    }
    assert states["dovecot"].pid == 4242


def test_a_unit_that_is_not_shown(systemctl: FakeSystemctl) -> None:
    """When systemctl shows fewer units than were asked for, nobody knows which: that is an error."""
    systemctl.shows(_LOADED)
    with pytest.raises(ServiceError, match="units dovecot imap: systemd does not show their states: LoadState=loaded"):
        states_of_units(["dovecot", "imap"], str(systemctl.path))
