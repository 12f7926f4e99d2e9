"""``esmith``: what the original lacks, one function a subcommand."""

from __future__ import annotations

from typing import NoReturn

import click

from esmith import __version__
from esmith.cli.groups import Imported
from esmith.cli.program import root_option, run_click

#: The subcommands; see :class:`esmith.cli.groups.Imported`.
_MODULES = {
    "init": "init",
    "initialize-databases": "init",
    "setup": "setup",
    "trial-mail": "trial_mail",
    "remove": "remove",
    "status": "status",
    "explain": "explain",
    "doctor": "doctor",
    "check": "check",
    "services": "services",
    "control": "control",
    "accounts": "accounts",
    "import-passwords": "import_passwords",
    "history": "history",
    "undo": "undo",
    "forget": "forget",
    "generations": "generations",
    "diff": "diff",
    "rollback": "rollback",
    "confirm": "recover",
    "recover": "recover",
    "watch": "watch",
    "import": "flat",
    "export": "flat",
    "overrides": "overrides",
    "backup": "backup",
    "restore": "backup",
    "contrib": "contrib",
    "completion": "completion",
    "manager": "manager",
    "fleet": "fleet.group",
}


#: The headings of ``--help``, each with its commands; tests/prompt/test_help.py wants each below one.
_HEADINGS = {
    "See before you act": ("status", "explain", "check", "diff", "overrides", "doctor", "services", "watch"),
    "Change settings, and go back": ("history", "undo", "generations", "rollback", "confirm", "recover", "forget"),
    "Move and keep the databases": ("import", "import-passwords", "export", "contrib", "backup", "restore"),
    "Set up and look after the machine": (
        *("setup", "trial-mail", "init", "initialize-databases", "accounts", "control", "completion", "manager"),
        "remove",
    ),
    "Several servers": ("fleet",),
}


class _Subcommands(Imported):
    """What is not the original's."""

    modules = _MODULES
    headings = _HEADINGS
    others = "Other commands"


@click.group(cls=_Subcommands)
@root_option
@click.version_option(__version__, prog_name="esmith")
def group() -> None:
    """Set up and look after the configuration databases and templates.

    \b
    Settings are changed with config and db, and take effect with signal-event:
      config setprop qpsmtpd DNSBL enabled
      signal-event email-update

    \b
    Why a line is in a file, and what a setting does:
      esmith explain /etc/mail/spamassassin/local.cf:12
      esmith explain qpsmtpd DNSBL

    \b
    Each command has a manual page, and TAB completes names and values:
      man esmith
      man esmith-explain
    """


def subcommands() -> dict[str, click.Command]:
    """Return all subcommands by name."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def main() -> NoReturn:
    """Run ``esmith`` on the arguments of this process."""
    run_click(group, "esmith")
