"""Programs that these tests start as processes of their own: ``python -m tests.fleet.world.child NAME ...``.

``hand`` does what an administrator of one host does, an operation a line; ``eye`` notes what hosts hold, at each
revision it gets to see; ``agent`` is the agent, which ends itself by SIGKILL where it is told to.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from esmith.errors import BehindError, EsmithError
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
from esmith.store.protocol import Store
from tests.fleet.world.trial_settings import Task, look

#: Seconds after which a hand gives up to repeat an operation that others were faster than.
_PATIENCE = 60.0
#: Seconds between two looks of the eye.
_GLANCE = 0.002


def hand(root: str) -> None:
    """Do the operations that come in by standard input, and answer each with a line.

    Before that there is a line that says what is about to be written, for each time that it is tried.
    """
    layout = Layout(root)
    store = open_store(layout, write=True)
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_done(layout, store, Task(**asked))), flush=True)


def _done(layout: Layout, store: Store, task: Task) -> dict[str, Any]:
    """Do one operation, and again as long as another host was faster."""
    from esmith.fleet.replica import asking

    author = Author("tester", "", ["trial", task.stamp])
    invoked = time.monotonic()
    answer: dict[str, Any] = {"stamp": task.stamp, "invoked": invoked, "tries": 0, "message": ""}
    while True:
        answer["tries"] += 1
        try:
            with store.transaction(author, task.target) as transaction:
                writes, seen = task.do(transaction)
                # Said before the end of the transaction: whoever kills this process knows what it was about to do.
                about = {
                    "writes": [[place.layer, *place.cell, value] for place, value in writes.items()],
                    "seen": [[*cell, value] for cell, value in seen.items()],
                }
                print(json.dumps({"stamp": task.stamp, "about": about}), flush=True)
            outcome = "ok"
        except BehindError as error:
            if time.monotonic() < invoked + _PATIENCE:
                with contextlib.suppress(EsmithError):
                    asking.wait(layout, error.head, _PATIENCE)
                continue
            outcome, answer["message"] = "fail", str(error)
        except EsmithError as error:
            outcome = "info" if getattr(error, "is_unknown", False) else "fail"
            answer["message"] = str(error)
        break
    return answer | {"outcome": outcome, "ended": time.monotonic()}


def eye(*hosts: str) -> None:
    """Print what hosts hold, a line for each change that is seen, until standard input ends.

    :param hosts: ``NAME=ROOT`` of each.
    """
    stores = {}
    for each in hosts:
        name, _, root = each.partition("=")
        stores[name] = open_store(Layout(root), write=False)
    last: dict[str, tuple[bytes | None, int]] = {}
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], _GLANCE)[0]:
        for name, store in stores.items():
            at = time.monotonic()
            with store.snapshot() as snapshot:
                now = snapshot.state("fleet", "revision"), snapshot.revision()
                if last.get(name) != now:
                    last[name] = now
                    sys.stdout.write(json.dumps({"host": name, "at": at, **look(snapshot)}) + "\n")
    sys.stdout.flush()


def agent(root: str, point: str = "", count: str = "1") -> None:
    """Run the agent.

    :param point: where it is ended by SIGKILL, one of :data:`esmith.fleet.agent.points.POINTS`.
    :param count: at which time that it gets there.
    """
    from esmith.fleet.agent import points, run_agent

    if point:
        points.set_hook(_killer(point, int(count)))
    sys.exit(run_agent(Layout(root)))


def _killer(point: str, count: int) -> Callable[[str], None]:
    left = [count]

    def reached(name: str) -> None:
        if name == point:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached


if __name__ == "__main__":
    {"hand": hand, "eye": eye, "agent": agent}[sys.argv[1]](*sys.argv[2:])
