"""Programs that these tests start as processes of their own: ``python -m tests.fleet.world.child NAME ...``.

``hand`` does what an administrator of one host does, an operation a line; ``eye`` notes what hosts hold, at each
revision it gets to see; ``nursery`` has the agent imported and forks one for each that is asked for: its start is most of
what it takes, and some tests kill hundreds. An agent ends itself by SIGKILL where it is told to.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

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
_PR_SET_PDEATHSIG = 1


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


def eye(file: str, *hosts: str) -> None:
    """Note what hosts hold, a line for each change that is seen, until standard input ends.

    :param file: gets the lines.
    :param hosts: ``NAME=ROOT`` of each.
    """
    stores = {}
    for each in hosts:
        name, _, root = each.partition("=")
        stores[name] = open_store(Layout(root), write=False)
    last: dict[str, tuple[bytes | None, int]] = {}
    with open(file, "w", encoding="utf-8") as lines:
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], _GLANCE)[0]:
            for name, store in stores.items():
                # The moment is before the look: what was acknowledged until then has to be there.
                at = time.monotonic()
                with store.snapshot() as snapshot:
                    now = snapshot.state("fleet", "revision"), snapshot.revision()
                    if last.get(name) != now:
                        last[name] = now
                        lines.write(json.dumps({"host": name, "at": at, **look(snapshot)}) + "\n")


def nursery() -> None:
    """Fork an agent for each line of standard input, answer with its id, and with its exit code when it is asked for.

    ``{"root": ROOT, "log": FILE, "point": POINT, "count": N}`` starts one, which ends itself at the N-th time that it
    reaches a point of :data:`esmith.fleet.agent.points.POINTS`; ``{"pid": PID}`` waits until one has ended.
    """
    import esmith.fleet.agent.process  # noqa: F401 - so that no child does it

    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "pid" in asked:
            print(os.waitstatus_to_exitcode(os.waitpid(asked["pid"], 0)[1]), flush=True)
        elif pid := os.fork():
            print(pid, flush=True)
        else:
            _become_agent(**asked)


def _become_agent(root: str, log: str, point: str, count: int) -> NoReturn:
    """Be the agent of a root, and end."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDWR)
    for target, source in ((0, null), (1, file), (2, file)):
        os.dup2(source, target)
    code = 70
    try:
        from esmith.fleet.agent import points, run_agent

        if point:
            points.set_hook(_killer(point, count))
        code = run_agent(Layout(root))
    except BaseException:  # noqa: BLE001 - it is the end of the process
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)


def agent(root: str) -> None:
    """Be the agent of a root, in a process that is started: in a network of its own."""
    from esmith.fleet.agent import run_agent

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
    {"hand": hand, "eye": eye, "nursery": nursery, "agent": agent}[sys.argv[1]](*sys.argv[2:])
