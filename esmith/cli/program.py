"""Running a command that click parses: its errors become ours, a line or two on stderr and an exit code."""

from __future__ import annotations

import io
import sys
from typing import NoReturn

import click

from esmith.cli.output import complain, print_error, run
from esmith.errors import ExitCode
from esmith.names import counted


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
    print_error(shown.getvalue().rstrip("\n"))


def warn_of_left(count: int) -> int:
    """Say as the last line that files were left as they were, and return the exit code.

    :param count: how many.
    """
    if not count:
        return ExitCode.OK
    warn(f"{counted(count, 'file')} left as {'it was' if count == 1 else 'they were'}; everything else was done")
    return ExitCode.PARTIAL


def warn(text: str) -> None:
    """Show a message on stderr while a command runs."""
    complain(click.get_current_context().find_root().info_name or "esmith", text)
