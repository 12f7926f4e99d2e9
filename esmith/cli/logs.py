"""``esmith-logs``: copies what services write from the journal to ``/var/log``; its unit of systemd starts it."""

from __future__ import annotations

from typing import NoReturn

import click

from esmith.cli.program import root_option, run_click
from esmith.layout import Layout
from esmith.logs.following import follow


@click.command("esmith-logs")
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@root_option
@click.pass_obj
def command(root: str | None, services: tuple[str, ...]) -> int:
    """Copy what services write from the journal to /var/log/SERVICE/current, until TERM.

    The unit esmith-logs starts it. Root opens the directories, and becomes the user smelog before it reads a line.
    """
    follow(Layout.chosen(root), list(services))
    return 0


def main() -> NoReturn:
    """Run ``esmith-logs`` on the arguments of this process."""
    run_click(command, "esmith-logs")
