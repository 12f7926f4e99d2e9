"""What one command of a run of the tests found out is remembered for the others: compiled fragments, and verdicts.

Hundreds of tests expand the same shipped fragments, and have the same files checked by the same programs: to compile
the fragments is a third of an event, to read the tables of TOML a fifth of what is left, and one run of
``spamassassin --lint`` takes as long as ten events. All depend on their input alone. So the server that forks the
commands (tests/fork_server.py) remembers the answers in a folder that all processes of a run share and that is removed
at its end:

- the code that a fragment is compiled to, by its text;
- what a file of TOML holds, by its text;
- which language the text of a shipped fragment is in;
- what a check program of the machine printed, by the program, its words and environment, the user, the files of the
  directory it looks at, as they will be, and the accounts. The real program decides each case once; spamassassin does
  without half of its rules.

Where an answer names the root, the name of the root that asks takes its place. Never remembered are programs that are
not installed in the machine's own directories, as tests make them for themselves, and answers of a program that had to
be ended. Tests that are about the
checks themselves run every program: ESMITH_REAL_CHECKS=1 in a command's environment. Where another test has the same
commands checked for real, ESMITH_ACCEPT_CHECKS=1 takes each file for accepted.
"""

from __future__ import annotations

import glob
import hashlib
import io
import marshal
import os
import shutil
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from types import CodeType
from typing import Any, BinaryIO

from esmith.checks.views import Ended, Job, Views, may_put_in_place
from esmith.environment import PATH
from esmith.fields import fields, replace
from esmith.fragments.engine import choose_engine
from esmith.fragments.jinja import Engine
from esmith.layout import Layout
from esmith.names import is_temporary

#: Stands for the root in what is remembered; no program prints it.
_ROOT = "\0root\0"
#: What :meth:`Memory.learn` reads: what nearly every event needs.
_LEARNED = ("code-", "table-")

#: What Debian's spamassassin reads, the larger half of it, and what it reads instead after an update.
_RULES = "/usr/share/spamassassin"
_OF_TODAY = "72_active.cf"
_UPDATED_RULES = "/var/lib/spamassassin/[0-9]*"


class Memory:
    """What is remembered in a folder; all of it that was read once stays in memory.

    :param folder: the folder, which the processes of a run share.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._kept: dict[str, Any] = {}
        self._changed = 0

    def recall(self, key: str) -> Any:
        """Return what is remembered; None for nothing."""
        if key not in self._kept and (found := self._read(key)) is not None:
            self._kept[key] = found
        return self._kept.get(key)

    def store(self, key: str, value: Any) -> None:
        """Remember something."""
        self._kept[key] = value
        _write(self._folder, key, value)

    def learn(self) -> None:
        """Read what others have found out since, so that what this process forks need not: 450 files for an event."""
        try:
            changed = os.stat(self._folder).st_mtime_ns
            if changed == self._changed:
                return
            names = os.listdir(self._folder)
        except OSError:
            # It is removed at the end of a run, which a server may outlive for a moment.
            return
        self._changed = changed
        for name in names:
            if name.startswith(_LEARNED):
                self.recall(name)

    def _read(self, key: str) -> Any:
        try:
            with open(os.path.join(self._folder, key), "rb") as file:
                return marshal.load(file)
        except (OSError, EOFError):
            return None


def remember_in(folder: str) -> Memory:
    """Have every command that this process forks remember in a folder, and look there first."""
    memory = Memory(folder)
    remember_code(memory)
    remember_tables(memory)
    _remember_verdicts(memory, folder)
    return memory


def remember_languages() -> None:
    """Look at the text of each shipped fragment once for all that this process forks: an event does so for hundreds."""
    for place in Path(__file__).parents[1].joinpath("templates").rglob("*"):
        if place.is_file() and place.suffix != ".toml":
            text = place.read_bytes().decode("utf-8", "surrogateescape")
            choose_engine(text)
            choose_engine(text, place="in the original's language")


def remember_code(memory: Memory) -> None:
    """Compile each text of a fragment only once, in this process and what it forks."""
    original = Engine.compile

    def compile_once(self: Engine, source: Any, name: Any = None, filename: Any = None, **named: Any) -> Any:
        if not isinstance(source, str) or name is not None or not isinstance(filename, str) or named:
            return original(self, source, name, filename, **named)
        key = _digest("code", source)
        code = memory.recall(key)
        if code is None:
            code = original(self, source, name, filename)
            memory.store(key, code)
        return _of_file(code, filename)

    setattr(Engine, "compile", compile_once)  # noqa: B010 - it has overloads that nobody needs here


def remember_tables(memory: Memory) -> None:
    """Read each text of TOML only once, in this process and what it forks; every caller gets a copy of its own."""
    original = tomllib.load

    def load_once(file: BinaryIO, /, **named: Any) -> dict[str, Any]:
        text = file.read()
        key = _digest("table", text)
        data = memory.recall(key)
        if data is None or named:
            found = original(io.BytesIO(text), **named)
            data = _marshalled(found)
            if data is None or named:
                return found
            memory.store(key, data)
        found = marshal.loads(data)
        assert isinstance(found, dict)
        return found

    setattr(tomllib, "load", load_once)  # noqa: B010 - as above


def _marshalled(table: dict[str, Any]) -> bytes | None:
    """Return a table as bytes; None for one with a date."""
    try:
        return marshal.dumps(table)
    except ValueError:
        return None


def _of_file(code: CodeType, path: str) -> CodeType:
    """Return code as it would be when it was compiled from a file: the path is in it for messages."""
    constants = (_of_file(one, path) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_filename=path, co_consts=tuple(constants))


def _fewer_rules(folder: str) -> tuple[str, ...]:
    """Return the words that have ``spamassassin`` leave out half of what it reads, the rules for the spam of today.

    They are about mail, and no check of a file depends on them, but to read them takes a second each time.

    :param folder: where a directory of its rules is made, with links to all the others.
    """
    place = os.path.join(folder, "rules")
    if not os.path.exists(os.path.join(_RULES, _OF_TODAY)) or glob.glob(_UPDATED_RULES):
        return ()
    if not os.path.isdir(place):
        made = f"{place}-{os.getpid()}"
        os.mkdir(made)
        for name in os.listdir(_RULES):
            os.symlink(os.devnull if name == _OF_TODAY else os.path.join(_RULES, name), os.path.join(made, name))
        try:
            os.rename(made, place)
        except OSError:
            # Another process of this run was quicker.
            shutil.rmtree(made)
    return (f"--configpath={place}",)


def _remember_verdicts(memory: Memory, folder: str) -> None:
    original = Views.run

    def without_some(job: Job) -> Job:
        command = job.check.command
        if command[0] != "spamassassin":
            return job
        return replace(job, check=replace(job.check, command=(*command, *_fewer_rules(folder))))

    def run_once(self: Views, jobs: list[Job]) -> list[Ended]:
        if os.environ.get("ESMITH_REAL_CHECKS") == "1" or not jobs or not all(map(_is_of_the_machine, jobs)):
            return original(self, jobs)
        if os.environ.get("ESMITH_ACCEPT_CHECKS") == "1":
            self.copied = ""
            return [Ended(0, "", "", "") for _ in jobs]
        jobs = list(map(without_some, jobs))
        root = self._layout.root.rstrip("/")
        keys = [_digest("verdict", bool(root), *_input(self, job)) for job in jobs]
        known = {key: memory.recall(key) for key in keys}
        unknown = [number for number, key in enumerate(keys) if not known[key]]
        for number, one in zip(unknown, original(self, [jobs[number] for number in unknown]), strict=True):
            known[keys[number]] = self.copied, _values(_renamed(one, root, _ROOT))
            if not one.why:
                memory.store(keys[number], known[keys[number]])
        self.copied = known[keys[0]][0]
        return [_renamed(Ended(*known[key][1]), _ROOT, root) for key in keys]

    setattr(Views, "run", run_once)  # noqa: B010 - as above


def _values(data: Any) -> tuple[Any, ...]:
    """Return the values of the fields of an object."""
    return tuple(getattr(data, one.name) for one in fields(data))


def _renamed(one: Ended, old: str, new: str) -> Ended:
    """Return an answer with another name of the root."""
    if not old:
        return one
    return replace(one, out=one.out.replace(old, new), err=one.err.replace(old, new))


def _is_of_the_machine(job: Job) -> bool:
    found = shutil.which(job.check.command[0], path=PATH)
    return "/" not in job.check.command[0] and found is not None


def _input(views: Views, job: Job) -> Iterator[object]:
    """Yield all that what a program says depends on."""
    layout, tree = views._layout, views._tree
    program = os.stat(shutil.which(job.check.command[0], path=PATH) or "/")
    yield _values(job.check)
    yield (job.path, program.st_ino, program.st_mtime_ns, os.geteuid(), may_put_in_place(), os.path.isdir(layout.state))
    yield [(path, os.stat(path).st_mtime_ns) for pattern in job.check.beside for path in sorted(glob.glob(pattern))]
    yield from _files(layout, job.directory, tree.changed)
    for path, output in sorted(tree.changed.items()):
        if os.path.dirname(path) == job.directory or (job.directory != "/etc" and path.startswith(f"{job.directory}/")):
            yield (path, output.rendering.kind.value, output.rendering.content, output.mode, output.owner)
    # In an order of their own: that of a set depends on the names, and so on the root and the process.
    for path in ("/etc/passwd", "/etc/group"):
        yield (_content(path), _content(layout.under(path)))


def _files(layout: Layout, directory: str, changed: Collection[str]) -> Iterator[object]:
    """Yield what is installed in a directory and stays: names, modes, owners and contents; not all that is below /etc.

    :param changed: files that the program sees as they will be.
    """
    for above, folders, names in os.walk(layout.under(directory)):
        if directory == "/etc":
            folders.clear()
        folders.sort()
        for name in sorted(names):
            path = os.path.join(above, name)
            inside = layout.inside(path)
            if inside in changed or is_temporary(name):  # staged, so the content of one that changes
                continue
            status = os.lstat(path)
            yield (inside, status.st_mode, status.st_uid, status.st_gid)
            yield _content(path)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        return str(error.errno).encode()


def _digest(kind: str, *parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode("utf-8", "surrogatepass") + b"\0")
    return f"{kind}-{digest.hexdigest()}"


def _write(folder: str, key: str, value: Any) -> None:
    place = os.path.join(folder, f".{key}-{os.getpid()}")
    try:
        with open(place, "xb") as file:
            marshal.dump(value, file)
        os.rename(place, os.path.join(folder, key))
    except OSError:
        # Another user's command, or a process that may write nothing: it is found out again.
        return
