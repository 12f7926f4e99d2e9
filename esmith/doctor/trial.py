"""The trial of mail (``esmith trial-mail``) as a check: what it saw is one finding for each of its lines."""

from __future__ import annotations

from esmith.doctor.finding import Check, Finding, Result, failing, ok
from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.setup.machine.programs import Programs
from esmith.setup.machine.progress import Progress
from esmith.setup.mail_trial.trial import Trial

#: How a line begins that shows what did not arrive as it should.
_FAILED = "FAILED: "
_WHY = "a mail that comes in is not treated as the settings say"


def try_mail(layout: Layout) -> Result:
    """Send the mails of the trial, and return what became of them.

    It makes a user and deletes it in the end: the only part that changes something.
    """
    lines: list[str] = []
    check = Check("mail", "trial", lambda _case: ())
    try:
        Trial(layout, Programs(layout, Progress(lines.append, None)), lines.append).run()
    except EsmithError as error:
        where = f"{error.place}: {error.message}".removeprefix(": ")
        return Result(
            check, (failing(f"the trial could not be carried out: {where}", error.hint or _WHY, "esmith services"),)
        )
    return Result(check, tuple(_findings(lines)))


def _findings(lines: list[str]) -> list[Finding]:
    """Return a finding for each line; those that follow a failure are the ends of logs, and go with it."""
    found: list[Finding] = []
    for line in lines:
        if line.startswith(_FAILED):
            found.append(failing(line.removeprefix(_FAILED), _WHY, "esmith services", "esmith trial-mail"))
        elif line.startswith(" ") and found and found[-1].severity == "failing":
            last = found.pop()
            found.append(failing(last.what, f"{last.why}; {line.strip()}", *last.cure))
        else:
            found.append(ok(line.strip()))
    return found
