"""Running the product's commands as an administrator does: as processes, under a root folder."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests import forks

#: Never wait longer for a command; far above what any takes.
TIMEOUT_SECONDS = 120
#: Before a command that gets a signal: a process inherits what its starter ignores, and what runs the tests in the
#: background, or under nohup, ignores some.
DEFAULT_SIGNALS = ("env", "--default-signal=HUP,INT,QUIT,TERM")


@dataclass(frozen=True)
class Answer:
    """What a command did: its exit code and what it printed."""

    code: int
    out: str
    err: str


class Root:
    """A root folder and its commands.

    :param path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(
        self, program: str, *words: str, code: int | None = 0, env: dict[str, str] | None = None, stdin: str = ""
    ) -> Answer:
        """Run a command of ``<root>/sbin/e-smith``.

        :param code: the exit code it must have; None for any.
        """
        returned, out, err = forks.run(
            [str(self.path / "sbin/e-smith" / program), *words],
            stdin=stdin.encode(),
            env={**os.environ, "ESMITH_ROOT": str(self.path), **(env or {})},
            timeout=TIMEOUT_SECONDS,
        )
        answer = Answer(returned, out.decode("utf-8", "surrogateescape"), err.decode())
        assert "Traceback" not in answer.err, answer.err
        assert code in (None, answer.code), f"{program} {words} exited {answer.code}: {answer.err}"
        return answer

    def config(self, *words: str, code: int | None = 0) -> Answer:
        """Run ``config``."""
        return self.run("config", *words, code=code)

    def db(self, *words: str, code: int | None = 0) -> Answer:
        """Run ``db``."""
        return self.run("db", *words, code=code)

    def signal(self, *words: str, code: int | None = 0) -> Answer:
        """Run ``signal-event``."""
        return self.run("signal-event", *words, code=code)

    def expand(self, *words: str, code: int | None = 0) -> Answer:
        """Run ``expand-template``."""
        return self.run("expand-template", *words, code=code)

    def esmith(self, *words: str, code: int | None = 0) -> Answer:
        """Run ``esmith``."""
        return self.run("esmith", *words, code=code)

    def file(self, path: str) -> Path:
        """Return where an absolute path of the configured system is."""
        return self.path / path.lstrip("/")

    def read(self, path: str) -> str:
        """Return the text of a file of the configured system."""
        return self.file(path).read_text()

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file of the configured system."""
        return self.read(path).splitlines()

    def write(self, path: str, text: str, *, mode: int = 0o644, shipped: bool = False) -> Path:
        """Write a file of the configured system, with its directories.

        :param shipped: whether it counts as shipped from now on; else one below ``/etc/e-smith`` is a contrib's.
        """
        if shipped:
            ship(self.path, path)
        target = self.file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        return target

    def custom(self, path: str, text: str) -> Path:
        """Write a file of templates-custom."""
        return self.write(f"/etc/e-smith/templates-custom{path}", text)

    def snapshot(self, *folders: str) -> dict[str, tuple[bytes, int, int, int]]:
        """Return every file below some folders: content, mode, inode and modification time."""
        found = {}
        for folder in folders or ("/etc", "/var/qmail", "/var/service", "/home/e-smith/files"):
            for path in sorted(self.file(folder).rglob("*")):
                if path.is_file() and not path.is_symlink():
                    status = path.stat()
                    name = "/" + str(path.relative_to(self.path))
                    found[name] = (content_of(path), status.st_mode, status.st_ino, status.st_mtime_ns)
        return found


def ship(root: Path, *paths: str) -> None:
    """Have files of a root count as shipped: a fault of theirs stops an event. Nothing is done where there is no list.

    :param paths: paths of the configured system, below ``/etc/e-smith``.
    """
    shipped = root / "var/lib/e-smith/shipped"
    if shipped.exists():
        with shipped.open("a") as file:
            file.writelines(f"{'0' * 64}  {path.removeprefix('/etc/e-smith/')}\n" for path in paths)


def content_of(path: Path) -> bytes:
    """Return what a file holds, also one whose mode keeps even its owner from reading it."""
    mode = path.stat().st_mode
    if os.access(path, os.R_OK):
        return path.read_bytes()
    path.chmod(0o600)
    try:
        return path.read_bytes()
    finally:
        path.chmod(mode)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder with the times of its files, from which the engine sees whether a file was touched."""
    if os.geteuid() == 0:
        # Several times as fast; but a plain user has files that cp may not read.
        subprocess.run(["cp", "-a", str(source), str(target)], check=True, timeout=TIMEOUT_SECONDS)
    else:
        shutil.copytree(source, target, symlinks=True, copy_function=copy_file)


def copy_prepared(source: Path, target: Path) -> None:
    """Copy a folder that is copied for many tests and never changes, as :func:`copy_tree` does.

    An archive of it is made the first time, beside it: to unpack one takes half as long as to copy the files.
    """
    archive, unreadable = _packed(source)
    target.mkdir()
    words = ["tar", "--extract", "--preserve-permissions", f"--file={archive}", f"--directory={target}"]
    subprocess.run(words, check=True, timeout=TIMEOUT_SECONDS)
    for name, mode in unreadable.items():
        (target / name).chmod(mode)


@functools.cache
def _packed(source: Path) -> tuple[Path, dict[str, int]]:
    """Return an archive of a folder, and the modes of the files that even their owner may not read."""
    archive = source.with_name(f"{source.name}.tar")
    unreadable = {
        str(path.relative_to(source)): path.stat().st_mode & 0o7777
        for path in source.rglob("*")
        if os.geteuid() != 0 and path.is_file() and not path.is_symlink() and not os.access(path, os.R_OK)
    }
    for name in unreadable:
        (source / name).chmod(0o600)
    # With the whole times of the files: the engine looks at nanoseconds.
    words = ["tar", "--create", "--format=posix", "--sparse", f"--file={archive}", f"--directory={source}", "."]
    subprocess.run(words, check=True, timeout=TIMEOUT_SECONDS)
    for name, mode in unreadable.items():
        (source / name).chmod(mode)
    return archive, unreadable


def copy_file(source: str, target: str) -> str:
    """Copy a file with its times, also one whose mode keeps even its owner from reading it: for copytree."""
    mode = os.stat(source).st_mode
    is_hidden = not mode & 0o400
    if is_hidden:
        os.chmod(source, 0o600)
    shutil.copy2(source, target)
    # Of another file nothing is set, which would count as a change of it.
    for path in (source, target) if is_hidden else ():
        os.chmod(path, mode)
    return target


def initialise(path: Path, *words: str) -> Root:
    """Make a root folder with ``esmith init``, where services count as up as soon as they get a service action."""
    subprocess.run(
        [sys.executable, "-m", "esmith", "--root", str(path), "init", *words],
        check=True,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
    )
    root = Root(path)
    root.write("/etc/e-smith/services.toml", "[default]\nup-for = 0\n")
    return root
