"""``esmith remove``: takes away what ``esmith setup`` and the events have written."""

from __future__ import annotations

import os

import click

from esmith.cli.output import print_report, warn
from esmith.cli.program import root_option
from esmith.errors import UsageError
from esmith.events import LOCK_TIMEOUT
from esmith.events.lock import EventLock
from esmith.layout import Layout
from esmith.setup.machine.programs import Programs
from esmith.setup.machine.progress import Progress
from esmith.setup.machine.removal import STAYS
from esmith.setup.machine.removing import Removal
from esmith.setup.machine.steps import run_steps, show_steps


@click.command("remove")
@click.option("--dry-run", is_flag=True, help="Show all it would do, and change nothing.")
@root_option
@click.pass_obj
def remove_command(root: str | None, *, dry_run: bool) -> int:
    """Take e-smith away: services, links, generated and shipped files. Databases, fragments and mail stay.

    What Debian's packages had in the place of generated files is restored, and their services are given back.

    \b
    Example:
      esmith remove --dry-run
    """
    layout = Layout.chosen(root)
    if layout.is_machine and os.geteuid() != 0 and not dry_run:
        raise UsageError(
            "only root can do that", hint="run it as root; to see what it would do: esmith remove --dry-run"
        )
    progress = Progress.of_stdout(lambda line: print_report([line], cures=True))

    def lock() -> EventLock:
        return EventLock(layout, "esmith remove", timeout=LOCK_TIMEOUT, say=warn)

    steps = Removal(layout, Programs(layout, progress), lock).steps()
    if dry_run:
        show_steps(steps, progress)
        return 0
    run_steps(steps, progress, "esmith remove")
    progress.say("What stays:")
    for line in STAYS:
        progress.note(line)
    return 0
