"""Runs commands on a small disk of its own; started by ``test_full_disk`` in a private mount namespace.

Reads a JSON list of steps and prints a JSON list of what each gave. It has the engine imported and forks a process for
each command, as tests/fork_server.py does, with the flags of the commands.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# With -I and -S nothing of the product is found by itself: the first argument is where Python's packages are, the
# second the folder of tests/remembered.py. What check programs say is not remembered here: they need space, too.
sys.path[:0] = [str(Path(__file__).resolve().parents[2]), sys.argv[1]]

from tests import fork_server, remembered  # noqa: E402

#: Far above what any command takes.
TIMEOUT_SECONDS = 120
#: Where what commands write is, besides their own records.
FOLDERS = ("etc", "var/qmail", "var/service", "home/e-smith/files", "sbin/e-smith", "usr/local/lib/site_perl")


class SmallDisk:
    """A root on a tmpfs.

    :param source: the root that is copied to it.
    :param directory: where the disk is mounted.
    :param size: of the disk, e.g. ``16m``.
    :param kind: ``tmpfs`` or ``ext4``.
    :param memory: what the commands may know beforehand.
    """

    def __init__(self, source: str, directory: str, size: str, kind: str, memory: remembered.Memory) -> None:
        if kind == "tmpfs":
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True)
        else:
            image = f"{directory}.image"
            make = ["mkfs.ext4", "-q", "-m", "0", "-F", image, size]
            subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["mount", "-o", "loop", image, directory], check=True)
            os.unlink(image)
        self.source = source
        self._memory = memory
        self.root = Path(directory) / "root"
        self.ballast = Path(directory) / "ballast"
        self.renew()

    def renew(self) -> None:
        """Copy the root again."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.ballast.unlink(missing_ok=True)
        subprocess.run(["cp", "-a", self.source, str(self.root)], check=True, timeout=TIMEOUT_SECONDS)

    def fill(self, leave: int) -> int:
        """Fill the disk up, but for some bytes; return how many are free then."""
        descriptor = os.open(self.ballast, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for size in (2**16, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    os.write(descriptor, b"x" * size)
        if leave:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - leave)
        # Not before they are synced, what ext4 has freed is free.
        os.fsync(descriptor)
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
        script = str(self.root / "sbin/e-smith" / program)
        env = {"ESMITH_ROOT": str(self.root), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        request = {"argv": [script, *words], "script": script, "env": env, "cwd": "/", "umask": 0o022}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull, "rb") as nothing:
            self._memory.learn()
            pid = os.fork()
            if pid == 0:
                fork_server.become(request, [nothing.fileno(), out.fileno(), err.fileno()])
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            texts = [(file.seek(0), file.read().decode())[1] for file in (out, err)]
        return {"code": code, "out": texts[0], "err": texts[1]}

    def digest(self, *folders: str) -> str:
        """Return a digest of the files below some folders: names, contents and modes."""
        found = hashlib.sha256()
        for folder in folders:
            for path in sorted((self.root / folder).rglob("*")):
                status = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                found.update(f"{path} {status.st_mode} {status.st_ino}\n".encode() + content)
        return found.hexdigest()

    def look(self) -> dict[str, Any]:
        """Return the files with their contents, modes and inodes, and the settings."""
        files = {}
        for folder in FOLDERS:
            for path in sorted((self.root / folder).rglob("*")):
                status = path.lstat()
                if stat.S_ISDIR(status.st_mode):
                    continue
                content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                files[str(path.relative_to(self.root))] = [f"{status.st_mode:o} {digest}", status.st_ino]
        return {"files": files, "settings": self.run("config", "print")["out"]}

    def scan(self, command: list[str], first: int, step: int, enough: int, again: bool) -> list[dict[str, Any]]:
        """Run a command with more and more free space, each time on a new copy of the root, and last with plenty.

        :param first: the first size, in bytes.
        :param step: how much more there is each time.
        :param enough: how often the command has to succeed in a row.
        :param again: whether a command that has succeeded is run once more, as one that has failed is.
        :return: for each size what was there before, what the command gave, what was there after it, what it gave once
            more when there was space again, and what was there then.
        """
        found: list[dict[str, Any]] = []
        succeeded = 0
        for leave in [*range(first, first + 1000 * step, step), None]:
            if leave is not None and succeeded == enough:
                continue
            self.renew()
            before = self.look()
            free = None if leave is None else self.fill(leave)
            done = self.run(*command)
            after = self.look()
            if leave is not None:
                self.free()
            more = self.run(*command) if again or done["code"] else None
            last = self.look() if more else after
            found.append({"free": free, "before": before, "done": done, "after": after, "again": more, "last": last})
            succeeded = 0 if done["code"] else succeeded + 1
        return found


def main(memory: str, source: str, directory: str, size: str, kind: str = "tmpfs") -> None:
    """Carry out the steps on standard input."""
    fork_server.import_everything([], "")
    # No verdicts: each check program runs each time, and may find the disk full.
    shared = remembered.Memory(memory)
    remembered.remember_languages()
    remembered.remember_code(shared)
    remembered.remember_tables(shared)
    disk = SmallDisk(source, directory, size, kind, shared)
    steps = json.load(sys.stdin)
    json.dump([getattr(disk, name)(*arguments) for name, *arguments in steps], sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[2:])
