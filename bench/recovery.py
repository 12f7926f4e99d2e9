"""The processor time of ``esmith recover`` after an event was killed in a root with 1,000 users.

Once the files of all users change, and the event is killed while it renames them; once those of some users, and it is
killed there or while an action runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author

USERS = 1000
#: How many users a usual change is about.
SOME = 20
_FILES = "home/e-smith/files/users"
_LOOK_EVERY_SECONDS = 0.002
_LONGEST_SECONDS = 300.0


def add_accounts(root: Path) -> None:
    """Give the users of a root accounts of the system and homes: without them no file is made for them."""
    with (root / "etc/passwd").open("a") as file:
        for number in range(USERS):
            file.write(f"user{number}:x:{5000 + number}:{5000 + number}::/{_FILES}/user{number}:/bin/false\n")
            (root / _FILES / f"user{number}").mkdir(parents=True)


def forward(root: Path, address: str, users: int = USERS) -> None:
    """Change the files of the first users: mail is forwarded."""
    store = open_store(Layout(str(root)), write=True)
    with store.transaction(Author("bench", "", ["bench"])) as transaction:
        for number in range(users):
            transaction.set_prop("accounts", f"user{number}", "EmailForward", "both")
            transaction.set_prop("accounts", f"user{number}", "ForwardAddress", address)
    store.close()


def add_waiting_action(root: Path) -> None:
    """Give ``email-update`` an action that waits until it is killed."""
    action = root / "etc/e-smith/events/email-update/S99wait"
    action.write_text("#!/bin/sh\nexec sleep 600\n")
    action.chmod(0o755)


def killed_event(root: Path, users: int = USERS) -> int:
    """Signal ``email-update``, kill it when half of the changed users have their new file, and return how many have.

    :param users: how many were changed; when it is not all, the event waits in its action.
    """
    before = {root / _FILES / f"user{number}/.qmail": 0 for number in range(users)}
    before = {path: path.stat().st_ino for path in before}
    half = sorted(before)[len(before) // 2]
    environment = {**os.environ, "ESMITH_ROOT": str(root)}
    words = [str(root / "sbin/e-smith/signal-event"), "email-update"]
    deadline = time.monotonic() + _LONGEST_SECONDS
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while half.stat().st_ino == before[half] and process.poll() is None and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    return sum(path.stat().st_ino != inode for path, inode in before.items())


def processor_seconds(root: Path, *words: str) -> float:
    """Run a command of a root and return the processor time of it and its children, in seconds."""
    argv = [str(root / "sbin/e-smith" / words[0]), *words[1:]]
    with open(os.devnull, "wb") as nothing:
        actions = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), number) for number in (1, 2)]
        pid = os.posix_spawn(argv[0], argv, {**os.environ, "ESMITH_ROOT": str(root)}, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(words)} failed")
    return usage.ru_utime + usage.ru_stime


def measure(root: Path, rounds: int, users: int = USERS) -> tuple[list[float], list[float], int]:
    """Return the processor time of each recovery, and of each ``esmith recover`` with nothing to do.

    :param root: a root with the users, whose files were made.
    :param users: how many of them are changed.
    :return: these, and how many files were restored at most.
    """
    recovering, idle, files = [], [], 0
    for number in range(rounds):
        forward(root, f"round{number}-of-{users}@example.org", users)
        files = max(files, killed_event(root, users))
        recovering.append(processor_seconds(root, "esmith", "recover"))
        idle.append(processor_seconds(root, "esmith", "recover"))
    return recovering, idle, files
