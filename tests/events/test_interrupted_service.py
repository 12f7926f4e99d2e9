"""A signal that ends an event while a service is adjusted: the service may have the new files already."""

from __future__ import annotations

import os
import subprocess

import pytest

from esmith.events.pending import list_pending
from esmith.services import program
from tests.events.kit import Scene


def test_the_service_reads_the_old_files_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is taken back, and the service that was being adjusted is adjusted once more, with the old files."""
    scene.give_reader()
    scene.set("configuration", "A", "setting", value="second")
    control, calls = scene.supervisor.control, []

    def interrupted(service: str, action: str) -> None:
        control(service, action)
        calls.append(action)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(scene.supervisor, "control", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scene.signal()
    assert scene.file("/etc/t").read_text() == "first\n"
    with scene.store.snapshot() as snapshot:
        assert len(calls) > 1 or "clamd" in list_pending(snapshot)


def test_a_program_that_has_just_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that comes when the program of a supervisor has ended is still that signal."""

    def interrupted(self: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        monkeypatch.undo()
        self.wait(timeout)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        program.run_program(["true"], package="coreutils", timeout=5, place="here")
