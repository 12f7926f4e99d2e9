"""Whether a service starts at boot follows its status, as soon as an event applies it."""

from __future__ import annotations

import pytest

from esmith.layout import Layout
from esmith.services.boot import boot_action
from esmith.services.definition import Services
from tests.commands import Root


@pytest.mark.parametrize(("supervisor", "words"), [("systemd", ()), ("runit", ("/service",))])
def test_it_follows_the_status(root: Root, supervisor: str, words: tuple[str, ...]) -> None:
    """What init wrote is changed when the status says otherwise, and only then."""
    root.esmith("init", "--services", supervisor, *words)
    layout = Layout(str(root.path))
    clamd = Services(layout).of("clamd")
    assert boot_action(layout, clamd, supervisor, enabled=True) == ""
    assert boot_action(layout, clamd, supervisor, enabled=False) == "disable"
    root.config("setprop", "clamd", "status", "disabled")
    root.esmith("init", "--services", supervisor, *words)
    assert boot_action(layout, clamd, supervisor, enabled=False) == ""
    assert boot_action(layout, clamd, supervisor, enabled=True) == "enable"


@pytest.mark.parametrize("supervisor", ["systemd", "runit"])
def test_what_is_not_ours_stays(root: Root, supervisor: str) -> None:
    """A unit of Debian and a service directory of the administrator's own start as they were set up."""
    layout = Layout(str(root.path))
    assert boot_action(layout, Services(layout).of("clamd"), supervisor, enabled=False) == ""
    assert boot_action(layout, Services(layout).of("clamd"), supervisor, enabled=True) == ""


def test_what_does_not_follow_its_status_stays(root: Root) -> None:
    """fetchmail is started by cron, and the watcher always."""
    root.esmith("init", "--services", "systemd")
    layout = Layout(str(root.path))
    for name in ("fetchmail", "esmith-watch"):
        for enabled in (True, False):
            assert boot_action(layout, Services(layout).of(name), "systemd", enabled=enabled) == ""
