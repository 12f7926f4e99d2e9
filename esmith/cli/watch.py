"""``esmith watch``: show what saved fragments would change, as long as it runs."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import click

from esmith.cli.colour import painted, styled_diff
from esmith.cli.program import color_option, root_option
from esmith.events.definition import load_event
from esmith.events.trusted import require_all, services_of
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.printable import printable_message
from esmith.store import open_store


@click.command("watch")
@click.option(
    "--apply",
    "event",
    metavar="EVENT",
    default="",
    help="Signal EVENT when a fragment was saved and nothing is broken.",
)
@color_option
@root_option
@click.pass_obj
def watch_command(root: str | None, event: str) -> int:
    """Show what each saved fragment would change, or what is wrong with it, until it gets SIGTERM or SIGINT.

    It also reports generated files that are changed by hand, and does in time what other commands left to be done.

    \b
    Example:
      esmith watch
    """
    from esmith.watch.inotify import InotifySource
    from esmith.watch.watcher import Watcher

    layout = Layout.chosen(root)
    store = open_store(layout)
    with store.snapshot() as snapshot:
        require_all(layout, services_of(layout, snapshot), event=event)
    store.close()
    if event:
        load_event(layout, event, TemplateTree(layout))
    source = InotifySource()

    def stop(_number: int, _frame: FrameType | None) -> None:
        source.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        Watcher(layout, source, say=_say, event=event).run()
    finally:
        source.close()
    return 0


def _say(text: str) -> None:
    """Write a report to stdout; a log on a full disk must not end the watcher."""
    try:
        sys.stdout.buffer.write(painted(f"{_styled(text)}\n").encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError:
        return


def _styled(text: str) -> str:
    """Return a report made printable; the diffs in it, which are indented, are styled."""
    first, *others = printable_message(text).split("\n")
    return "\n".join([first, *(f"  {line}" for line in styled_diff(line[2:] for line in others))])
