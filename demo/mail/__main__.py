"""``make demo-mail``: ``python -m demo.mail FOLDER [--wait]``."""

from __future__ import annotations

import os
import signal
import sys

import click

from demo.mail.folder import Person, only_one, usable_folder
from demo.mail.steps import MailDemo, stop
from esmith.cli.output import print_report
from esmith.cli.program import run_click
from esmith.setup.machine.programs import Programs
from esmith.setup.machine.progress import Progress
from esmith.setup.machine.steps import run_steps

_AGAIN = "make demo-mail"


@click.command("demo-mail")
@click.argument("folder")
@click.option("--wait", is_flag=True, help="Go on until ^C, so that you can read and send mail.")
def demo_mail(folder: str, *, wait: bool) -> None:
    """Try mail in a folder, with the real daemons and the files that are generated there, as a plain user."""
    person = Person.who_runs_this()
    layout = usable_folder(folder)
    # The commands of the folder take it from there.
    os.environ["ESMITH_ROOT"] = layout.root
    progress = Progress.of_stdout(lambda line: print_report([line]))
    demo = MailDemo(layout, Programs(layout, progress), person)
    with only_one(layout):
        try:
            run_steps(demo.steps(), progress, _AGAIN)
            for line in demo.summary():
                progress.say(line)
            if wait:
                for line in [*demo.running(), "All of this runs until you type ^C."]:
                    progress.say(line)
                sys.stdout.flush()
                signal.pause()
        finally:
            progress.clear()
            if stop(layout):
                progress.say("everything that was started has ended")


if __name__ == "__main__":
    run_click(demo_mail, "demo-mail")
