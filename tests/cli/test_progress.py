"""The line that shows at a terminal how far a command has come."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import pytest

from esmith.cli import progress
from esmith.cli.progress import Progress
from tests.cli.test_colour import Terminal, at_a_terminal
from tests.commands import Root
from tests.events.kit import make_event


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal on which the line is shown."""
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=terminal))
    return terminal


def test_each_step_is_shown_at_once(shown: Terminal) -> None:
    """A step is shown when it begins; of the same step not every count; any other message takes the line away first."""
    line = Progress(silent=0)
    for number in range(100):
        line.show("templates:", number, 100)
    line.show("S30action", 1, 3)
    line.before(shown.write)("message\n")
    assert shown.getvalue() == f"\rtemplates: 0 of 100\r{'S30action 1 of 3':<19}\r{'':<16}\rmessage\n"


def test_a_dumb_terminal_gets_none(shown: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that may not go back in a line gets nothing; what is not printable is shown by its code."""
    Progress(silent=0).show("S30\x1b[2J", 0, 1)
    assert shown.getvalue() == "\rS30\\x1b[2J 0 of 1"
    monkeypatch.setenv("TERM", "dumb")
    Progress(silent=0).show("S30", 0, 1)
    assert shown.getvalue().count("of") == 1


def test_what_is_over_soon_is_not_shown(shown: Terminal) -> None:
    """Within the time that nobody waits for nothing is shown, and there is nothing to take away."""
    line = Progress(silent=1000)
    line.show("templates:", 1, 2)
    line.clear()
    assert shown.getvalue() == ""


def test_nothing_is_shown_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nothing is shown."""
    stream = io.StringIO()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
    Progress(silent=0).show("templates:", 1, 2)
    assert stream.getvalue() == ""


def test_an_event_shows_its_steps(root: Root) -> None:
    """At a terminal an event shows which step it is at and how many templates are done; else it does not."""
    root.config("setprop", "clamav", "MaxFileSize", "20M")
    text = at_a_terminal(root, "signal-event", "clamav-update", err=True)
    assert "S05generic_template_expand 0 of " in text
    assert "templates: 0 of " in text
    assert re.search(r"signal-event: \d+ files? changed, \d+ unchanged$", text.rstrip())
    root.config("setprop", "clamav", "MaxFileSize", "30M")
    assert "templates:" not in root.signal("-v", "clamav-update").err


def test_checks_are_shown(root: Root) -> None:
    """At a terminal each check program is shown before it runs, in an event and of one file; elsewhere none is."""
    for name, command in (("one", '"true"'), ("two", '"test", "-e"')):
        check = f'services = []\n[check]\ncommand = [{command}, "{{file}}"]\npackage = "coreutils"\n'
        root.write(f"/etc/e-smith/templates/etc/{name}/template.toml", check, shipped=True)
        root.write(f"/etc/e-smith/templates/etc/{name}/10x", "{{ Probe }}\n", shipped=True)
    make_event(root.path, "probe", templates="/etc/one\n/etc/two\n")
    root.config("set", "Probe", "1")
    text = at_a_terminal(root, "signal-event", "probe", err=True)
    assert text.index("checks: true 0 of 2") < text.index("checks: test 1 of 2")
    root.config("set", "Probe", "2")
    assert "\rchecks: true 0 of 1" in at_a_terminal(root, "expand-template", "/etc/one", err=True)
    root.config("set", "Probe", "3")
    assert "checks:" not in root.run("expand-template", "/etc/one").err


def test_nobody_counts_where_nothing_is_shown(shown: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to be done more to count is asked for at a terminal alone."""
    line = Progress(silent=0)
    assert line.count is not None
    line.count("checks: clamconf", 0, 2)
    assert shown.getvalue() == "\rchecks: clamconf 0 of 2"
    monkeypatch.setenv("TERM", "dumb")
    assert Progress().count is None
