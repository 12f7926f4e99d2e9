"""What is on the disk, read without the engine: the files of a root and the rows of its databases. And restoring it."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import stat
import tarfile
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import lmdb
from lmdb.verify import verify

from esmith.events.pending import PENDING
from esmith.store.lmdb.data_file import DataFile
from tests.commands import copy_tree

_DATABASES = "/home/e-smith/db"
_GENERATIONS = "/var/lib/e-smith/generations/"
#: The engine's own, besides what a folder of services and the log hold: not compared, but no temporary file may stay.
OWN = (f"{_DATABASES}/", "/var/lib/e-smith", "/var/log", "/service")
#: Not the engine's either: the program of qmail writes it, and begins again the next time.
FOREIGN = ("/var/qmail/users/cdb.tmp",)
#: What actions make of generated files.
DERIVED = ("/var/qmail/users/cdb",)
_NOT_COMPARED = OWN + FOREIGN
#: LMDB writes it through memory, which leaves no trace in its times.
_LOCK = f"{_DATABASES}/lock.mdb"
_DATA = f"{_DATABASES}/data.mdb"
_MARK = f"{_DATABASES}/data.verified"
#: A backup that a command makes: what is compared is what is in it, without the time it was made.
BACKUP = "/one-backup.tar.gz"
#: What stands for one that is not whole.
HALF_A_BACKUP = b"half a backup"
#: Numbers, and the random name of the mark of a generation.
_NUMBER = re.compile(r"(?:un)?finished-[0-9a-f]{16}|\d+")

#: What is kept only to be faster, by its whole name. Whether a command keeps it depends on how old files are, so on the
#: time that a machine with other work takes.
_KEPT = re.compile(r"/var/lib/e-smith/code/(?:[a-z]+-\d+-[0-9a-f]+|[0-9a-f]{32})")


@dataclass(frozen=True)
class Entry:
    """A file, link or directory.

    :param mode: kind and permissions.
    :param owner: user and group.
    :param content: a digest of what a file holds, or what a link leads to.
    :param identity: inode and time of the last change, by which a later look knows that it is the same.
    """

    mode: int
    owner: tuple[int, int]
    content: bytes
    identity: tuple[int, int]

    @functools.cached_property
    def shown(self) -> tuple[int, tuple[int, int], bytes]:
        """What is compared."""
        return self.mode, self.owner, self.content


Tree = dict[str, Entry]


def look(root: Path, known: Tree | None = None) -> Tree:
    """Return all that is below a root, by path.

    :param known: an earlier look; what is the same since is not read again.
    """
    known = known or {}
    found: Tree = {}
    waiting = [str(root)]
    cut = len(str(root))
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except (FileNotFoundError, NotADirectoryError):
            continue
        with entries:
            for one in entries:
                status = one.stat(follow_symlinks=False)
                path = one.path[cut:]
                identity = status.st_ino, status.st_ctime_ns
                before = known.get(path)
                if one.is_dir(follow_symlinks=False):
                    waiting.append(one.path)
                if before is not None and before.identity == identity:
                    found[path] = before
                else:
                    content = _content(one.path, status)
                    found[path] = Entry(status.st_mode, (status.st_uid, status.st_gid), content, identity)
    return found


def _content(path: str, status: os.stat_result) -> bytes:
    if stat.S_ISLNK(status.st_mode):
        return os.fsencode(os.readlink(path))
    if path.endswith(BACKUP):
        return backed_up(path)
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).digest()
    return b""


def backed_up(path: str) -> bytes:
    """Return what is in a backup that is whole, without comments and times; another text for one that is not."""
    found = hashlib.sha256()
    try:
        with tarfile.open(path) as archive:
            members = {one.name.partition("/")[2]: archive.extractfile(one) for one in archive if one.isreg()}
            held = {name: file.read() for name, file in members.items() if file is not None}
    except (OSError, EOFError, tarfile.TarError, zlib.error):
        return HALF_A_BACKUP
    sums = held.pop("SHA256SUMS", b"").decode()
    if sums != "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in held.items()) or not sums:
        return HALF_A_BACKUP
    for name, data in held.items():
        if name != "MANIFEST.json":
            lines = [line for line in data.splitlines() if not line.startswith(b"# updated: ")]
            found.update(b"\n".join([name.encode(), *lines]))
    return found.digest()


def compared(tree: Tree, known: Collection[str]) -> dict[str, tuple[int, tuple[int, int], bytes]]:
    """Return what two looks have in common when nothing differs but what does not count.

    That is the engine's own, its temporary files, which :func:`leftovers` finds, and directories without a file that
    counts: one that was made for a new file may stay when the file is taken back.

    :param known: names that are there when nothing was attacked.
    """
    files = {
        path: entry.shown
        for path, entry in tree.items()
        if not (stat.S_ISDIR(entry.mode) or path.startswith(_NOT_COMPARED))
        and (path in known or not _is_temporary(path))
    }
    used = {"", "/"}
    for path in files:
        while (path := path.rpartition("/")[0]) not in used:
            used.add(path)
    return files | {path: tree[path].shown for path in used - {"", "/"}}


def _is_temporary(path: str) -> bool:
    return "/.esmith-" in path


class Copy:
    """A root that is restored from a model after each run.

    :param model: the root it is a copy of; nobody changes it.
    :param root: where the copy is.
    """

    def __init__(self, model: Path, root: Path) -> None:
        self._model = model
        self._root = root
        shutil.rmtree(root, ignore_errors=True)
        copy_tree(model, root)
        _mark(root)
        #: What is below the root.
        self.tree = look(root)

    def adopt(self, model: Path) -> None:
        """Take the root as it is now for what it is restored to.

        :param model: where a copy of it is to be made.
        """
        copy_tree(self._root, model)
        self._model = model
        self.tree = look(self._root)

    def restore(self, now: Tree | None = None) -> None:
        """Make the root again what the model is.

        :param now: what is below the root, where that is known; it is looked at otherwise.
        """
        now = look(self._root, self.tree) if now is None else now
        for path in sorted(now.keys() - self.tree.keys(), reverse=True):
            _remove(f"{self._root}{path}")
        changed = sorted(path for path, entry in self.tree.items() if path == _LOCK or now.get(path) is not entry)
        for path in changed:
            _restore_one(self._model, self._root, path, self.tree[path])
        for path in reversed(changed):
            status = os.lstat(f"{self._model}{path}")
            os.utime(f"{self._root}{path}", ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)
        _mark(self._root)
        for path in {*changed, *({_MARK} & self.tree.keys())}:
            status = os.lstat(f"{self._root}{path}")
            before = self.tree[path]
            self.tree[path] = Entry(before.mode, before.owner, before.content, (status.st_ino, status.st_ctime_ns))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _restore_one(model: Path, root: Path, path: str, entry: Entry) -> None:
    source, target = f"{model}{path}", f"{root}{path}"
    if stat.S_ISDIR(entry.mode):
        if not os.path.isdir(target) or os.path.islink(target):
            _remove(target)
            os.mkdir(target)
    else:
        _remove(target)
        if stat.S_ISLNK(entry.mode):
            os.symlink(os.readlink(source), target)
        elif stat.S_ISFIFO(entry.mode):
            os.mkfifo(target)
        else:
            shutil.copyfile(source, target)
    os.chown(target, *entry.owner, follow_symlinks=False)
    if not stat.S_ISLNK(entry.mode):
        os.chmod(target, stat.S_IMODE(entry.mode))


def _mark(root: Path) -> None:
    """Note that the data file is sound, so that a command does not verify it because it was copied."""
    if os.path.exists(f"{root}{_MARK}"):
        DataFile(f"{root}{_DATA}").mark()


@dataclass
class Rows:
    """What the databases hold.

    :param settings: the value of each setting, by database and row.
    :param pending: the services with a pending action.
    :param generations: the numbers of the generations, and whether each is complete.
    :param revision: the number of the last revision.
    :param damage: what is wrong with the data file; "" for nothing.
    """

    settings: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    generations: dict[int, bool] = field(default_factory=dict)
    revision: int = 0
    damage: str = ""


def read_rows(root: Path) -> Rows:
    """Return what the databases of a root hold; nothing when there are none."""
    place = Path(f"{root}{_DATA}")
    content = place.read_bytes() if place.exists() else b""
    return _rows_of(place, hashlib.sha256(content).digest()) if content else Rows()


#: By what the file holds: most looks find what an earlier one has found, and to verify a file takes longer than a hash.
@functools.lru_cache(maxsize=200)
def _rows_of(place: Path, _content: bytes) -> Rows:
    rows = Rows()
    found = verify(str(place))  # type: ignore[no-untyped-call]
    if found:
        rows.damage = str(found)
        return rows
    with lmdb.open(str(place.parent), readonly=True, lock=False, max_dbs=100) as env, env.begin() as transaction:
        names = [bytes(name) for name, _ in transaction.cursor()]
        for name in names:
            handle = env.open_db(name, transaction, create=False)
            own = [(bytes(key), bytes(value)) for key, value in transaction.cursor(handle)]
            if not name.startswith(b"="):
                rows.settings |= {(name, key): value for key, value in own}
            elif name == b"=journal":
                rows.revision = int.from_bytes(own[-1][0]) if own else 0
            elif name == b"=" + PENDING.name.encode():
                rows.pending = {key.decode() for key, _ in own}
            elif name == b"=generations":
                rows.generations = {
                    int(key): json.loads(value.partition(b"\n#")[0]).get("complete", False) for key, value in own
                }
    return rows


@functools.lru_cache(maxsize=100_000)
def _without_numbers(path: str) -> str:
    return _NUMBER.sub("#", path)


def known_names(trees: Iterable[Tree]) -> frozenset[str]:
    """Return the names of all that is on some disks, with ``#`` for numbers."""
    return frozenset(_without_numbers(path) for tree in trees for path in tree)


def leftovers(tree: Tree, names: frozenset[str], rows: Rows) -> list[str]:
    """Return what is on the disk and has no known name: temporary files; and generations nobody refers to.

    :param names: what :func:`known_names` returned.
    """
    found = [path for path in tree if not (_without_numbers(path) in names or _KEPT.fullmatch(path))]
    for path in tree:
        if not path.startswith(_GENERATIONS):
            continue
        number = re.fullmatch(r"(\d+)", path.removeprefix(_GENERATIONS))
        if number and int(number[1]) not in rows.generations:
            found.append(path)
    return [path for path in sorted(found) if not path.startswith(("/service", "/var/log", *FOREIGN))]
