"""Actions: what they are given, and what happens when one fails."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path
from typing import IO

import pytest

from esmith.errors import ExitCode
from esmith.events.errors import ActionError
from tests.commands import Root
from tests.events.kit import Scene, make_event


def _log(root: Root) -> str:
    return root.read("/var/log/e-smith/events.log")


def test_arguments(root: Root) -> None:
    """An action is called by its path in the event, with the event's name and every argument as it was given."""
    directory = make_event(root.path, "try", actions={"S10": 'printf "%s|" "$0" "$@" >"$ESMITH_ROOT/output"'})
    root.signal("try", "--", "arg1", "arg two", "", "--option", "--root=/x", "ü", "$x;`y`", "*")
    expected = [f"{directory}/S10", "try", "arg1", "arg two", "", "--option", "--root=/x", "ü", "$x;`y`", "*", ""]
    assert root.read("/output").split("|") == expected


@pytest.mark.parametrize("by", ["environment", "option"])
def test_environment(root: Root, by: str) -> None:
    """Actions find the root in ESMITH_ROOT and its commands first on PATH; the rest of the environment is passed on."""
    body = 'printf "%s\\n" "$ESMITH_ROOT" "$PATH" "$FOO" "$(config get DomainName)" >"$ESMITH_ROOT/output"'
    make_event(root.path, "try", actions={"S10": body})
    words = ["try"] if by == "environment" else ["--root", str(root.path), "try"]
    env = {"FOO": "bar baz"} if by == "environment" else {"FOO": "bar baz", "ESMITH_ROOT": ""}
    root.run("signal-event", *words, env=env)
    place, path, foo, domain = root.lines("/output")
    assert (place, foo, domain) == (str(root.path), "bar baz", "example.com")
    assert path.split(":")[0] == f"{root.path}/sbin/e-smith"
    assert path.endswith(os.environ["PATH"])


def test_standard_input_is_not_eaten(root: Root) -> None:
    """An action that reads its standard input finds nothing: the input of the shell loop around the command stays."""
    make_event(root.path, "try", actions={"S10": 'cat >"$ESMITH_ROOT/output"'})
    root.run("signal-event", "try", stdin="one\ntwo\n")
    assert root.read("/output") == ""


def test_output_goes_to_the_log(root: Root) -> None:
    """What actions print, on stdout or stderr, is in the log in order; the command itself is silent."""
    make_event(root.path, "try", actions={"S10": "echo first; echo second >&2; printf '\\377third'"})
    answer = root.signal("try", "arg")
    assert (answer.out, answer.err) == ("", "")
    log = _log(root)
    texts = ["Processing event: try arg", "Running event handler: ", "first", "second", "\\xffthird", "status 0"]
    places = [log.index(text) for text in texts]
    assert places == sorted(places)


def test_output_that_the_disk_could_not_take(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a disk that is full took nothing of what a failed action printed, the message says that, with its cure."""

    def full() -> IO[bytes]:
        file = os.memfd_create("full", os.MFD_ALLOW_SEALING)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
        return os.fdopen(file, "r+b")

    make_event(scene.path, "try", actions={"S10": "echo why; exit 1"})
    monkeypatch.setattr("esmith.events.actions._unnamed_file", full)
    with pytest.raises(ActionError) as caught:
        scene.signal()
    assert "what it printed is not all there: Operation not permitted; to see the disk: df /" in caught.value.hint


FAILURES = {
    "exit status": ("echo 'it broke' >&2; exit 3", "exit status 3"),
    "killed": ("echo 'it broke'; kill -KILL $$", f"signal {int(signal.SIGKILL)}"),
    "terminated": ("echo 'it broke'; kill -TERM $$", f"signal {int(signal.SIGTERM)}"),
    "silent": ("exit 1", "exit status 1"),
    "no interpreter": ("#!/no/such/interpreter\n", "cannot be run: No such file"),
    "interpreter may not run": ("#!/etc/passwd\n", "cannot be run: Permission denied"),
    "no program": ("#!\n\0\1\2", "cannot be run: Exec format error"),
}


@pytest.mark.parametrize(("body", "reason"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failing_action_stops_the_event(root: Root, body: str, reason: str) -> None:
    """An action that fails, is killed or cannot be run ends the event with exit code 7, its name and output."""
    directory = make_event(
        root.path, "try", actions={"S10": "exit 0", "S20": body, "S30": 'touch "$ESMITH_ROOT/ran"; exit 0'}
    )
    answer = root.signal("try", code=ExitCode.ACTION)
    assert f"{directory}/S20: " in answer.err
    assert reason in answer.err
    assert ("it broke" in answer.err) == ("it broke" in body)
    assert answer.out == ""
    assert not root.file("/ran").exists()
    assert _log(root).count("Running event handler") == 2


def test_the_last_lines_of_a_failed_action_are_shown(root: Root) -> None:
    """Of much output the last ten lines are shown, and all of it is in the log."""
    make_event(
        root.path, "try", actions={"S10": 'i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo "line=$i"; done; exit 1'}
    )
    shown = [line.strip() for line in root.signal("try", code=ExitCode.ACTION).err.splitlines()]
    assert shown[-10:] == [f"line={number}" for number in range(21, 31)]
    assert "line=20" not in shown
    assert "line=1\n" in _log(root)


def test_what_is_not_executable_is_skipped(root: Root) -> None:
    """Files that are not executable, dangling links and leftovers are not run; the event succeeds, the log has them."""
    directory = make_event(root.path, "try", actions={"S10": "exit 1", "S20x~": "exit 1"})
    (directory / "S10").chmod(0o644)
    (directory / "README").write_text("about\n")
    (directory / "S30").symlink_to("nowhere")
    root.signal("try")
    for name in ("S10", "README", "S30"):
        assert f"Skipping non-executable event handler: {directory}/{name}\n" in _log(root)


def test_a_background_child_does_not_delay_the_event(root: Root) -> None:
    """A child that an action leaves behind with its output open neither delays the event nor keeps its lock."""
    make_event(root.path, "try", actions={"S10": 'sleep 1000 & echo $! >"$ESMITH_ROOT/pid"'})
    make_event(root.path, "next")
    root.signal("try")
    pid = int(root.read("/pid"))
    try:
        os.kill(pid, 0)
        root.signal("--timeout", "0.1", "next")
    finally:
        os.kill(pid, signal.SIGKILL)


def test_an_action_may_signal_an_event(root: Root) -> None:
    """An event signalled by an action runs at once, inside the other; so does one that that one signals."""
    note = 'echo "{}" >>"$ESMITH_ROOT/order"'
    make_event(root.path, "outer", actions={"S10": "signal-event --timeout 1 middle", "S20": note.format("outer S20")})
    make_event(root.path, "middle", actions={"S10": f"{note.format('middle')} && signal-event --timeout 1 inner $1"})
    make_event(root.path, "inner", actions={"S10": note.format("inner of $2")})
    root.signal("outer")
    assert root.lines("/order") == ["middle", "inner of middle", "outer S20"]
    root.signal("--timeout", "0.1", "inner")


def test_an_action_may_expand_a_template(root: Root) -> None:
    """An action may call expand-template, db and config while its event holds the lock."""
    body = "config set DomainName nested.example && expand-template --timeout 1 /var/qmail/control/me"
    make_event(root.path, "try", actions={"S10": body})
    root.signal("try")
    assert "nested.example" in root.read("/var/qmail/control/me")


def test_a_failure_inside_is_a_failure_outside(root: Root) -> None:
    """When an event that an action signals fails, so do the action and its event, with the inner message shown."""
    make_event(root.path, "outer", actions={"S10": "signal-event inner", "S20": 'touch "$ESMITH_ROOT/ran"'})
    make_event(root.path, "inner", actions={"S10": "echo 'deep trouble'; exit 4"})
    answer = root.signal("outer", code=ExitCode.ACTION)
    assert "deep trouble" in answer.err
    assert "/outer/S10" in answer.err
    assert not root.file("/ran").exists()


def test_the_working_directory_is_the_callers(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Actions run where the command was called, as in the original."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    make_event(root.path, "try", actions={"S10": 'pwd >"$ESMITH_ROOT/output"'})
    root.signal("try")
    assert root.read("/output").strip() == str(tmp_path / "here")
