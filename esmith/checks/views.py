"""Showing check programs the new files before they are installed, and running the programs.

For root the files stand at their real places over the real tree, in a mount namespace that only the programs are in.
Otherwise a program sees a copy of the directory its file is in: the new files among links to the others.
"""

from __future__ import annotations

import contextlib
import os
import sys

from esmith.checks.copies import copies_of_commands, held, remove_copies
from esmith.environment import PATH
from esmith.errors import CheckError
from esmith.fields import dataclass
from esmith.fragments.rendering import Kind
from esmith.plan.host import PUBLIC, trouble
from esmith.temporary import temporary_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from esmith.checks.staged import StagedTree
    from esmith.fragments.file_check import Check
    from esmith.plan.output import Output

_ABOVE_PACKAGE = os.path.abspath(__file__).removesuffix("esmith/checks/views.py")
#: The module that runs them, which is imported only there.
_PROCESS = "esmith.checks.process"
#: How much longer than all its programs together the process that runs them may take, in seconds.
_SPARE_SECONDS = 30


@dataclass(frozen=True)
class Job:
    """A program to run.

    :param path: the file it checks, as the configured system knows it.
    :param check: how.
    """

    path: str
    check: Check

    @property
    def directory(self) -> str:
        """The directory of the file."""
        return os.path.dirname(self.path)


@dataclass(frozen=True)
class Ended:
    """What came of a program.

    :param status: its exit status, negative for a signal.
    :param out: what it printed, with the names of the configured system.
    :param err: what it printed to standard error.
    :param why: why it was ended, or could not be run; "" when it ended by itself.
    """

    status: int
    out: str
    err: str
    why: str


class Views:
    """Shows a tree to programs.

    :param tree: what is shown.
    :param writes: whether the root may be written to; a rehearsal keeps its copies elsewhere. The caller holds the
        event lock then: what an earlier check left that was killed is removed.
    :param count: called before each program with what is done, how many have ended, and how many there are; None where
        nobody waits at a terminal.

    After programs ran, ``copied`` is the reason why they saw copies; "" when they saw the files in place.
    """

    def __init__(self, tree: StagedTree, *, writes: bool, count: Callable[[str, int, int], None] | None = None) -> None:
        self._tree = tree
        self._layout = tree.layout
        self._writes = writes
        self._count = count
        self.copied = ""

    def run(self, jobs: list[Job]) -> list[Ended]:
        """Run programs one after another.

        :raises InstallError: when the copies cannot be made.
        :raises CheckError: when the process that runs them does not end.
        """
        self.copied = ""
        if not jobs:
            return []
        if not may_put_in_place():
            self.copied = "only root can put them in place"
        elif not os.path.isdir(self._layout.state):
            self.copied = f"{self._layout.state} is not there"
        else:
            targets = {job.directory: self._layout.under(job.directory) for job in jobs}
            answer = self._start(jobs, targets, os.path.join(self._layout.state, "home"), self._in_place(jobs))
            if "ended" in answer:
                return _translated(answer["ended"], targets)
            self.copied = f"this machine does not let them be put in place: {answer['refused']}"
        with self._copies(jobs) as (home, places):
            return _translated(self._start(jobs, places, home, None)["ended"], places)

    def _start(self, jobs: list[Job], places: dict[str, str], home: str, tree: dict[str, Any] | None) -> dict[str, Any]:
        import json
        import subprocess

        programs = [_program(job, places[job.directory]) for job in jobs]
        limit = sum(job.check.timeout for job in jobs) + _SPARE_SECONDS
        with self._counted(jobs) as reports:
            task = {"parent": os.getpid(), "tree": tree, "home": home, "programs": programs, "reports": reports}
            process = subprocess.Popen(
                [sys.executable, "-P", "-S", "-m", _PROCESS],
                env={"PYTHONPATH": _ABOVE_PACKAGE, "LANG": "C.UTF-8"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                pass_fds=reports,
            )
            try:
                text, _ = process.communicate(json.dumps(task).encode(), timeout=limit)
            except subprocess.TimeoutExpired as error:
                raise CheckError("the checks did not end, so no file was changed", place=jobs[0].path) from error
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        if process.returncode != 0:
            raise CheckError(
                "the process that runs the checks ended early, so no file was changed",
                place=jobs[0].path,
                hint=f"its status was {process.returncode}; run the command again",
            )
        answer: dict[str, Any] = json.loads(text)
        return answer

    @contextlib.contextmanager
    def _counted(self, jobs: list[Job]) -> Iterator[list[int]]:
        """Count programs as they are run, and yield the pipes by which the process that runs them reports each."""
        if self._count is None:
            yield []
            return
        from threading import Thread

        reading, writing = os.pipe()
        # Meanwhile the command waits for the process.
        counter = Thread(target=_count, args=(self._count, reading, [job.check.command[0] for job in jobs]))
        counter.start()
        try:
            yield [writing]
        finally:
            os.close(writing)
            counter.join()
            os.close(reading)

    def _in_place(self, jobs: list[Job]) -> dict[str, Any]:
        files = [_file(output) for output in self._tree.changed.values() if not output.is_a_users]
        links = [link for job in jobs for link in _beside(job, self._layout.under(job.directory))]
        targets = [*(file["path"] for file in files), *(link for _, link in links)]
        return {
            "memory": self._layout.state,
            "places": sorted({self._place(target) for target in targets}),
            "files": files,
            "links": links,
        }

    def _place(self, target: str) -> str:
        """Return the directory right below the root that a file of this disk is in; the root when there is none."""
        first = self._layout.inside(target).split("/")[1]
        place = self._layout.under(f"/{first}")
        return place if os.path.isdir(place) else self._layout.root

    @contextlib.contextmanager
    def _copies(self, jobs: list[Job]) -> Iterator[tuple[str, dict[str, str]]]:
        """Make the copies and yield the programs' home, and where the copy of each directory is."""
        import tempfile

        place = copies_of_commands(self._layout) if self._writes else tempfile.gettempdir()
        try:
            remove_copies(self._layout, of_commands=self._writes)
            if self._writes:
                self._layout.disk().directory(place, make=PUBLIC)
            with (
                tempfile.TemporaryDirectory(
                    dir=place, prefix=f"{temporary_name()}.", ignore_cleanup_errors=True
                ) as above,
                held(above),
            ):
                places: dict[str, str] = {}
                for job in jobs:
                    if job.directory not in places:
                        places[job.directory] = os.path.join(above, str(len(places)))
                        os.mkdir(places[job.directory])
                        self._copy(job.directory, places[job.directory])
                    for source, link in _beside(job, places[job.directory]):
                        if not os.path.lexists(link):
                            os.symlink(source, link)
                yield os.path.join(above, "home"), places
        except OSError as error:
            raise trouble(place, error) from error

    def _copy(self, inside: str, directory: str) -> None:
        import glob

        for path in glob.glob(os.path.join(glob.escape(self._layout.under(inside)), "*")):
            os.symlink(path, os.path.join(directory, os.path.basename(path)))
        for rendering in self._tree.changed_in(inside):
            copy = os.path.join(directory, os.path.basename(rendering.path))
            if os.path.lexists(copy):
                os.unlink(copy)
            if rendering.kind is Kind.SYMLINK:
                os.symlink(os.path.join(self._layout.under(inside), os.fsdecode(rendering.content)), copy)
            elif rendering.kind is Kind.FILE:
                descriptor = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                with open(descriptor, "wb") as file:
                    file.write(rendering.content)


def _count(count: Callable[[str, int, int], None], reading: int, programs: list[str]) -> None:
    for number, program in enumerate(programs):
        if not os.read(reading, 1):
            return
        count(f"checks: {os.path.basename(program)}", number, len(programs))


def may_put_in_place() -> bool:
    """Return whether the caller is root, who alone can put files in place for others to see."""
    return os.geteuid() == 0


def _translated(ended: list[dict[str, Any]], places: dict[str, str]) -> list[Ended]:
    """Return what came of programs, with the paths they named as the configured system knows them."""
    for one in ended:
        for key in ("out", "err"):
            for inside, place in places.items():
                one[key] = one[key].replace(f"{place}/", f"{inside.rstrip('/')}/")
    return [Ended(**one) for one in ended]


def _file(output: Output) -> dict[str, Any]:
    import base64

    return {
        "path": output.target,
        "kind": output.rendering.kind.value,
        "content": base64.b64encode(output.rendering.content).decode(),
        "mode": output.mode,
        "owner": output.owner,
    }


def _program(job: Job, directory: str) -> dict[str, Any]:
    file = os.path.join(directory, os.path.basename(job.path))
    return {
        "argv": [word.replace("{file}", file).replace("{dir}", directory) for word in job.check.command],
        "cwd": directory,
        "environment": {"PATH": PATH, "LANG": "C.UTF-8", **job.check.environment},
        "timeout": job.check.timeout,
    }


def _beside(job: Job, directory: str) -> list[tuple[str, str]]:
    """Return the links that have to stand beside a file: what each points to, and where it is."""
    import glob

    paths = [path for pattern in job.check.beside for path in sorted(glob.glob(pattern))]
    return [(path, os.path.join(directory, os.path.basename(path))) for path in paths]
