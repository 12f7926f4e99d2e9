"""What a running systemd says about the unit that copies the logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.services import units
from esmith.services.units import LOGS_UNIT, MANIFEST, UNITS, trouble_of_logs


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A root with the unit, which starts at boot."""
    for path, text in ((MANIFEST, f"{'0' * 64}  {LOGS_UNIT}\n"), (f"{UNITS}/multi-user.target.wants/{LOGS_UNIT}", "")):
        (tmp_path / path[1:]).parent.mkdir(parents=True)
        (tmp_path / path[1:]).write_text(text)
    return Layout(str(tmp_path))


@pytest.mark.parametrize(("state", "trouble"), [("active", False), ("activating", True), ("inactive", True)])
def test_logs_that_are_not_copied(layout: Layout, monkeypatch: pytest.MonkeyPatch, state: str, trouble: bool) -> None:
    """A unit that waits to be started again does not copy: its trouble names it and its state."""
    monkeypatch.setattr(units, "_states", lambda _layout, names: dict.fromkeys(names, state))
    found, command = trouble_of_logs(layout)
    assert bool(found) == bool(command) == trouble
    assert not trouble or f"({LOGS_UNIT} is {state})" in found


@pytest.mark.parametrize(
    ("configuration", "is_off"),
    [
        ("[Journal]\nStorage=none\n", True),
        ("Storage=none\n# /etc/systemd/journald.conf.d/own.conf\n[Journal]\nStorage = volatile\n", False),
        ("Storage=auto\nStorage=none\n", True),
        ("[Journal]\n#Storage=none\n", False),
    ],
)
def test_a_journal_that_keeps_nothing(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configuration: str, is_off: bool
) -> None:
    """Where journald throws away what services print, the trouble says so; the last of its settings counts."""
    (tmp_path / "configuration").write_text(configuration)
    program = tmp_path / "systemd-analyze"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/configuration\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(units, "_states", lambda _layout, names: dict.fromkeys(names, "active"))
    found, command = trouble_of_logs(layout)
    assert found == ("not written, because journald keeps no journal (Storage=none)" if is_off else "")
    assert command == ("systemd-analyze cat-config systemd/journald.conf" if is_off else "")


def test_logs_that_nobody_wants(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no systemd runs, the unit is disabled, or there is none, nothing is missed."""
    assert trouble_of_logs(layout) == ("", "")
    monkeypatch.setattr(units, "_states", lambda _layout, names: dict.fromkeys(names, "inactive"))
    assert trouble_of_logs(layout)[0]
    Path(layout.under(f"{UNITS}/multi-user.target.wants/{LOGS_UNIT}")).unlink()
    assert trouble_of_logs(layout) == ("", "")
