"""The help pages of ``db`` and ``config``, made by click from the declarations of the verbs."""

from __future__ import annotations

import click

from esmith.cli.apply import apply_command
from esmith.cli.output import print_lines
from esmith.cli.program import as_click
from esmith.cli.verbs import VERBS
from esmith.errors import ExitCode

_EPILOG = """\b
Options come before the key; everything after it is taken as it is.
\b
Examples:
  config show qpsmtpd
  config getprop qpsmtpd DNSBL
  config setprop qpsmtpd DNSBL enabled RHSBL enabled
  db accounts setprop alice EmailForward both ForwardAddress alice@example.org
A changed setting takes effect with the event that reads it, e.g. signal-event email-update.
"""
_BATCH = """Do the commands of standard input, one a line, all or none.

\b
A line is what would stand after config or db DATABASE:
  setprop qpsmtpd DNSBL enabled
  set spamassassin service TagLevel 5
A value with blanks is quoted as in a shell. Blank lines, and those that begin with #, are left out. Where one is
refused, or finds no record, its line is named and nothing is changed. One entry of esmith history has all of them.
"""


def show_help(program: str, verb: str) -> int:
    """Print the help page of a verb, or the one of the whole command.

    :param program: ``db`` or ``config``.
    :param verb: the verb's name; any other word shows the page of the whole command.
    """
    group = _group(program)
    parent = click.Context(group, info_name=program if program == "config" else "db DATABASE")
    command = group.commands.get(verb)
    context = click.Context(command, info_name=verb, parent=parent) if command else parent
    print_lines([context.get_help()])
    return ExitCode.OK


def _group(program: str) -> click.Group:
    options = [
        click.Option(["--root"], metavar="DIR", help="The root folder; default: ESMITH_ROOT, else /."),
        click.Option(
            ["--trust-owner"], is_flag=True, help="Let what the owner of the root folder wrote there run as the caller."
        ),
        click.Option(["--force"], is_flag=True, help="Store what the schema does not allow."),
        click.Option(["--json"], is_flag=True, help="Print keys, show, print and get as JSON."),
    ]
    name = "the configuration database" if program == "config" else "a database, or the text file of a path"
    group = click.Group(name=program, help=f"Read and change {name}.", params=list(options), epilog=_EPILOG)
    for verb in VERBS.values():
        words = click.Argument(["operands"], nargs=-1, metavar=verb.operands or None, required=False)
        params: list[click.Parameter] = [words] if verb.operands else []
        group.add_command(click.Command(verb.name, help=verb.help, params=params))
    group.add_command(click.Command("batch", help=_BATCH))
    group.add_command(as_click(apply_command(program, None)), name="apply")
    return group
