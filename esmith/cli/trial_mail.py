"""``esmith trial-mail``: whether mail that comes in by SMTP can be read by IMAP, and spam and viruses are caught."""

from __future__ import annotations

import os

import click

from esmith.cli.output import print_report
from esmith.cli.program import root_option
from esmith.errors import ExitCode, UsageError
from esmith.layout import Layout
from esmith.setup.machine.programs import Programs
from esmith.setup.machine.progress import Progress
from esmith.setup.mail_trial.trial import Trial


@click.command("trial-mail")
@root_option
@click.pass_obj
def trial_mail_command(root: str | None) -> int:
    """Send a mail, a spam and a virus, and see what becomes of them.

    Makes a user for that, and deletes it with its mail in the end.

    \b
    Example:
      esmith trial-mail
    """
    layout = Layout.chosen(root)
    if not layout.is_machine or os.geteuid() != 0:
        raise UsageError(
            "only root can try the mail of the machine, and only at /: a user is made for it",
            hint="run it as root, without --root and ESMITH_ROOT",
        )
    progress = Progress.of_stdout(lambda line: print_report([line], cures=True))
    failed = Trial(layout, Programs(layout, progress), progress.say).run()
    return ExitCode.SERVICE if failed else ExitCode.OK
