"""Programs that these tests start as processes of their own: ``python -m tests.fleet.world.child NAME ...``.

``hand`` does what an administrator of one host does, an operation a line. ``eye`` notes what hosts hold, at each
revision that it gets to see. ``nursery`` has the agent imported, and forks one for each that is asked for: its start is
most of what it takes, and some tests kill hundreds. Such an agent ends itself by SIGKILL where a test wants it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from typing import Any, NoReturn

from esmith.errors import EsmithError
from esmith.fleet.agent import points
from esmith.fleet.agent.reporting import Pace
from esmith.fleet.agent.running import run_agent
from esmith.fleet.replica import asking
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.behind import BehindError
from esmith.store.model import Author
from esmith.store.protocol import Store
from tests.fleet.world.trial_settings import Task, look

#: Seconds after which a hand gives up to repeat an operation that others were faster than.
_PATIENCE = 60.0
#: Seconds between two looks of the eye.
_GLANCE = 0.002
_PR_SET_PDEATHSIG = 1
#: No "esmith status" is run beside: it would take more than all the rest.
PACE = Pace(heartbeat=1.0, file=0.05, status=0.5, counts=0.0)


def hand(root: str) -> None:
    """Do the operations that come in by standard input, and answer each with a line.

    Before that there is a line that says what is about to be written, for each time that it is tried.
    """
    layout = Layout(root)
    store = open_store(layout, write=True)
    say("ready")
    for line in sys.stdin:
        say(_done(layout, store, Task(**json.loads(line))))


def say(data: Any) -> None:
    """Print a line of JSON."""
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


def _done(layout: Layout, store: Store, task: Task) -> dict[str, Any]:
    """Do one operation, and again as long as another host was faster."""
    author = Author("tester", "", ["trial", task.stamp])
    invoked = time.monotonic()
    answer: dict[str, Any] = {"stamp": task.stamp, "invoked": invoked, "tries": 0, "message": ""}
    while True:
        answer["tries"] += 1
        try:
            with store.transaction(author, task.target) as transaction:
                writes, seen = task.do(transaction)
                # Printed before the end of the transaction: whoever kills this process knows what it was about to do.
                about = {
                    "writes": [[place.layer, *place.cell, value] for place, value in writes.items()],
                    "seen": [[*cell, value] for cell, value in seen.items()],
                }
                say({"stamp": task.stamp, "about": about})
            outcome = "ok"
        except BehindError as error:
            if time.monotonic() < invoked + _PATIENCE:
                with contextlib.suppress(EsmithError):
                    asking.wait(layout.root, error.head, _PATIENCE)
                continue
            outcome, answer["message"] = "fail", str(error)
        except EsmithError as error:
            outcome = "info" if getattr(error, "is_doubtful", False) else "fail"
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
        host, _, root = each.partition("=")
        stores[host] = open_store(Layout(root), write=False)
    last: dict[str, tuple[bytes | None, int]] = {}
    with open(file, "w", encoding="utf-8") as lines:
        say("ready")
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
    """Fork a process for each request at the socket that is standard input; answer with its id, or its exit code.

    ``{"what": "agent", "root": ROOT, "log": FILE, "point": POINT, "count": N}`` starts an agent, which ends itself at
    the N-th time that it reaches a point of :data:`esmith.fleet.agent.points.POINTS`; ``{"what": "hand", ...}`` a hand,
    whose standard streams are a socket that comes with the request. ``{"what": "reap", "pid": PID}`` asks for the
    exit code of one, null while it runs.
    """
    import esmith.fleet.replica.ending  # noqa: F401 - so that no child does it

    say("ready")
    control = socket.socket(fileno=0)
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not request:
            return
        asked = json.loads(request)
        if asked["what"] == "reap":
            ended, status = os.waitpid(asked["pid"], os.WNOHANG)
            say(os.waitstatus_to_exitcode(status) if ended else None)
        elif pid := os.fork():
            say(pid)
        else:
            control.detach()
            _become(descriptors[0] if descriptors else os.open(os.devnull, os.O_RDWR), **asked)
        for descriptor in descriptors:
            os.close(descriptor)


def _become(stream: int, what: str, root: str, log: str, point: str, count: int) -> NoReturn:
    """Be an agent or a hand, and end."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, stream), (1, stream if what == "hand" else errors), (2, errors)):
        os.dup2(source, target)
    code = 70
    try:
        if point:
            _kill_at(point, count)
        if what == "agent":
            code = run_agent(Layout(root), pace=PACE)
        else:
            hand(root)
    finally:
        # It is the end of the process, which has no caller to raise to.
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)


def agent(root: str) -> None:
    """Be the agent of a root, in a process that is started: in a network of its own."""
    sys.exit(run_agent(Layout(root), pace=PACE))


def _kill_at(point: str, count: int) -> None:
    """Have this process end by SIGKILL when it gets to a point so many times."""
    left = [count]

    def reached(name: str) -> None:
        if name == point:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    points.set_hook(reached)


if __name__ == "__main__":
    if sys.argv[1] == "nursery":
        nursery()
    elif sys.argv[1] == "eye":
        eye(*sys.argv[2:])
    else:
        agent(sys.argv[2])
