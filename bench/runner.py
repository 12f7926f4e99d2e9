"""Runs commands for the measurements, as a process of its own: ``python -IS runner.py``.

Reads one request a line, as JSON: ``argv``, ``env``, ``stdin`` (a path), ``errors`` (a path). Answers each with a line:
the exit status, processor seconds, peak memory in KiB.

It is small on purpose. The kernel counts the memory of the process that started a command as the command's own, until
the command has more (Linux, ``setmax_mm_hiwater_rss`` in ``exec_mmap``): a large parent would hide what a small command
takes.
"""

import json
import os
import sys


def run(request: dict[str, object]) -> tuple[int, float, int]:
    """Run one command, and return its exit status, the seconds of it and all it waited for, and their peak memory."""
    argv, environment = request["argv"], request["env"]
    assert isinstance(argv, list)
    assert isinstance(environment, dict)
    files = [
        (os.POSIX_SPAWN_OPEN, 0, str(request["stdin"]), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(request["errors"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    pid = os.posix_spawnp(argv[0], argv, environment, file_actions=files)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
