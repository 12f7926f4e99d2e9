"""Running a command that click parses: its errors become ours, a line or two on stderr and an exit code."""

from __future__ import annotations

import io
import sys
from typing import NoReturn

import click

from esmith.cli.output import complain, print_error, run
from esmith.printable import printable_message


def _remember_root(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.obj = value


#: ``--root``, for commands and subcommands alike; they get it by ``click.pass_obj``.
root_option = click.option(
    "--root",
    metavar="DIR",
    expose_value=False,
    is_eager=True,
    callback=_remember_root,
    help="The root folder; default: ESMITH_ROOT, else /.",
)


def run_click(command: click.Command, program: str) -> NoReturn:
    """Run a click command on the arguments of this process and exit with its code."""

    def main(words: list[str]) -> int:
        try:
            code = command.main(words, prog_name=program, standalone_mode=False)
        except click.ClickException as error:
            _show(error)
            return error.exit_code
        except click.Abort:
            # So click calls ^C.
            raise KeyboardInterrupt from None
        return code if isinstance(code, int) else 0

    sys.exit(run(program, main))


def _show(error: click.ClickException) -> None:
    shown = io.StringIO()
    error.show(shown)
    # What stands before it is the usage message, which holds nothing of others.
    usage, mark, message = shown.getvalue().rstrip("\n").partition("Error: ")
    print_error(usage + printable_message(mark + message))


def warn(text: str) -> None:
    """Show a message on stderr while a command runs."""
    complain(click.get_current_context().find_root().info_name or "esmith", text)
