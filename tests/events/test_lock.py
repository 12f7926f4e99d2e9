"""One event at a time per root."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from esmith.events.lock import find_holder
from esmith.layout import Layout
from esmith.store.locks import try_flock
from tests.commands import Root
from tests.events.kit import eventually, make_event, start

#: Says that it runs, and waits until it may go on; it gives up by itself after a minute.
HOLD = """\
echo "begin $1" >>"$ESMITH_ROOT/order"
i=0
while [ ! -e "$ESMITH_ROOT/go" ] && [ $i -lt 1200 ]; do i=$((i+1)); sleep 0.05; done
echo "end $1" >>"$ESMITH_ROOT/order"
"""


def _order(root: Root) -> list[str]:
    return root.lines("/order") if root.file("/order").exists() else []


@pytest.fixture
def held(root: Root, tmp_path: Path) -> Iterator[Root]:
    """Give a root on which the event ``hold`` runs until the file ``go`` exists."""
    make_event(root.path, "hold", actions={"S10": HOLD})
    make_event(root.path, "quick", actions={"S10": 'echo "quick" >>"$ESMITH_ROOT/order"'})
    holder = start(root, "signal-event", "hold", errors=tmp_path / "holder")
    try:
        eventually(lambda: _order(root) == ["begin hold"], "the first event runs")
        yield root
    finally:
        root.file("/go").touch()
        holder.wait(timeout=60)
    assert holder.returncode in (0, -9), (tmp_path / "holder").read_text()


def test_a_second_event_waits(held: Root, tmp_path: Path) -> None:
    """While an event runs another waits, says for whom, and runs when the first has ended."""
    errors = tmp_path / "second"
    second = start(held, "signal-event", "quick", errors=errors)
    eventually(lambda: "waiting for event hold" in errors.read_text(), "the second says that it waits")
    assert _order(held) == ["begin hold"]
    held.file("/go").touch()
    assert second.wait(timeout=60) == 0
    assert _order(held) == ["begin hold", "end hold", "quick"]
    assert len(errors.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("program", "words"),
    [("signal-event", ["quick"]), ("expand-template", ["/var/qmail/control/me"])],
    ids=["event", "expand-template"],
)
def test_waiting_ends_at_the_timeout(held: Root, program: str, words: list[str]) -> None:
    """A command that waited long enough gives up with exit code 9, names the event that runs, and changes nothing."""
    answer = held.run(program, "--timeout", "0.2", *words, code=ExitCode.BUSY)
    assert "event hold" in answer.err
    assert "still running" in answer.err
    assert _order(held) == ["begin hold"]
    assert not held.file("/var/qmail/control/me").exists()


def test_a_deleted_lock_file_lets_nobody_in(held: Root, tmp_path: Path) -> None:
    """While an event runs, its lock file may be deleted, again and again: others wait and say which process it is."""
    lock = held.file("/var/lib/e-smith/event.lock")
    for _ in range(2):
        lock.unlink()
        answer = held.run("signal-event", "--timeout", "0.2", "quick", code=ExitCode.BUSY)
        assert "signal-event hold (process " in answer.err
        assert "running now: signal-event hold (process " in held.esmith("status", "-v", code=None).out
    assert _order(held) == ["begin hold"]
    held.file("/go").touch()
    errors = tmp_path / "second"
    second = start(held, "signal-event", "quick", errors=errors)
    assert second.wait(timeout=60) == 0, errors.read_text()
    assert _order(held) == ["begin hold", "end hold", "quick"]
    assert "running now" not in held.esmith("status", "-v", code=None).out


def test_an_event_within_an_event_whose_lock_file_was_deleted(root: Root) -> None:
    """An event that an action signals runs inside the one that holds the lock, also when its file was deleted."""
    make_event(root.path, "inner", actions={"S10": 'echo "inner" >>"$ESMITH_ROOT/order"'})
    outer = 'rm "$ESMITH_ROOT/var/lib/e-smith/event.lock"; signal-event --timeout 0.2 inner'
    make_event(root.path, "outer", actions={"S10": outer})
    root.signal("outer")
    assert _order(root) == ["inner"]


def test_looking_disturbs_nobody(held: Root) -> None:
    """Looking whether an event runs does not keep one from beginning, and needs no lock."""
    layout = Layout(str(held.path))
    with held.file("/var/lib/e-smith/event.lock").open() as file:
        assert "event hold (process " in (find_holder(layout) or "")
        assert not try_flock(file.fileno())
    held.file("/go").touch()
    eventually(lambda: find_holder(layout) is None, "the event has ended")


def test_what_writes_no_file_does_not_wait(held: Root) -> None:
    """Settings may be read and changed, and events rehearsed, while one runs."""
    held.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    assert held.config("getprop", "qpsmtpd", "DNSBL").out == "enabled\n"
    held.signal("--dry-run", "quick")
    held.expand("--dry-run", "/var/qmail/control/me")
    held.esmith("status", "-v", code=None)
    assert _order(held) == ["begin hold"]


def test_a_stranger_does_not_get_in_with_a_wrong_token(held: Root) -> None:
    """The token by which an action's own events are let in opens nothing when it is another event's."""
    held.run("signal-event", "--timeout", "0.2", "quick", env={"ESMITH_EVENT_LOCK": "0" * 16}, code=ExitCode.BUSY)
    held.run("signal-event", "--timeout", "0.2", "quick", env={"ESMITH_EVENT_LOCK": ""}, code=ExitCode.BUSY)


def test_a_killed_event_frees_the_lock(root: Root, tmp_path: Path) -> None:
    """When the process of an event is killed the next event runs, even while an action of the first still does."""
    make_event(root.path, "hold", actions={"S10": HOLD})
    make_event(root.path, "quick", actions={"S10": 'echo "quick" >>"$ESMITH_ROOT/order"'})
    holder = start(root, "signal-event", "hold", errors=tmp_path / "holder")
    try:
        eventually(lambda: _order(root) == ["begin hold"], "the first event runs")
        holder.kill()
        holder.wait(timeout=60)
        root.signal("--timeout", "0.2", "quick")
        assert _order(root) == ["begin hold", "quick"]
    finally:
        root.file("/go").touch()
        eventually(lambda: "end hold" in _order(root), "the action has ended")


def test_a_failed_event_frees_the_lock(root: Root) -> None:
    """An event that fails leaves the lock free."""
    make_event(root.path, "fails", actions={"S10": "exit 1"})
    root.signal("fails", code=ExitCode.ACTION)
    root.signal("--timeout", "0.1", "email-update")


@pytest.mark.usefixtures("held")
def test_roots_do_not_wait_for_each_other(_fresh: Path, tmp_path: Path) -> None:
    """An event on another root runs at once."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(_fresh, elsewhere, symlinks=True)
    make_event(elsewhere, "quick")
    Root(elsewhere).signal("--timeout", "0.1", "quick")


@pytest.mark.parametrize("command", [["signal-event", "quick"], ["expand-template", "/etc/clamd.conf"]])
def test_an_interrupted_wait_says_no_more_than_it_has_to(held: Root, tmp_path: Path, command: list[str]) -> None:
    """Ctrl-C while a command waits for an event ends it with 130, without a traceback; the event goes on."""
    errors = tmp_path / "waiter"
    waiter = start(held, *command, errors=errors)
    eventually(lambda: "waiting" in errors.read_text(), "the command waits")
    waiter.send_signal(signal.SIGINT)
    assert waiter.wait(timeout=60) == 130
    assert "Traceback" not in errors.read_text()
    assert _order(held) == ["begin hold"]
