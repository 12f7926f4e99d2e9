"""Rows of docs/original.md#events that no other test shows by itself."""

from __future__ import annotations

import os
import syslog

import pytest

from esmith.events.log import EventLog
from esmith.events.signal import signal_event
from esmith.layout import Layout
from tests.commands import Root
from tests.events.kit import Scene, make_event


@pytest.mark.parametrize("event", ["post-upgrade", "bootstrap-console-save"])
def test_services_are_adjusted_by_every_event(scene: Scene, event: str) -> None:
    """An event that is an upgrade, or the last step of the console, adjusts its services as any other."""
    scene.service("clamd")
    make_event(scene.path, event, services="clamd restart\n")
    signal_event(scene.session(), event, ())
    assert scene.order() == ["[clamd restart]"]


def test_templates_are_taken_by_their_names(scene: Scene) -> None:
    """Whatever the order of the directory, files are made in the order of their names."""
    directory = scene.event() / "templates2expand/etc"
    directory.mkdir(parents=True)
    for name in ("z", "a", "m"):
        scene.template(f"/etc/{name}", "x")
        (directory / name).touch()
    result = scene.signal()
    assert [output.path for output in result.plan.changed] == ["/etc/a", "/etc/m", "/etc/z"]


def test_the_end_of_an_action_is_logged(root: Root) -> None:
    """The log has one line with the status and the seconds, and none with Start, End and Elapsed."""
    make_event(root.path, "try", actions={"S10x": "exit 0"})
    root.signal("try")
    log = root.read("/var/log/e-smith/events.log")
    assert "S10x ended with status 0 after " in log
    assert "Elapsed" not in log


def test_events_are_not_copied(root: Root) -> None:
    """What waits at the FIFO of the original's cluster gets nothing, and the event does not wait for it."""
    make_event(root.path, "try", actions={"S10x": "exit 0"})
    fifo = root.file("/var/spool/eventq")
    fifo.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        root.signal("try")
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)


@pytest.mark.program("Text::Template")
def test_the_event_is_a_variable(root: Root) -> None:
    """$EVENT is the name of the event that expands the template, and undefined in expand-template."""
    root.write("/etc/e-smith/templates/etc/try", "{ defined $EVENT ? $EVENT : 'none' }\n")
    make_event(root.path, "try", templates="/etc/try\n")
    root.signal("try")
    assert root.read("/etc/try") == "try\n"
    root.expand("/etc/try")
    assert root.read("/etc/try") == "none\n"


@pytest.mark.parametrize("event", ["email-update", "console-save"])
def test_these_events_write_php_ini(root: Root, event: str) -> None:
    """The event of mail writes it, too, as the wiki expects."""
    root.signal(event)
    assert "memory_limit" in root.read("/etc/php.ini")


def test_the_log_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the machine itself entries go to syslog as esmith, with its process, to the facility local1."""
    opened: list[tuple[object, ...]] = []
    monkeypatch.setattr(syslog, "openlog", lambda *words: opened.append(words))
    EventLog(Layout("/"))
    assert opened == [("esmith", syslog.LOG_PID, syslog.LOG_LOCAL1)]
