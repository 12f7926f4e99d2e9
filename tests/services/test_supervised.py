"""Real runit and real daemontools: what both do alike."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from esmith.errors import ServiceError, UsageError
from esmith.services.adjust import adjust, unsteady
from esmith.services.model import Status, UnsupervisedError
from esmith.services.supervised import NoSupervisor

from .servers import CRASHING, STUBBORN, Server, ServiceTree, eventually


def test_status_of_a_running_service(server: Server, tree: ServiceTree) -> None:
    """The pid is that of the daemon itself, and the supervisor's own program tells the same."""
    tree.add("imap")
    server.start()
    supervisor = server.supervisor()
    status = supervisor.status("imap")
    assert (status.state, str(status.pid)) == (Status.UP, tree.read("imap", "ready"))
    look = supervisor.look_closer(f"{tree.folder}/imap").split()
    said = subprocess.run(look, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"\(pid {status.pid}\) \d+ ?s", said)


def test_restart_gives_a_new_process(server: Server, tree: ServiceTree) -> None:
    """When restart returns, the new process is there: also for a service that has just started."""
    tree.add("imap")
    server.start()
    pids = [server.ready("imap")]
    for word in ("restart", "sigterm", "restart"):
        server.supervisor().control("imap", word)
        status = server.supervisor().status("imap")
        assert status.state is Status.UP
        pids.append(status.pid or 0)
        assert server.ready("imap") == status.pid
    assert len(set(pids)) == 4


@pytest.mark.parametrize(
    ("word", "heard"),
    [
        ("sighup", "SIGHUP"),
        ("adjust", "SIGHUP"),
        ("reload", "SIGHUP"),
        ("reload-or-restart", "SIGHUP"),
        ("sigusr1", "SIGUSR1"),
        ("sigusr2", "SIGUSR2"),
        ("alarm", "SIGALRM"),
        ("interrupt", "SIGINT"),
        ("quit", "SIGQUIT"),
        ("sigwinch", "SIGWINCH"),
    ],
)
def test_signals_reach_the_same_process(server: Server, tree: ServiceTree, word: str, heard: str) -> None:
    """A signal is heard exactly once, and the process stays."""
    tree.add("imap")
    server.start()
    pid = server.ready("imap")
    server.supervisor().control("imap", word)
    eventually(lambda: tree.read("imap", "heard") != "", f"{word} is heard")
    assert tree.read("imap", "heard") == heard + "\n"
    assert server.supervisor().status("imap").pid == pid


def test_stop_and_start(server: Server, tree: ServiceTree) -> None:
    """When stop returns the service is down, when start returns it is up; both may be asked twice."""
    tree.add("imap")
    server.start()
    supervisor = server.supervisor()
    for word, state in [("stop", Status.DOWN), ("down", Status.DOWN), ("start", Status.UP), ("up", Status.UP)]:
        supervisor.control("imap", word)
        assert supervisor.status("imap").state is state


def test_a_service_that_is_normally_down(server: Server, tree: ServiceTree) -> None:
    """Signals to it do nothing, try-restart leaves it down, restart starts it."""
    tree.add("imap", down=True)
    server.start()
    supervisor = server.supervisor()
    for word in ("sighup", "reload", "reload-or-try-restart", "sigusr1", "sigwinch", "try-restart"):
        supervisor.control("imap", word)
        assert supervisor.status("imap").state is Status.DOWN
    supervisor.control("imap", "restart")
    assert supervisor.status("imap").state is Status.UP


def test_reload_or_restart_starts_a_service_that_is_down(server: Server, tree: ServiceTree) -> None:
    """As systemctl does."""
    tree.add("imap", down=True)
    server.start()
    server.supervisor().control("imap", "reload-or-restart")
    assert server.supervisor().status("imap").state is Status.UP


def test_once_runs_a_last_time(server: Server, tree: ServiceTree) -> None:
    """The service runs, and is not started again when it ends."""
    tree.add("imap", down=True)
    server.start()
    supervisor = server.supervisor()
    supervisor.control("imap", "once")
    eventually(lambda: supervisor.status("imap").state is Status.ENDING, "it runs")
    supervisor.control("imap", "kill")
    eventually(lambda: supervisor.status("imap").state is Status.DOWN, "it is down")


def test_pause_and_continue(server: Server, tree: ServiceTree) -> None:
    """A paused service is told from one that works, and a restart gets it going."""
    tree.add("imap")
    server.start()
    supervisor = server.supervisor()
    supervisor.control("imap", "pause")
    eventually(lambda: supervisor.status("imap").state is Status.PAUSED, "it is paused")
    supervisor.control("imap", "cont")
    eventually(lambda: supervisor.status("imap").state is Status.UP, "it continues")
    pid = supervisor.status("imap").pid
    supervisor.control("imap", "pause")
    eventually(lambda: supervisor.status("imap").state is Status.PAUSED, "it is paused again")
    supervisor.control("imap", "restart")
    assert supervisor.status("imap").pid != pid


def test_killed_service_is_started_again(server: Server, tree: ServiceTree) -> None:
    """KILL goes to the process only; the supervisor starts another."""
    tree.add("imap")
    server.start()
    pid = server.ready("imap")
    server.supervisor().control("imap", "sigkill")
    eventually(lambda: server.ready("imap") != pid, "another process is ready")


def test_enable_and_disable(server: Server, tree: ServiceTree, tmp_path: Path) -> None:
    """They decide whether the service starts with its supervisor, and do not touch it now."""
    directory = tree.add("imap")
    server.start()
    pid = server.ready("imap")
    server.supervisor().control("imap", "disable")
    assert os.path.exists(f"{directory}/down")
    server.supervisor().control("imap", "enable")
    assert not os.path.exists(f"{directory}/down")
    assert server.supervisor().status("imap").pid == pid


def test_unknown_word_touches_nothing(server: Server, tree: ServiceTree) -> None:
    """It is refused as wrong usage; the process stays."""
    tree.add("imap")
    server.start()
    pid = server.ready("imap")
    with pytest.raises(UsageError, match="'restart'"):
        server.supervisor().control("imap", "restrat")
    assert server.supervisor().status("imap").pid == pid


def test_supervisor_that_is_gone(server: Server, tree: ServiceTree) -> None:
    """Its folder stays behind, but it is told from a service that is down, and a word to it is still owed."""
    tree.add("imap")
    server.start()
    supervisor = server.supervisor()
    server.stop()
    assert supervisor.status("imap").state is Status.UNSUPERVISED
    for control in (supervisor.control, NoSupervisor(tree.folder).control):
        with pytest.raises(UnsupervisedError, match="service imap: nothing supervises it now, so restart is still"):
            control("imap", "sigterm")
    with pytest.raises(UnsupervisedError, match="still to be done: hup"):
        adjust(supervisor, "imap", ["sighup"], enabled=True)


def test_service_that_does_not_stop(server: Server, tree: ServiceTree) -> None:
    """A stop that takes too long is an error with the state and a way to look closer; a kill then ends it."""
    tree.add("imap", STUBBORN)
    server.start()
    supervisor = server.supervisor(timeout=1)
    with pytest.raises(ServiceError) as caught:
        supervisor.control("imap", "stop")
    assert caught.value.place == "service imap"
    assert "stop" in caught.value.message
    assert supervisor.look_closer(f"{tree.folder}/imap") in caught.value.hint
    assert supervisor.status("imap").state is Status.ENDING
    supervisor.control("imap", "kill")
    eventually(lambda: supervisor.status("imap").state is Status.DOWN, "it is down")


def test_missing_program_names_the_package(
    server: Server, tree: ServiceTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without sv or svc the error says what to install, and nothing happened."""
    tree.add("imap")
    server.start()
    pid = server.ready("imap")
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        with pytest.raises(ServiceError, match=f"not on the PATH\n.*Debian package {server.package}"):
            server.supervisor().control("imap", "restart")
    assert server.supervisor().status("imap").pid == pid


def test_a_crashing_service_is_found_unsteady(server: Server, tree: ServiceTree) -> None:
    """A service that ends as soon as it starts looks up now and then, but not twice with the same process."""
    tree.add("clamd", CRASHING)
    tree.add("imap")
    server.start()
    watched = [(server.supervisor(), "clamd"), (server.supervisor(), "imap")]
    eventually(lambda: list(unsteady(watched, seconds=0.5)) == ["clamd"], "clamd is found unsteady")


def test_adjust_starts_restarts_and_stops(server: Server, tree: ServiceTree) -> None:
    """The whole way of a service that is enabled, reconfigured and disabled."""
    tree.add("imap", down=True)
    server.start()
    supervisor = server.supervisor()
    assert adjust(supervisor, "imap", ["restart"], enabled=True) == ["start"]
    pid = server.ready("imap")
    assert adjust(supervisor, "imap", ["sighup"], enabled=True) == ["hup"]
    assert server.ready("imap") == pid
    assert adjust(supervisor, "imap", ["sighup", "restart"], enabled=True) == ["restart"]
    assert server.ready("imap") != pid
    assert adjust(supervisor, "imap", ["restart"], enabled=False) == ["stop"]
    assert supervisor.status("imap").state is Status.DOWN
