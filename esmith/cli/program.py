"""Running a command that click parses: its errors become ours, a line or two on stderr and an exit code."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import click

from esmith.cli.arguments import COLORS, Command, Option
from esmith.cli.colour import choose
from esmith.cli.interruption import catch_signals, ignore_signals
from esmith.cli.output import ended_by_signal, flushed, print_error, remember_root, run, warn
from esmith.cli.trusting import trust_owner
from esmith.errors import UsageError
from esmith.layout import Layout
from esmith.printable import printable_message

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_TRUSTS_OWNER = "esmith.trust-owner"
#: The subcommands of esmith that install the shipped files themselves, or take them away.
_INSTALLING = frozenset(("init", "setup", "remove"))


def _remember_root(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.obj = value
        remember_root(value)


def _remember_trust(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    # Given to "esmith", it holds for the subcommand, whose root is not known before.
    context.meta[_TRUSTS_OWNER] = context.meta.get(_TRUSTS_OWNER) or value
    if context.meta[_TRUSTS_OWNER] and not isinstance(context.command, click.Group):
        trust_owner(context.obj, warn)
    is_subcommand = context.parent is not None and not isinstance(context.command, click.Group)
    if is_subcommand and context.command.name not in _INSTALLING and not context.resilient_parsing:
        _warn_of_other_version(context.obj)


def _warn_of_other_version(root: str | None) -> None:
    """Say so when the shipped files of a root are of another version; a wrong root is the command's to report."""
    from esmith.cli.other_version import warn_of_other_version

    with suppress(UsageError):
        warn_of_other_version(Layout.chosen(root), warn)


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


def color_option(function: _Decorated) -> _Decorated:
    """Give a command ``--color``, which says when its output is coloured (:mod:`esmith.cli.colour`)."""
    return click.option(
        "--color",
        type=click.Choice(COLORS),
        default="auto",
        expose_value=False,
        callback=_choose_color,
        help="When the output is coloured: auto is at a terminal only.",
    )(function)


def _choose_color(_context: click.Context, _parameter: click.Parameter, value: str) -> None:
    choose(value)


def as_click(command: Command) -> click.Command:
    """Return a command that is declared for :mod:`esmith.cli.arguments` as one of click."""

    def carry_out(root: str | None, /, **values: Any) -> int:
        if command.without_operands and not values[command.without_operands]:
            missing = next((place for place in command.operands[:-1] if values[place] is None), "")
            if missing:
                raise click.UsageError(f"Missing argument '{missing.upper()}'.", click.get_current_context())
        mistake = command.mistake(values)
        if mistake:
            raise click.UsageError(mistake)
        return command.carry_out(root, values)

    made: Any = click.pass_obj(carry_out)
    *first, last = command.operands
    if command.single:
        made = click.argument(last)(made)
    else:
        made = click.argument(last, nargs=-1, required=not first, type=click.UNPROCESSED)(made)
    for place in first:
        made = click.argument(place, required=not command.without_operands, metavar=place.upper())(made)
    for option in reversed(command.options):
        made = _click_option(option)(made)
    settings = {"allow_interspersed_args": not first}
    return click.command(command.name, context_settings=settings, help=command.help)(root_option(made))


def _click_option(option: Option) -> Callable[[_Decorated], _Decorated]:
    if option.read is None:
        return click.option(*option.names, option.place, is_flag=True, help=option.help)
    kind = click.Choice(option.choices) if option.choices else _kind(option.read)
    return click.option(
        *option.names,
        option.place,
        type=kind,
        default=option.default,
        show_default=option.default not in (None, "", ()),
        multiple=option.repeated,
        metavar=option.metavar or None,
        help=option.help,
    )


def _kind(read: Callable[[str], Any]) -> Any:
    return read if read in (str, float) else _Read(read)


class _Read(click.ParamType[Any]):
    """A value that a function makes from a word."""

    name = "value"

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._read(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def run_click(command: click.Command, program: str) -> NoReturn:
    """Run a click command on the arguments of this process and exit with its code.

    When a signal ends it that is 128 and the number of the signal.
    """
    code = flushed(run(program, lambda words: call_click(command, program, words)))
    ignore_signals()
    sys.exit(code)


def call_click(command: click.Command, program: str, words: list[str]) -> int:
    """Have click run a command on arguments, and return the exit code."""
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
        return ended_by_signal(program)
    return code if isinstance(code, int) else 0


def _show(error: click.ClickException) -> None:
    shown = io.StringIO()
    error.show(shown)
    # What stands before it is the usage message, which holds nothing of others.
    usage, mark, message = shown.getvalue().rstrip("\n").partition("Error: ")
    print_error(usage + printable_message(mark + message))
