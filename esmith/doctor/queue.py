"""The mail queue: how much waits, since when, and whether what comes in is taken up."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from esmith.doctor.case import Case
from esmith.doctor.finding import FOLDER, Checking, Finding, failing, ok, skipped, warning
from esmith.environment import PATH, which
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import shell_word
from esmith.services.program import run_for_text
from esmith.services.service import Queue

_SECONDS = 20.0
#: A hundred thousand mails.
_BYTES = 64 * 1024 * 1024
#: So many are more than servers that cannot be reached now.
_MANY = 500
#: What waits longer is one of those that come back in a few days; what comes in is taken up at once.
_LONG_SECONDS, _TAKEN_SECONDS = 86_400.0, 900.0


@dataclass(frozen=True)
class _Mail:
    """A mail that waits.

    :param since: when it came, in seconds since 1970.
    :param arrives: whether the queue has yet to take it up.
    """

    since: float
    arrives: bool


def check_queue(case: Case) -> Iterator[Finding]:
    """Look at the queue of the service that delivers mail."""
    if not case.layout.is_machine:
        yield skipped("the mail queue", FOLDER)
        return
    service = next((one for one in case.running if one.queue), None)
    if service is None or service.queue is None:
        yield skipped("the mail queue", "no service of this root has one")
        return
    queue = service.queue
    mails = _listed(queue) if queue.list else _files(case.layout, queue.messages, arrives=False)
    arriving = (
        [mail for mail in mails if mail.arrives] if queue.list else _files(case.layout, queue.arriving, arrives=True)
    )
    stuck = [mail for mail in arriving if case.now - mail.since > _TAKEN_SECONDS]
    if stuck:
        why = "the queue does not move: mail is taken, and neither delivered nor sent"
        what = f"{counted(len(stuck), 'mail')} came in over a quarter of an hour ago, and {_is(stuck)} not taken up"
        yield failing(
            what,
            why,
            f"esmith control {shell_word(service.name)} restart",
            *queue.cure,
            about="the queue does not move",
        )
    if len(mails) > _MANY:
        why = "somebody may send spam by this server, or another server takes nothing"
        yield warning(f"{counted(len(mails), 'mail')} wait in the queue", why, *queue.cure, about="the queue is long")
    oldest = case.now - min((mail.since for mail in mails), default=case.now)
    if oldest > _LONG_SECONDS:
        why = "its sender does not know yet that it did not arrive"
        what = f"the oldest mail waits for {oldest / 86_400:.1f} days"
        yield warning(what, why, *queue.cure, about="a mail waits for long")
    if not stuck and len(mails) <= _MANY and oldest <= _LONG_SECONDS:
        since = f", the oldest since {oldest / 60:.0f} minutes" if mails else ""
        yield ok(f"{counted(len(mails), 'mail')} in the queue of {service.name}{since}")


def _is(mails: list[_Mail]) -> str:
    return "is" if len(mails) == 1 else "are"


def _listed(queue: Queue) -> list[_Mail]:
    """Return what a program prints about the mails, an object of JSON a line (postqueue(1), ``-j``)."""
    if which(queue.list[0], PATH) is None:
        raise FileNotFoundError(2, "is not installed", queue.list[0])
    code, printed = run_for_text(
        [*queue.list], package=queue.package, timeout=_SECONDS, place="the mail queue", limit=_BYTES
    )
    if code != 0:
        raise ValueError(" ".join(printed.split())[:200])
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [_Mail(float(line["arrival_time"]), line["queue_name"] in queue.arriving) for line in lines]


def _files(layout: Layout, patterns: Sequence[str], *, arrives: bool) -> list[_Mail]:
    """Return the mails by their files, each as old as its file."""
    import glob

    found = []
    for pattern in map(layout.under, patterns):
        # A directory that may not be entered would look empty.
        os.listdir(os.path.dirname(pattern.partition("*")[0]))
        for path in glob.iglob(pattern):
            # It may have been delivered by now.
            with suppress(FileNotFoundError):
                status = os.stat(path)
                if stat.S_ISREG(status.st_mode):
                    found.append(_Mail(status.st_mtime, arrives))
    return found


CHECKS: dict[str, Checking] = {"the mail queue": check_queue}
