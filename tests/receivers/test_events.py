"""The files that have to agree on who gets mail are expanded together."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.events.definition import load_event
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from tests.receivers.files import ALIAS, ASSIGN, CONFIG, CONTROL, HOMES

EVENTS = sorted(path.name for path in (Path(__file__).parents[2] / "events").iterdir() if path.name != "actions")
TOGETHER = {ASSIGN, f"{CONTROL}/badrcptto", f"{CONTROL}/virtualdomains", f"{CONFIG}/badrcptto", f"{CONFIG}/goodrcptto"}
TOGETHER |= {
    f"{ALIAS}/.qmail-{name}" for name in ("default", "localdelivery-default", "shared", "{key}", "{key}-default")
}
TOGETHER |= {f"{HOMES}/{{key}}/.qmail", f"{HOMES}/{{key}}/.qmail-default", "/home/e-smith/.qmail"}


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_expands_all_of_them_or_none(_fresh: Path, event: str) -> None:
    """Files of one event do not say what those of another are still to say; the compiled users/cdb is among them."""
    layout = Layout(str(_fresh))
    definition = load_event(layout, event, TemplateTree(layout))
    expanded = TOGETHER & set(definition.templates)
    assert expanded in (set(), TOGETHER)
    if expanded:
        assert (_fresh / "etc/e-smith/events" / event / "S30qmail-newu").exists()
