"""Running a command that click parses: its errors become ours, a line or two on stderr and an exit code."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click

from esmith.cli.interruption import catch_signals, received
from esmith.cli.output import complain, print_error, remember_root, run
from esmith.cli.trusting import trust_owner
from esmith.printable import printable_message

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_TRUSTS_OWNER = "esmith.trust-owner"


def _remember_root(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.obj = value
        remember_root(value)


def _remember_trust(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    # Given to "esmith", it holds for the subcommand, whose root is not known before.
    context.meta[_TRUSTS_OWNER] = context.meta.get(_TRUSTS_OWNER) or value
    if context.meta[_TRUSTS_OWNER] and not isinstance(context.command, click.Group):
        trust_owner(context.obj, warn)


def root_option(function: _Decorated) -> _Decorated:
    """Give a command or a group of commands ``--root``, which it gets by ``click.pass_obj``, and ``--trust-owner``."""
    trust = click.option(
        "--trust-owner",
        is_flag=True,
        expose_value=False,
        callback=_remember_trust,
        help="Let what the owner of the root folder wrote there run as the caller.",
    )
    root = click.option(
        "--root",
        metavar="DIR",
        expose_value=False,
        is_eager=True,
        callback=_remember_root,
        help="The root folder; default: ESMITH_ROOT, else /.",
    )
    return root(trust(function))


def run_click(command: click.Command, program: str) -> NoReturn:
    """Run a click command on the arguments of this process and exit with its code.

    When a signal ends it that is 128 and the number of the signal.
    """

    def main(words: list[str]) -> int:
        catch_signals()
        try:
            code = command.main(words, prog_name=program, standalone_mode=False)
        except click.ClickException as error:
            _show(error)
            return error.exit_code
        except (click.Abort, KeyboardInterrupt) as error:
            if isinstance(error.__cause__, EOFError):
                raise error.__cause__ from None
            # click calls it an abort.
            number = received()
            complain(program, f"ended by {number.name}")
            return 128 + number
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
