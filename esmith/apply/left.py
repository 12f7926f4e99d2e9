"""Outputs that were left as they were while the rest of a plan was carried out, until they are made.

Only a fault that affects nothing else is kept to its output: one in a directory of a user, who must not stop what
others need. ``config setprop esmith Strict enabled`` makes each fault one of the whole plan.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass

from esmith.plan.plan import Plan
from esmith.store.protocol import Snapshot, Transaction

#: The engine's table: path of the output -> :class:`Left` as JSON.
TABLE = "left"


@dataclass(frozen=True)
class Left:
    """Why an output was left as it was.

    :param reason: what is wrong.
    :param template: the path of its template.
    :param since: when it was tried last, in seconds since 1970.
    """

    reason: str
    template: str
    since: float


def list_left(snapshot: Snapshot, *, since: float = 0.0) -> dict[str, Left]:
    """Return the outputs that are left as they were, by path.

    :param since: only those that were tried since, in seconds since 1970.
    """
    rows = {path: Left(**json.loads(row)) for path, row in snapshot.states(TABLE)}
    return {path: left for path, left in rows.items() if left.since >= since}


def record_left(plan: Plan, transaction: Transaction) -> None:
    """Record which outputs of a plan were left, and forget those that were made, or are no longer to be made."""
    known = list_left(transaction)
    paths = {output.path: output.left for output in plan.outputs}
    for path, left in known.items():
        if paths.get(path) is None and (path in paths or left.template in plan.whole):
            transaction.set_state(TABLE, path, None)
    for output in plan.left:
        left = Left(output.left.message if output.left else "", output.rendering.template.path, time.time())
        transaction.set_state(TABLE, output.path, json.dumps(asdict(left)).encode())
