"""``signal-event``: make the changed settings take effect (docs/commands.md#signal-event)."""

from __future__ import annotations

import sys

from esmith.cli.arguments import COLOR_OPTION, COMMON, Command, Option
from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.running import progress_of_steps, run_command
from esmith.events import LOCK_TIMEOUT
from esmith.events.stamp import unchanged
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import printable, shell_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from esmith.events.signal import Result
    from esmith.plan.plan import Plan
    from esmith.store.protocol import Store

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


#: A time span is no longer than so many digits.
_DIGITS = 9


class _Options:
    """What was given on the command line."""

    event: str
    arguments: tuple[str, ...]
    dry_run: bool
    show_diff: bool
    color: str
    restart: bool
    timeout: float
    confirm: float | None
    verbose: bool
    as_json: bool
    lists: bool

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
        begin, rest = _divided(self.arguments)
        self.arguments = begin + rest

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to do or to show when nothing has changed."""
        shows = self.dry_run or self.show_diff or self.as_json
        return not (shows or self.arguments or self.restart or self.confirm is not None)


def _divided(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the arguments before the first ``--``, and those after it."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def seconds_of(text: str) -> float:
    """Return the seconds of a time span: a number with s, m, h or d; without a letter, seconds.

    :raises ValueError: when it is none, with a message for the command line.
    """
    number, letter = (text[:-1], text[-1]) if text[-1:] in _SECONDS else (text, "s")
    if not (number.isascii() and number.isdigit() and number[0] != "0" and len(number) <= _DIGITS):
        raise ValueError(f"{text!r} is not a time such as 10m, 90s or 1h")
    return float(int(number) * _SECONDS[letter])


def _is_done(root: str | None, values: dict[str, Any]) -> bool:
    """Return whether an event would find everything as it was; the message is that of the event."""
    options = _Options(values)
    count = unchanged(Layout.chosen(root), ["signal-event", options.event]) if options.is_plain else None
    if count is not None and (options.verbose or sys.stderr.isatty()):
        warn(f"0 files changed, {count} unchanged")
    return count is not None


def _carry_out(root: str | None, values: dict[str, Any]) -> int:
    from esmith.store import open_store

    layout, options = Layout.chosen(root), _Options(values)
    if options.lists:
        from esmith.cli.event_list import show_events

        return show_events(layout, as_json=options.as_json)
    store = open_store(layout, write=not options.dry_run)
    try:
        return _signal(layout, store, options)
    finally:
        store.close()


def _signal(layout: Layout, store: Store, options: _Options) -> int:
    from esmith.cli.diffs import DiffPrinter, no_diff
    from esmith.cli.left_out import because_of, warn_of_left
    from esmith.cli.other_version import warn_of_other_version
    from esmith.events.session import RecordingSession, Session
    from esmith.events.signal import signal_event

    printer = DiffPrinter(layout, store, prints=not options.as_json, color=options.color) if options.show_diff else None
    show: Callable[[Plan], None] = printer or no_diff
    progress = progress_of_steps()
    say = progress.before(warn) if progress else warn
    session = Session(layout, store, say, options.timeout)
    session.look = printer.look if printer else None
    if options.dry_run:

        def show_tried(plan: Plan) -> None:
            if printer:
                # With the settings that the plan is made from, and which of these are secret.
                printer.store = session.store
                printer(plan)

        session = RecordingSession(layout, store, say, show=progress.before(show_tried) if progress else show_tried)
    warn_of_other_version(layout, session.say, in_checkouts=False)
    session.count = progress.show if progress else None
    try:
        result = signal_event(
            session, options.event, options.arguments, restart=options.restart, confirm=options.confirm
        )
    finally:
        if progress:
            progress.clear()
    if not options.dry_run:
        show(result.plan)
    session.keep()
    if options.as_json:
        from esmith.cli.json_output import json_text

        print_lines([json_text(_data(result))])
    elif options.dry_run:
        print_report(_summary(result), cures=True)
    elif options.verbose or sys.stderr.isatty():
        for line in _summary(result):
            warn(line)
    because = because_of(result.at_fault, layout)
    return warn_of_left(len(result.left), len(result.partial), because=because, done=not options.dry_run)


def _data(result: Result) -> dict[str, Any]:
    from esmith.plan.verdict import Outcome

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
    from esmith.plan.diff import describe

    lines = [describe(output) for output in result.plan.changed]
    lines += [f"action {name}" for name in result.actions]
    lines += [f"service {name}: {' '.join(actions)}" for name, actions in result.services.items()]
    unchanged = len(result.plan.outputs) - len(result.plan.changed)
    return [*lines, f"{counted(len(result.plan.changed), 'file')} changed, {unchanged} unchanged"]


def _mistake(values: dict[str, Any]) -> str:
    if values["lists"] and values["event"]:
        return "--list goes without EVENT"
    # Behind the event an option would be an argument of the actions, and the event done where it was only to be shown.
    word = next((word for word in _divided(values["arguments"])[0] if word.startswith("-") and word != "-"), "")
    if not word:
        return ""
    shown, event = shell_word(word), shell_word(values["event"])
    known = {name for option in (*COMMON, *COMMAND.options) for name in option.names} | {"--help"}
    if word.partition("=")[0] in known:
        return f"{printable(word)} is an option, which comes before the event: signal-event {shown} {event}"
    return f"an argument that begins with - comes after --: signal-event {event} -- {shown}"


COMMAND = Command(
    "signal-event",
    _carry_out,
    """Make changed settings take effect: expand the templates of EVENT, run its actions, adjust its services.

ARGUMENTS are given to the actions, e.g. the name of a user. Options come before EVENT. Nothing is changed when a
template is broken.

\b
Examples:
  signal-event email-update
  signal-event --dry-run --diff email-update
  signal-event user-modify alice
  signal-event --list
""",
    [
        Option(("--dry-run",), "dry_run", "Only show what would be done."),
        Option(("--diff",), "show_diff", "Show how each file changes, as a unified diff."),
        COLOR_OPTION,
        Option(("--restart",), "restart", "Adjust every service of the event, even if no file it reads changed."),
        Option(
            ("--timeout",),
            "timeout",
            "How long to wait for another event, in seconds.",
            read=float,
            default=LOCK_TIMEOUT,
        ),
        Option(
            ("--confirm",),
            "confirm",
            "Go back by itself after TIME (10m, 90s, 1h) unless 'esmith confirm' comes first.",
            read=seconds_of,
            metavar="TIME",
        ),
        Option(("--verbose", "-v"), "verbose", "Say what was done; the default at a terminal."),
        Option(("--json",), "as_json", "Print what was done, or the list, as JSON."),
        Option(("--list",), "lists", "List the events, with what each is for; without EVENT."),
    ],
    operands=("event", "arguments"),
    is_done=_is_done,
    mistake=_mistake,
)
COMMAND.without_operands = "lists"


def main() -> NoReturn:
    """Run ``signal-event`` on the arguments of this process, and end it."""
    run_command(COMMAND)
