"""A small disk of its own, in a mount namespace that only its processes see. Needs root."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from types import TracebackType

from tests.fleet.cluster import PATIENCE


class SmallDisk:
    """A tmpfs over a folder, for processes that are started behind :attr:`words`.

    :param folder: where it is; made when it is not there.
    :param size: as mount(8) takes it: ``200m``.
    """

    def __init__(self, folder: Path, size: str) -> None:
        self._folder = folder
        self._size = size
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> SmallDisk:
        script = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && echo ready && exec sleep infinity'
        words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"]
        self._holder = subprocess.Popen(
            [*words, "sh", "-c", script, "sh", self._size, str(self._folder)], stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.kill()
        self._holder.wait(PATIENCE)
        assert self._holder.stdout is not None
        self._holder.stdout.close()

    @property
    def words(self) -> list[str]:
        """What comes before a command that is to have the disk."""
        return ["nsenter", f"--target={self._holder.pid}", "--mount", "--wd=/"]

    @property
    def path(self) -> Path:
        """The folder with the disk in it, as seen from outside."""
        return Path(f"/proc/{self._holder.pid}/root{self._folder}")

    def fill(self) -> None:
        """Fill it up, also where others write at the same time."""
        ballast = os.open(self.path / "ballast", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for size in (2**20, 4096):
            with contextlib.suppress(OSError):
                while True:
                    os.write(ballast, b"x" * size)
        os.close(ballast)

    def empty(self) -> None:
        """Make room again."""
        (self.path / "ballast").unlink()
