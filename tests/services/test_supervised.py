"""Real runit and real daemontools: what both do alike."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest

from esmith.errors import ServiceError, UsageError
from esmith.layout import Layout
from esmith.services.adjust import adjust
from esmith.services.health import find_failing
from esmith.services.model import Status, UnsupervisedError
from esmith.services.service import Probe
from esmith.services.supervised import NoSupervisor
from tests.programs import PACKAGES

from .servers import CRASHING, LATE, STUBBORN, Server, ServiceTree, eventually


def test_status_of_a_running_service(shared: Server) -> None:
    """The pid is that of the daemon itself, and the supervisor's own program reports the same."""
    name = shared.tree.take("up")
    supervisor = shared.supervisor()
    status = supervisor.status(name)
    assert (status.state, str(status.pid)) == (Status.UP, shared.tree.read(name, "ready"))
    look = supervisor.look_closer(f"{shared.tree.folder}/{name}").split()
    printed = subprocess.run(look, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"\(pid {status.pid}\) \d+ ?s", printed)


def test_restart_gives_a_new_process(shared: Server) -> None:
    """When restart returns, the new process is there: also for a service that has just started."""
    name = shared.tree.take("up")
    pids = [shared.ready(name)]
    for action in ("restart", "sigterm", "restart"):
        shared.supervisor().control(name, action)
        status = shared.supervisor().status(name)
        assert status.state is Status.UP
        pids.append(status.pid or 0)
        assert shared.ready(name) == status.pid
    assert len(set(pids)) == 4


def test_start_waits_for_one_that_is_ending(server: Server, tree: ServiceTree) -> None:
    """A service that somebody stops by hand, and that is started meanwhile, is a new process when start returns."""
    directory = tree.add("late", LATE)
    server.start()
    pid = server.ready("late")
    with open(f"{directory}/supervise/control", "wb") as control:
        control.write(b"d")
    eventually(lambda: tree.read("late", "heard") == "SIGTERM\n", "it is ending")
    threading.Timer(0.3, tree.write, (directory, "done", "")).start()
    server.supervisor().control("late", "start")
    status = server.supervisor().status("late")
    assert status.state is Status.UP
    assert status.pid != pid


def test_start_of_one_that_ends_late(server: Server, tree: ServiceTree) -> None:
    """When it takes longer than start may wait, it is up with the old process, and starts again by itself."""
    directory = tree.add("late", LATE)
    server.start()
    pid = server.ready("late")
    with open(f"{directory}/supervise/control", "wb") as control:
        control.write(b"d")
    eventually(lambda: tree.read("late", "heard") == "SIGTERM\n", "it is ending")
    server.supervisor(timeout=0.3).control("late", "start")
    assert server.supervisor().status("late").pid == pid
    tree.write(directory, "done", "")
    eventually(lambda: server.ready("late") != pid, "another process is ready")


def test_signals_reach_the_same_process(shared: Server) -> None:
    """Each signal is heard exactly once, and the process stays."""
    name = shared.tree.take("up")
    pid = shared.ready(name)
    heard = ""
    for action, signal in [
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
    ]:
        shared.supervisor().control(name, action)
        heard += f"{signal}\n"
        eventually(partial(_has_heard, shared.tree, name, heard), f"{action} is heard")
        assert shared.tree.read(name, "heard") == heard
    assert shared.supervisor().status(name).pid == pid


def _has_heard(tree: ServiceTree, name: str, text: str) -> bool:
    return len(tree.read(name, "heard")) >= len(text)


def test_stop_and_start(shared: Server) -> None:
    """When stop returns the service is down, when start returns it is up; both may be asked twice."""
    name = shared.tree.take("up")
    supervisor = shared.supervisor()
    for action, state in [("stop", Status.DOWN), ("down", Status.DOWN), ("start", Status.UP), ("up", Status.UP)]:
        supervisor.control(name, action)
        assert supervisor.status(name).state is state


def test_a_service_that_is_normally_down(shared: Server) -> None:
    """Signals to it do nothing, try-restart leaves it down, restart starts it."""
    name = shared.tree.take("down")
    supervisor = shared.supervisor()
    for action in ("sighup", "reload", "reload-or-try-restart", "sigusr1", "sigwinch", "try-restart"):
        supervisor.control(name, action)
        assert supervisor.status(name).state is Status.DOWN
    supervisor.control(name, "restart")
    assert supervisor.status(name).state is Status.UP


def test_reload_or_restart_starts_a_service_that_is_down(shared: Server) -> None:
    """As systemctl does."""
    name = shared.tree.take("down")
    shared.supervisor().control(name, "reload-or-restart")
    assert shared.supervisor().status(name).state is Status.UP


def test_once_runs_a_last_time(shared: Server) -> None:
    """The service runs, and is not started again when it ends."""
    name = shared.tree.take("down")
    supervisor = shared.supervisor()
    supervisor.control(name, "once")
    eventually(lambda: supervisor.status(name).state is Status.ENDING, "it runs")
    supervisor.control(name, "kill")
    eventually(lambda: supervisor.status(name).state is Status.DOWN, "it is down")


def test_pause_and_continue(shared: Server) -> None:
    """A paused service is distinguished from one that works, and a restart gets it going."""
    name = shared.tree.take("up")
    supervisor = shared.supervisor()
    supervisor.control(name, "pause")
    eventually(lambda: supervisor.status(name).state is Status.PAUSED, "it is paused")
    supervisor.control(name, "cont")
    eventually(lambda: supervisor.status(name).state is Status.UP, "it continues")
    pid = supervisor.status(name).pid
    supervisor.control(name, "pause")
    eventually(lambda: supervisor.status(name).state is Status.PAUSED, "it is paused again")
    supervisor.control(name, "restart")
    assert supervisor.status(name).pid != pid


def test_killed_service_is_started_again(shared: Server) -> None:
    """KILL goes to the process only; the supervisor starts another."""
    name = shared.tree.take("up")
    pid = shared.ready(name)
    shared.supervisor().control(name, "sigkill")
    eventually(lambda: shared.ready(name) != pid, "another process is ready")


def test_enable_and_disable(shared: Server) -> None:
    """They decide whether the service starts with its supervisor, and do not touch it now."""
    name = shared.tree.take("up")
    directory = shared.tree.directory(name).path
    pid = shared.ready(name)
    shared.supervisor().control(name, "disable")
    assert os.path.exists(f"{directory}/down")
    shared.supervisor().control(name, "enable")
    assert not os.path.exists(f"{directory}/down")
    assert shared.supervisor().status(name).pid == pid


def test_unknown_action_touches_nothing(shared: Server) -> None:
    """It is refused as wrong usage; the process stays."""
    name = shared.tree.take("up")
    pid = shared.ready(name)
    with pytest.raises(UsageError, match="'restart'"):
        shared.supervisor().control(name, "restrat")
    assert shared.supervisor().status(name).pid == pid


def test_supervisor_that_is_gone(server: Server, tree: ServiceTree) -> None:
    """Its folder stays behind, but it is distinguished from one that is down, and an action for it stays pending."""
    tree.add("imap")
    server.start()
    supervisor = server.supervisor()
    server.stop()
    assert supervisor.status("imap").state is Status.UNSUPERVISED
    for control in (supervisor.control, NoSupervisor(tree.folder).control):
        with pytest.raises(UnsupervisedError, match="service imap: not supervised; restart is pending"):
            control("imap", "sigterm")
    with pytest.raises(UnsupervisedError, match="not supervised; hup"):
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


def test_missing_program_names_the_package(shared: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sv or svc the error says what to install, and nothing happened."""
    name = shared.tree.take("up")
    pid = shared.ready(name)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(tmp_path))
        with pytest.raises(ServiceError, match=f"not on the PATH\n.*Debian package {PACKAGES[shared.control]}"):
            shared.supervisor().control(name, "restart")
    assert shared.supervisor().status(name).pid == pid


def test_a_crashing_service_is_found_unsteady(server: Server, tree: ServiceTree) -> None:
    """A service that ends as soon as it starts looks up now and then, but does not stay so; another one does."""
    tree.add("clamd", CRASHING)
    tree.add("imap")
    server.start()
    watched = [(server.supervisor(), "clamd"), (server.supervisor(), "imap")]
    probes = dict.fromkeys(("clamd", "imap"), Probe(up_for=1.5))

    def failing() -> list[str]:
        return list(find_failing(watched, probes, Layout(tree.root)))

    eventually(lambda: failing() == ["clamd"], "clamd is found failing, and imap not")


def test_adjust_starts_restarts_and_stops(shared: Server) -> None:
    """The whole way of a service that is enabled, reconfigured and disabled."""
    name = shared.tree.take("down")
    supervisor = shared.supervisor()
    assert adjust(supervisor, name, ["restart"], enabled=True) == ["start"]
    pid = shared.ready(name)
    assert adjust(supervisor, name, ["sighup"], enabled=True) == ["hup"]
    assert shared.ready(name) == pid
    assert adjust(supervisor, name, ["sighup", "restart"], enabled=True) == ["restart"]
    assert shared.ready(name) != pid
    assert adjust(supervisor, name, ["restart"], enabled=False) == ["stop"]
    assert supervisor.status(name).state is Status.DOWN
