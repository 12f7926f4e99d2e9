"""Runs commands on a small disk of its own; started by ``test_full_disk`` in a private mount namespace.

Reads a JSON list of steps and prints a JSON list of what each gave. It needs nothing but Python, since it runs as root.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Far above what any command takes.
TIMEOUT_SECONDS = 120


class SmallDisk:
    """A root on a tmpfs.

    :param source: the root that is copied to it.
    :param directory: where the tmpfs is mounted.
    """

    def __init__(self, source: str, directory: str, size: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True)
        self.root = Path(directory) / "root"
        self.ballast = Path(directory) / "ballast"
        shutil.copytree(source, self.root, symlinks=True)

    def fill(self, leave: int) -> int:
        """Fill the disk up, but for some bytes; return how many are free then."""
        descriptor = os.open(self.ballast, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for size in (2**16, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    os.write(descriptor, b"x" * size)
        if leave:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - leave)
        os.close(descriptor)
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_bsize

    def free(self) -> int:
        """Make room again."""
        self.ballast.unlink()
        return 0

    def remove(self, path: str) -> int:
        """Remove a file of the root."""
        (self.root / path).unlink()
        return 0

    def run(self, program: str, *words: str) -> dict[str, Any]:
        """Run a command."""
        done = subprocess.run(
            [str(self.root / "sbin/e-smith" / program), *words],
            capture_output=True,
            env={"ESMITH_ROOT": str(self.root), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return {"code": done.returncode, "out": done.stdout.decode(), "err": done.stderr.decode()}

    def digest(self, *folders: str) -> str:
        """Return a digest of the files below some folders: names, contents and modes."""
        found = hashlib.sha256()
        for folder in folders:
            for path in sorted((self.root / folder).rglob("*")):
                status = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                found.update(f"{path} {status.st_mode} {status.st_ino}\n".encode() + content)
        return found.hexdigest()


def main(source: str, directory: str, size: str) -> None:
    """Carry out the steps on standard input."""
    disk = SmallDisk(source, directory, size)
    steps = json.load(sys.stdin)
    json.dump([getattr(disk, name)(*arguments) for name, *arguments in steps], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
