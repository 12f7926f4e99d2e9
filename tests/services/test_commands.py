"""How each supervisor's program is called for each service action."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from esmith.layout import Layout
from esmith.services.actions import ACTIONS
from esmith.services.daemontools import DaemontoolsSupervisor
from esmith.services.definition import Services
from esmith.services.runit import RunitSupervisor
from esmith.services.systemd import SystemdSupervisor
from tests.documents import HOME

#: Words the two supervisors of directories settle by the state of the service or by its directory.
_SETTLED_BEFORE = {"try-restart", "reload", "reload-or-restart", "reload-or-try-restart", "enable", "disable"}

RUNIT = {
    "stop": "sv -w 30 stop /service/x",
    "start": "sv -w 30 start /service/x",
    "restart": "sv -w 30 restart /service/x",
    "exit": "sv exit /service/x",
    "kill": "sv kill /service/x",
    "once": "sv once /service/x",
    "hup": "sv hup /service/x",
    "usr1": "sv 1 /service/x",
    "usr2": "sv 2 /service/x",
    "alarm": "sv alarm /service/x",
    "interrupt": "sv interrupt /service/x",
    "quit": "sv quit /service/x",
    "pause": "sv pause /service/x",
    "cont": "sv cont /service/x",
    "sigwinch": None,
}

DAEMONTOOLS = {
    "stop": "svc -d /service/x",
    "start": "svc -u /service/x",
    "restart": "svc -tcu /service/x",
    "exit": "svc -dx /service/x",
    "kill": "svc -k /service/x",
    "once": "svc -o /service/x",
    "hup": "svc -h /service/x",
    "usr1": None,
    "usr2": None,
    "alarm": "svc -a /service/x",
    "interrupt": "svc -i /service/x",
    "quit": None,
    "pause": "svc -p /service/x",
    "cont": "svc -c /service/x",
    "sigwinch": None,
}

SYSTEMD = {
    "down": "stop x",
    "stop": "stop x",
    "up": "start x",
    "start": "start x",
    "once": "start x",
    "restart": "restart x",
    "sigterm": "restart x",
    "term": "restart x",
    "adjust": "reload-or-restart x",
    "graceful": "reload-or-restart x",
    "sighup": "reload-or-restart x",
    "hup": "reload-or-restart x",
    "sigusr1": "reload-or-restart x",
    "sigusr2": "reload-or-restart x",
    "usr1": "reload-or-restart x",
    "usr2": "reload-or-restart x",
    "reload": "reload x",
    "reload-or-restart": "reload-or-restart x",
    "try-restart": "try-restart x",
    "reload-or-try-restart": "reload-or-try-restart x",
    "enable": "enable x",
    "disable": "disable x",
    "exit": "stop x",
    "kill": "kill --kill-who=main --signal=SIGKILL x",
    "alarm": "kill --kill-who=main --signal=SIGALRM x",
    "interrupt": "kill --kill-who=main --signal=SIGINT x",
    "quit": "kill --kill-who=main --signal=SIGQUIT x",
    "pause": "kill --kill-who=main --signal=SIGSTOP x",
    "cont": "kill --kill-who=main --signal=SIGCONT x",
    "sigwinch": "kill --kill-who=main --signal=SIGWINCH x",
}


@pytest.mark.parametrize(("action", "command"), RUNIT.items())
def test_runit(action: str, command: str | None) -> None:
    """Each action is one call of sv; what changes the state is waited for; unknown signals are sent by the engine."""
    argv = RunitSupervisor("/service").command(action, "/service/x")
    assert (argv and " ".join(argv)) == command


@pytest.mark.parametrize(("action", "command"), DAEMONTOOLS.items())
def test_daemontools(action: str, command: str | None) -> None:
    """Each action is one call of svc; what the svc of Debian cannot send is sent by the engine."""
    argv = DaemontoolsSupervisor("/service").command(action, "/service/x")
    assert (argv and " ".join(argv)) == command


@pytest.mark.parametrize(("action", "command"), SYSTEMD.items())
def test_systemd(action: str, command: str) -> None:
    """Each action is one call of systemctl, mapped as the original maps it."""
    assert " ".join(SystemdSupervisor().arguments("x", action)) == command


@pytest.mark.parametrize("panel", ["httpd-e-smith", "smanager"])
def test_systemd_spares_the_web_panel(panel: str, tmp_path: Path) -> None:
    """Restarting the panel would kill the event it started, so its definition has systemd reload it."""
    copytree(HOME / "services", tmp_path / "etc/e-smith/services")
    service = Services(Layout(str(tmp_path))).of(panel)
    systemd = SystemdSupervisor(unit=service.unit, verbs=service.verbs)
    assert systemd.arguments(panel, "restart") == ["reload-or-restart", panel]
    assert systemd.arguments(panel, "stop") == ["stop", panel]


def test_systemd_has_a_name_of_its_own_for_a_service() -> None:
    """The unit that the definition names is meant in every call, signals included."""
    systemd = SystemdSupervisor(unit="x-daemon")
    assert systemd.arguments("x", "restart") == ["restart", "x-daemon"]
    assert systemd.arguments("x", "sigwinch") == ["kill", "--kill-who=main", "--signal=SIGWINCH", "x-daemon"]


def test_no_action_is_forgotten() -> None:
    """The tables above hold every action there is."""
    assert set(ACTIONS) == set(RUNIT) - {"sigwinch"} | _SETTLED_BEFORE
    assert set(ACTIONS) == set(DAEMONTOOLS) - {"sigwinch"} | _SETTLED_BEFORE
    assert set(ACTIONS) <= set(SYSTEMD)
