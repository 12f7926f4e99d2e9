"""Other processes that use the store of a random history: readers that stay, and a writer that is killed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests import forks
from tests.commands import TIMEOUT_SECONDS
from tests.store.stores import REPOSITORY, release, start_child, wait_ready

#: A writer that is killed: it has changed something in a transaction, and maybe committed another one before.
_KILLED = """\
#!{python} -ISXutf8
import os, signal, sys

sys.path += {path!r}
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author

store = open_store(Layout(sys.argv[1]), write=True)
with store.transaction(Author("killed", "", ["killed"])) as transaction:
    transaction.set_type(sys.argv[2], sys.argv[3], sys.argv[4])
    transaction.create_database("never")
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Reader:
    """A process that reads when it is asked to; LMDB has one snapshot at a time in each process."""

    def __init__(self) -> None:
        self.process = start_child("read-on-demand")
        wait_ready(self.process)
        release(self.process)

    def ask(self, line: str) -> Any:
        """Have it do something, and return its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def make_killed_writer(root: Path) -> None:
    """Make the program that :func:`run_killed_writer` runs."""
    path = root / "killed"
    search = [str(REPOSITORY), *(word for word in sys.path if word.endswith("site-packages"))]
    path.write_text(_KILLED.format(python=sys.executable, path=search))
    path.chmod(0o755)


def run_killed_writer(root: Path, *words: str) -> None:
    """Let a process change something in a transaction, and be killed in it.

    :param words: database, key and type.
    """
    code, _, err = forks.run(
        [str(root / "killed"), str(root), *words], stdin=b"", env=dict(os.environ), timeout=TIMEOUT_SECONDS
    )
    assert code == -9, err
