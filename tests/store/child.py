"""Programs that the tests of the store start as processes of their own: ``python -m tests.store.child NAME ...``.

Each says ``ready`` and then waits for a line on its input, so that a test can start several at the same moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from esmith.cli.db import run_config
from esmith.schema.settings import set_properties
from esmith.store.flat.file import FlatFile
from esmith.store.protocol import Snapshot
from tests.store.stores import AUTHOR, opened

#: What is swept by :func:`kill_at`: the code between the command line and LMDB.
SWEPT = ("esmith/store/", "esmith/schema/settings.py", "esmith/cli/db.py", "esmith/cli/verbs.py")


def _ready() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def write(root: str, name: str, count: str) -> None:
    """Set properties of one record, each in a transaction, and count in a property that all writers share."""
    with opened(Path(root)) as store:
        _ready()
        for number in range(int(count)):
            with store.transaction(AUTHOR) as transaction:
                total = int(transaction.prop("t", "shared", "total") or "0")
                props = {f"{name}-{number:03}": name, "total": str(total + 1)}
                set_properties(transaction, None, "t", "shared", props)


def write_flat(file: str, name: str, count: str) -> None:
    """Set properties of one record of a flat file, as :func:`write` does."""
    store = FlatFile(file)
    _ready()
    for number in range(int(count)):
        with store.transaction(AUTHOR) as transaction:
            if transaction.type_of(file, "shared") is None:
                transaction.set_type(file, "shared", "v")
            total = int(transaction.prop(file, "shared", "total") or "0")
            props = {f"{name}-{number:03}": name, "total": str(total + 1)}
            set_properties(transaction, None, file, "shared", props)


def read(root: str, seconds: str) -> None:
    """Hold a snapshot, until killed or for some seconds."""
    with opened(Path(root), write=False) as store, store.snapshot() as snapshot:
        snapshot.keys("t")
        _ready()
        time.sleep(float(seconds))


def idle(root: str, seconds: str) -> None:
    """Have the store open without a snapshot, as a program that lives long does."""
    with opened(Path(root), write=False):
        _ready()
        time.sleep(float(seconds))


def open_often(root: str, count: str) -> None:
    """Open the store again and again, and read what writers change."""
    _ready()
    for _ in range(int(count)):
        with opened(Path(root), write=False) as store, store.snapshot() as snapshot:
            snapshot.record("t", "shared")


def read_on_demand() -> None:
    """Read as the lines of the input say: ``begin ROOT`` a snapshot, ``dump`` it, ``end`` it; answer in JSON."""
    _ready()
    with contextlib.ExitStack() as stack:
        snapshot: Snapshot | None = None
        for line in sys.stdin:
            word, _, root = line.rstrip("\n").partition(" ")
            if word == "begin":
                snapshot = stack.enter_context(stack.enter_context(opened(Path(root), write=False)).snapshot())
                print("{}", flush=True)
            elif word == "dump":
                assert snapshot is not None
                found = {name: list(snapshot.records(name)) for name in snapshot.databases()}
                records = {name: [[one.key, one.type, one.props] for one in ones] for name, ones in found.items()}
                print(json.dumps([records, snapshot.revision()]), flush=True)
            else:
                stack.close()
                print("{}", flush=True)


def hold(root: str, seconds: str) -> None:
    """Hold a transaction with changes that are not yet committed, until killed or for some seconds."""
    with opened(Path(root)) as store, store.transaction(AUTHOR) as transaction:
        transaction.set_type("t", "held", "v")
        _ready()
        time.sleep(float(seconds))


def kill_at(line: str, *words: str) -> None:
    """Run ``config``, and kill this process when it comes to a line of code; without killing print their number.

    :param line: the how-manieth executed line of :data:`SWEPT`; 0 for none.
    """
    last, seen = int(line), 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_name == "<module>" or not any(part in frame.f_code.co_filename for part in SWEPT):
            return None
        if event == "line":
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.argv = ["config", *words]
    sys.settrace(trace)
    code = run_config()
    sys.settrace(None)
    print(seen)
    sys.exit(code)


PROGRAMS: dict[str, Callable[..., None]] = {
    "write": write,
    "write-flat": write_flat,
    "read": read,
    "read-on-demand": read_on_demand,
    "idle": idle,
    "open": open_often,
    "hold": hold,
    "kill-at": kill_at,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](*sys.argv[2:])
