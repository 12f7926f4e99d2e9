"""``signal-event``: make the changed settings take effect (docs/commands.md#signal-event)."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from esmith.cli.diffs import diff_printer, no_diff
from esmith.cli.json_output import json_text
from esmith.cli.left_out import because_of, warn_of_left
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import root_option, run_click, warn
from esmith.events.lock import LOCK_TIMEOUT
from esmith.events.session import RecordingSession, Session
from esmith.events.signal import Result, signal_event
from esmith.layout import Layout
from esmith.names import counted
from esmith.plan.diff import describe
from esmith.plan.verdict import Outcome
from esmith.store import open_store

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[float]):
    """A time span: a number with s, m, h or d; without a letter, seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return it in seconds."""
        found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd]?)", str(value))
        if found is None:
            self.fail(f"{value!r} is not a time such as 10m, 90s or 1h", param, ctx)
        return float(int(found[1]) * _SECONDS[found[2] or "s"])


@dataclass(frozen=True)
class _Options:
    """What was given on the command line."""

    event: str
    arguments: tuple[str, ...]
    dry_run: bool
    show_diff: bool
    restart: bool
    timeout: float
    confirm: float | None
    verbose: bool
    as_json: bool


@click.command(context_settings={"allow_interspersed_args": False})
@root_option
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--diff", "show_diff", is_flag=True, help="Show how each file changes, as a unified diff.")
@click.option("--restart", is_flag=True, help="Adjust every service of the event, even if no file it reads changed.")
@click.option(
    "--timeout", default=LOCK_TIMEOUT, show_default=True, help="How long to wait for another event, in seconds."
)
@click.option(
    "--confirm",
    type=Duration(),
    metavar="TIME",
    help="Go back by itself after TIME (10m, 90s, 1h) unless 'esmith confirm' comes first.",
)
@click.option("--verbose", "-v", is_flag=True, help="Say what was done; the default at a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as a JSON object.")
@click.argument("event")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def _command(root: str | None, /, **options: Any) -> int:
    """Make changed settings take effect: expand the templates of EVENT, run its actions, adjust its services.

    ARGUMENTS are given to the actions, e.g. the name of a user. Nothing is changed when a template is broken.

    \b
    Examples:
      signal-event email-update
      signal-event --dry-run --diff email-update
      signal-event user-modify alice
    """
    return _signal(Layout.chosen(root), _Options(**options))


def _signal(layout: Layout, options: _Options) -> int:
    store = open_store(layout, write=not options.dry_run)
    show = diff_printer(layout, store, prints=not options.as_json) if options.show_diff else no_diff
    session = Session(layout, store, warn, options.timeout)
    if options.dry_run:
        session = RecordingSession(layout, store, warn, show=show)
    result = signal_event(session, options.event, options.arguments, restart=options.restart, confirm=options.confirm)
    if not options.dry_run:
        show(result.plan)
    if options.as_json:
        print_lines([json_text(_data(result))])
    elif options.dry_run:
        print_report(_summary(result), cures=True)
    elif options.verbose or sys.stderr.isatty():
        for line in _summary(result):
            warn(line)
    because = because_of(result.at_fault, layout)
    return warn_of_left(len(result.left), len(result.partial), because=because, done=not options.dry_run)


def _data(result: Result) -> dict[str, Any]:
    return {
        "files": [{"path": output.path, "change": output.difference.value} for output in result.plan.changed],
        "unchanged": len(result.plan.outputs) - len(result.plan.changed),
        "actions": result.actions,
        "services": result.services,
        "notes": result.notes,
        "checked": [verdict.path for verdict in result.plan.verdicts if verdict.outcome is Outcome.PASSED],
        "unchecked": result.plan.unchecked,
        "left": result.left,
        "partial": result.partial,
        "at_fault": result.at_fault,
    }


def _summary(result: Result) -> list[str]:
    lines = [describe(output) for output in result.plan.changed]
    lines += [f"action {name}" for name in result.actions]
    lines += [f"service {name}: {' '.join(actions)}" for name, actions in result.services.items()]
    unchanged = len(result.plan.outputs) - len(result.plan.changed)
    return [*lines, f"{counted(len(result.plan.changed), 'file')} changed, {unchanged} unchanged"]


def main() -> NoReturn:
    """Run ``signal-event`` on the arguments of this process."""
    run_click(_command, "signal-event")
