"""Commands that the agent runs."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from esmith.fleet.agent import children
from esmith.fleet.agent.children import Children
from esmith.layout import Layout


def _instead_of_python(folder: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    script = folder / "python"
    script.write_text(f"#!/bin/sh\n{line}\n")
    script.chmod(0o755)
    monkeypatch.setattr(children, "sys", SimpleNamespace(executable=str(script)))


def test_what_is_counted_waits_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that counts gets a low priority, so that changes and mail go first."""
    _instead_of_python(tmp_path, monkeypatch, 'until [ "$(nice)" -ge 10 ]; do :; done')
    assert Children(Layout(str(tmp_path))).run(["status"], 30).code == 0


def test_an_event_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event has the priority of the agent."""
    _instead_of_python(tmp_path, monkeypatch, "nice")
    ended = Children(Layout(str(tmp_path))).signal_event("email-update", 30)
    assert ended.lines == [str(os.getpriority(os.PRIO_PROCESS, 0))]
