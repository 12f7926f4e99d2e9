"""``esmith completion``: the script by which a shell completes the commands."""

from __future__ import annotations

import os

import click

from esmith.cli.declarations import all_declarations
from esmith.cli.output import print_text
from esmith.cli.program import root_option
from esmith.errors import UsageError
from esmith.layout import Layout
from esmith.prompt.completion import PROGRAM, SHELLS, script


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@root_option
@click.pass_obj
def completion_command(root: str | None, shell: str) -> int:
    """Print the script by which a shell completes these commands, their options, settings and values.

    esmith init installs the scripts where each shell finds them; this one is for a shell that does not, or for a root
    that is a folder.

    \b
    Example:
      eval "$(esmith completion bash)"
    """
    layout = Layout.chosen(root)
    program = layout.under(PROGRAM)
    if not os.path.exists(program):
        raise UsageError(f"{program} is missing, which the script asks", hint="install it with: esmith init")
    print_text(script(shell, program, [declaration.words[0] for declaration in all_declarations()]))
    return 0
