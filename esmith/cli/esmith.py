"""``esmith``: what the original lacks, one module a subcommand."""

from __future__ import annotations

from typing import NoReturn

import click

from esmith import __version__
from esmith.cli.check import check_command
from esmith.cli.contrib import contrib_command
from esmith.cli.diff import diff_command
from esmith.cli.flat import export_command, import_command
from esmith.cli.forget import forget_command
from esmith.cli.generations import generations_command, rollback_command
from esmith.cli.history import history_command, undo_command
from esmith.cli.init import init_command, initialize_command
from esmith.cli.program import root_option, run_click
from esmith.cli.recover import confirm_command, recover_command
from esmith.cli.services import services_command
from esmith.cli.status import status_command
from esmith.cli.watch import watch_command


@click.group()
@root_option
@click.version_option(__version__, prog_name="esmith")
def group() -> None:
    """Set up and look after the configuration databases and templates.

    \b
    Settings are changed with config and db, and take effect with signal-event:
      config setprop qpsmtpd DNSBL enabled
      signal-event email-update
    """


for command in (
    init_command,
    initialize_command,
    status_command,
    check_command,
    services_command,
    history_command,
    undo_command,
    forget_command,
    generations_command,
    diff_command,
    rollback_command,
    confirm_command,
    recover_command,
    watch_command,
    import_command,
    export_command,
    contrib_command,
):
    group.add_command(command)


def main() -> NoReturn:
    """Run ``esmith`` on the arguments of this process."""
    run_click(group, "esmith")
