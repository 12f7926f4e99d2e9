"""Outputs that were left as they were while the rest of a plan was carried out, until they are made.

Only a fault that affects nothing else is kept to its output: one in a directory of a user, who must not stop what
others need, and one that a check finds in a file that only disabled services read. A fault of a contrib is kept to what
belongs together with the output (:mod:`esmith.plan.unit`).
``config setprop esmith Strict enabled`` makes each fault one of the whole plan.

Files whose refusal stopped a whole event are recorded as well, for ``esmith status``.
"""

from __future__ import annotations

import time

from esmith.fields import dataclass
from esmith.store.table import is_path, json_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.plan.plan import Plan
    from esmith.store.protocol import Snapshot, Transaction


@dataclass(frozen=True)
class Left:
    """Why an output was left as it was.

    :param reason: what is wrong.
    :param template: the path of its template.
    :param since: when it was tried last, in seconds since 1970.
    :param at_fault: the file of a contrib that is at fault, "" when it is none or another output is at fault.
    """

    reason: str
    template: str
    since: float
    at_fault: str = ""


#: The engine's table: path of the output -> :class:`Left` as JSON.
LEFT = json_table(
    "left",
    Left,
    lambda path: f"why {path} was left as it was is not known until the next event",
    lambda path, _: is_path(path),
)


@dataclass(frozen=True)
class Refused:
    """When a check refused a new file, so that an event ended there and changed nothing.

    :param event: the event.
    :param command: the event with its arguments, as it was called.
    :param since: when, in seconds since 1970.
    :param by: the program or the check.
    :param reason: who refuses it. What it quoted of the file is not kept: it would outlive ``esmith forget``.
    :param digest: of the new content; "" for a file that was refused because of others, and did not change itself.
    """

    event: str
    command: str
    since: float
    by: str
    reason: str
    digest: str = ""


#: The engine's table: path of the file -> :class:`Refused` as JSON. A row counts as long as just that content waits.
REFUSED = json_table(
    "refused",
    Refused,
    lambda path: f"when {path} was refused is not known",
    lambda path, _: is_path(path),
)


def record_refused(plan: Plan, event: str, command: str, transaction: Transaction) -> None:
    """Record which files of the plan of an event were refused, in the place of what was recorded of it before."""
    from esmith.plan.installed import digest_of
    from esmith.plan.verdict import Outcome

    for path, row in REFUSED.rows(transaction).items():
        if row.event == event:
            REFUSED.put(transaction, path, None)
    changed = {output.path: output for output in plan.changed}
    for verdict in plan.verdicts:
        if verdict.outcome is Outcome.REFUSED:
            output = changed.get(verdict.path)
            digest = "" if output is None else digest_of(output.rendering.content)
            row = Refused(event, command, time.time(), verdict.by, verdict.reason, digest)
            REFUSED.put(transaction, verdict.path, row)


def list_left(snapshot: Snapshot, *, since: float = 0.0) -> dict[str, Left]:
    """Return the outputs that are left as they were, by path.

    :param since: only those that were tried since, in seconds since 1970.
    """
    return {path: left for path, left in LEFT.rows(snapshot).items() if left.since >= since}


def record_left(plan: Plan, transaction: Transaction) -> None:
    """Record which outputs of a plan were left, and forget those that were made, or are no longer to be made."""
    known = list_left(transaction)
    paths = {output.path: output.left for output in plan.outputs}
    for path, left in known.items():
        if paths.get(path) is None and (path in paths or left.template in plan.whole):
            LEFT.put(transaction, path, None)
    for output in plan.left:
        error, template = output.left, output.rendering.template.path
        at_fault = plan.at_fault.get(template, "") if error in plan.faults.values() else ""
        left = Left(error.message if error else "", template, time.time(), at_fault)
        LEFT.put(transaction, output.path, left)
