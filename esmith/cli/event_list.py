"""``signal-event --list``: the events, with a line each."""

from __future__ import annotations

from typing import Any

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.explain.events import events_data
from esmith.layout import Layout
from esmith.names import counted


def show_events(layout: Layout, *, as_json: bool) -> int:
    """Print the events of a root, and return the exit code."""
    found = events_data(layout)
    if as_json:
        print_lines([json_text(found)])
        return 0
    width = max((len(one["name"]) for one in found), default=0)
    print_report(f"{one['name']:<{width}}  {_about(one)}" for one in found)
    return 0


def _about(one: dict[str, Any]) -> str:
    if "templates" not in one:
        return f"cannot be signalled: {one['fault']}"
    # One of a contrib, or of the administrator, says perhaps not what it is for.
    text = one["help"] or _what_it_does(one)
    text = f"{text} (not shipped)" if one["by"] == "other" else text
    return f"{text} ({one['fault']})" if one["fault"] else text


def _what_it_does(one: dict[str, Any]) -> str:
    parts = [f"expands {counted(len(one['templates']), 'template')}"] if one["templates"] else []
    parts += [f"runs {counted(len(one['actions']), 'action')}"] if one["actions"] else []
    parts += [f"adjusts {', '.join(one['services'])}"] if one["services"] else []
    return ", ".join(parts) or "does nothing of its own"
