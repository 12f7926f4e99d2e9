"""The files of jobs: what each says is appended as lines of JSON, and its end is the last one.

A job holds the lock of its file as long as it runs (flock(2)), so whoever finds a file without an end that is not
locked knows that its job was killed. The file is made under another name, locked, and renamed then.

Kinds of lines: ``begin`` (what the job is), ``stored`` (the revision of its settings), ``started`` (its process),
``step``, ``say``, ``progress`` and ``end``. The last four are for people and have a number ``n``, counted from 1.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from esmith.directories import make_directory, sync_directory
from esmith.errors import InstallError
from esmith.printable import printable_message
from esmith.processes import start_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.layout import Layout

#: How many jobs are kept; older ones are forgotten when a new one begins.
KEPT = 200
#: The kinds of lines that people are shown.
SHOWN = ("step", "say", "progress", "end")
#: How long the text of one line may be, in characters, and how many lines there may be.
_LONGEST_TEXT, _MOST_LINES = 20_000, 20_000
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{3}-[0-9a-f]{12}", re.ASCII)
_ENDING, _NEW = ".jsonl", ".new"
#: Of what is left when a process is killed that was about to begin a job, in seconds.
_OLD_SECONDS = 3600.0


class JobFile:
    """The file of a job, open and locked, which is written.

    :param layout: the root.
    :param id: the id of the job.
    :param descriptor: the file.
    :param count: how many lines for people it has.
    """

    def __init__(self, layout: Layout, id: str, descriptor: int, count: int = 0) -> None:
        self.layout = layout
        self.id = id
        self.descriptor = descriptor
        self._count = count

    @classmethod
    def begin(cls, layout: Layout, data: dict[str, Any]) -> JobFile:
        """Make the file of a new job, and lock it.

        :param data: what the job is: ``title``, ``account``, ``address``, ``operation``, ``commands``.
        :raises InstallError: when it cannot be made.
        :raises UntrustedError: when the directory is not in the hands of its owners alone.
        """
        folder, id = _folder(layout), _new_id()
        path = os.path.join(folder, id + _ENDING)
        try:
            make_directory(layout.manager, 0o700)
            make_directory(folder, 0o700)
            layout.trust.require(layout.manager, folder)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path + _NEW, flags, 0o600)
            file = cls(layout, id, descriptor)
            os.fchmod(descriptor, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            file._write({"kind": "begin", "time": time.time(), **data, "id": id})
            os.fsync(descriptor)
            os.rename(path + _NEW, path)
            sync_directory(folder)
        except OSError as error:
            with suppress(OSError):
                os.unlink(path + _NEW)
            raise InstallError(
                f"the job cannot be noted: {error.strerror}", place=path, hint="nothing was changed"
            ) from error
        _prune(folder)
        return file

    @classmethod
    def seize(cls, layout: Layout, id: str) -> JobFile | None:
        """Return the file of a job whose process has ended, locked; None while it runs, or another one has it."""
        descriptor = open_job(_path(layout, id), os.O_RDWR | os.O_APPEND)
        if not _try_lock(descriptor):
            os.close(descriptor)
            return None
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read()
        if data and not data.endswith(b"\n"):
            # It was killed while it wrote.
            os.ftruncate(descriptor, data.rfind(b"\n") + 1)
        count = sum(line["kind"] in SHOWN for line in _lines(data))
        return cls(layout, id, descriptor, count)

    def stored(self, revision: int) -> None:
        """Note the revision of the settings."""
        self._try_to_write({"kind": "stored", "time": time.time(), "revision": revision})

    def started(self) -> None:
        """Note the process that does it: its number, and when it was started, for who looks for it."""
        process = os.getpid()
        self._try_to_write({"kind": "started", "time": time.time(), "pid": process, "start": start_of(process)})

    def say(self, text: str, kind: str = "say") -> None:
        """Add a line for people.

        :param text: what others wrote may be in it.
        :param kind: ``step``, ``say`` or ``progress``.
        """
        if self._count < _MOST_LINES:
            self._count += 1
            text = printable_message(text[:_LONGEST_TEXT])
            self._try_to_write({"kind": kind, "n": self._count, "time": time.time(), "text": text})

    def end(self, state: str, text: str, **data: Any) -> None:
        """Note the end, durably.

        :raises OSError: when it cannot be written; whoever reads the job settles it.
        :param state: ``done``, ``partial``, ``failed`` or ``lost``.
        :param text: the end in a few words.
        :param data: ``result``, ``error``, ``deadline``, ``revision``.
        """
        self._count += 1
        text = printable_message(text[:_LONGEST_TEXT])
        self._write({"kind": "end", "n": self._count, "time": time.time(), "text": text, "state": state, **data})
        os.fsync(self.descriptor)

    def drop(self) -> None:
        """Remove it: the job does not begin after all."""
        with suppress(OSError):
            os.unlink(_path(self.layout, self.id))
        self.close()

    def close(self) -> None:
        """Close it, once. The lock goes when no process has it open any more."""
        # Closed twice, the number may be that of a file which somebody else has opened meanwhile.
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        size = os.fstat(self.descriptor).st_size
        try:
            while data:
                data = data[os.write(self.descriptor, data) :]
        except OSError:
            # Half a line would spoil the next one.
            os.ftruncate(self.descriptor, size)
            raise

    def _try_to_write(self, line: dict[str, Any]) -> None:
        """Write a line that the job goes on without, as on a full disk."""
        with suppress(OSError):
            self._write(line)


def exists(layout: Layout, id: object) -> bool:
    """Return whether there is a job of an id, which may be anything."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        return False
    path = _path(layout, id)
    return os.path.isfile(path) and not os.path.islink(path)


def job_path(layout: Layout, id: str) -> str:
    """Return the file of a job, as a path of this disk.

    :raises ValueError: when no job can have that id.
    """
    if not _ID.fullmatch(id):
        raise ValueError("not the id of a job")
    return _path(layout, id)


def job_ids(layout: Layout) -> list[str]:
    """Return the ids of the jobs that are kept, the newest first."""
    try:
        names = os.listdir(_folder(layout))
    except FileNotFoundError:
        return []
    found = (name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING))
    return sorted(filter(_ID.fullmatch, found), reverse=True)


def is_running(layout: Layout, id: str) -> bool:
    """Return whether the process of a job runs, or another one settles it."""
    descriptor = open_job(_path(layout, id))
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def read_lines(layout: Layout, id: str) -> list[dict[str, Any]]:
    """Return all lines of a job; one that is not whole yet is left out.

    :raises FileNotFoundError: when it was forgotten.
    """
    with open(open_job(_path(layout, id)), "rb") as file:
        return list(_lines(file.read()))


def job_data(layout: Layout, id: str, after: int = 0, *, lines: bool = True) -> dict[str, Any]:
    """Return a job as the wire has it, as far as its file says.

    :param after: how many lines are known already.
    :param lines: whether its lines are wanted.
    """
    found = read_lines(layout, id)
    begin = found[0] if found and found[0]["kind"] == "begin" else {}
    end = found[-1] if found and found[-1]["kind"] == "end" else {}
    revision = next((line["revision"] for line in found if line["kind"] == "stored"), None)
    data = {name: begin.get(name) for name in ("title", "account", "address", "operation", "commands")}
    deadline = end.get("deadline")
    return {
        "id": id,
        **data,
        "started": begin.get("time"),
        "ended": end.get("time"),
        "state": end.get("state", "running"),
        "revision": end.get("revision", revision),
        **({"lines": [_shown(one) for one in found if one["kind"] in SHOWN and one["n"] > after]} if lines else {}),
        "result": end.get("result"),
        "error": end.get("error"),
        "confirm": {"deadline": deadline} if deadline else None,
    }


def _shown(line: dict[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in ("n", "time", "kind", "text")}


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    for text in data.split(b"\n")[:-1]:
        with suppress(ValueError, RecursionError):
            line = json.loads(text)
            if isinstance(line, dict) and isinstance(line.get("kind"), str):
                yield line


def open_job(path: str, flags: int = os.O_RDONLY) -> int:
    """Open the file of a job.

    :raises FileNotFoundError: when there is none, or it is something else than a file, which is no job's.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FileNotFoundError(*error.args) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return descriptor


def _folder(layout: Layout) -> str:
    return os.path.join(layout.manager, "jobs")


def _path(layout: Layout, id: str) -> str:
    return os.path.join(_folder(layout), id + _ENDING)


def _new_id() -> str:
    now = time.time()
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    return f"{moment}-{int(now % 1 * 1000):03d}-{os.urandom(6).hex()}"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _prune(folder: str) -> None:
    """Forget the oldest jobs, but those that run or are not settled yet; and what was never begun."""
    names = sorted(os.listdir(folder))
    jobs = [name for name in names if _ID.fullmatch(name.removesuffix(_ENDING)) and name.endswith(_ENDING)]
    for name in jobs[:-KEPT]:
        path = os.path.join(folder, name)
        with suppress(OSError):
            with open(open_job(path), "rb") as file:
                ended = any(line["kind"] == "end" for line in _lines(file.read()))
            if ended:
                os.unlink(path)
    for name in names:
        path = os.path.join(folder, name)
        with suppress(OSError):
            if name.endswith(_NEW) and time.time() - os.stat(path).st_mtime > _OLD_SECONDS:
                os.unlink(path)
