"""The help pages of ``db`` and ``config``, made by click from the declarations of the verbs."""

from __future__ import annotations

import click

from esmith.cli.apply import apply_command
from esmith.cli.groups import Sentences
from esmith.cli.output import print_lines
from esmith.cli.program import as_click
from esmith.cli.targets import LAYER_OPTIONS
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
  config list --changed
A changed setting takes effect with the event that reads it, e.g. signal-event email-update.
What a setting does: esmith explain qpsmtpd DNSBL
"""
_BATCH = """Do the commands of standard input, one a line, all or none.

\b
A line is what would stand after config or db DATABASE:
  setprop qpsmtpd DNSBL enabled
  set spamassassin service TagLevel 5
A value with blanks is quoted as in a shell. Blank lines, and those that begin with #, are left out. Where one is
refused, or finds no record, its line is named and nothing is changed. One entry of esmith history has all of them.
"""
_MORE = {
    "describe": (
        "key [prop]",
        """Say what a record or a property is.

That is its help, the values it takes, its default, the files that are made from it, and where the wiki page "Email"
is about it.

\b
  config describe qpsmtpd
  config describe qpsmtpd DNSBL
  db accounts describe user
""",
    ),
    "list": (
        "[--changed]",
        """List settings; with --changed, what is not as shipped.

Changed is what differs from its default, what has no default and was set, and what no schema file knows.

\b
  config list --changed
""",
    ),
    "search": (
        "word ...",
        """Find records and properties by words.

All of the words stand in their names, their help or their value. Upper and lower case are the same. The values of
secrets are not looked at. The exit code is 1 when nothing is found.

\b
  config search block list
""",
    ),
    "edit": (
        "key",
        """Edit a record, with its help, in your editor.

It is the editor that VISUAL or EDITOR names. What you typed is checked as setprop does, and stored in one transaction.
At a terminal a refused text can be edited again; otherwise it is kept in a file, which is named. When somebody else
changed the record meanwhile, nothing is stored.

\b
  EDITOR=nano config edit qpsmtpd
""",
    ),
}


def show_help(program: str, verb: str) -> int:
    """Print the help page of a verb, or the one of the whole command.

    :param program: ``db`` or ``config``.
    :param verb: the verb's name; any other word shows the page of the whole command.
    """
    verbs = group(program)
    parent = click.Context(verbs, info_name=program if program == "config" else "db DATABASE")
    command = verbs.commands.get(verb)
    context = click.Context(command, info_name=verb, parent=parent) if command else parent
    print_lines([context.get_help()])
    return ExitCode.OK


def group(program: str) -> click.Group:
    """Return the verbs as commands of click.

    :param program: ``db`` or ``config``.
    """
    options = [
        click.Option(["--root"], metavar="DIR", help="The root folder; default: ESMITH_ROOT, else /."),
        click.Option(
            ["--trust-owner"], is_flag=True, help="Let what the owner of the root folder wrote there run as the caller."
        ),
        click.Option(["--force"], is_flag=True, help="Store what the schema does not allow."),
        click.Option(["--json"], is_flag=True, help="Print JSON; for the verbs that read, and edit."),
        *(
            click.Option([*one.names], is_flag=one.read is None, metavar=one.metavar or None, help=one.help)
            for one in LAYER_OPTIONS
        ),
        click.Option(["--layers"], is_flag=True, help="In a fleet, show KEY with where each value comes from."),
    ]
    name = "the configuration database" if program == "config" else "a database, or the text file of a path"
    made = Sentences(name=program, help=f"Read and change {name}.", params=list(options), epilog=_EPILOG)
    made.others = "Other verbs"
    made.headings = {
        "Verbs that read": tuple(verb.name for verb in VERBS.values() if verb.read),
        "Verbs that change settings": (*(verb.name for verb in VERBS.values() if verb.write), "batch"),
    }
    # The options come before the key.
    settings = {"allow_interspersed_args": False}
    for verb in VERBS.values():
        words = click.Argument(["operands"], nargs=-1, metavar=verb.operands or None, required=False)
        params: list[click.Parameter] = [words] if verb.operands else []
        made.add_command(click.Command(verb.name, settings, help=verb.help, params=params))
    made.add_command(click.Command("batch", help=_BATCH))
    for more, (operands, text) in _MORE.items():
        words = click.Argument(["operands"], nargs=-1, metavar=operands, required=False)
        made.add_command(click.Command(more, settings, help=text, params=[words]))
    made.add_command(as_click(apply_command(program, None)), name="apply")
    return made
