"""Making a backup: from one snapshot of the databases, while others write."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import time
import zlib
from contextlib import ExitStack, suppress
from hashlib import sha256

from esmith import __version__
from esmith.backup.collect import KeptFiles, names_of_users, password_lines
from esmith.backup.encryption import HEADER, encrypted
from esmith.backup.folder import open_folder
from esmith.backup.form import (
    BASES,
    CUSTOM,
    DATABASES,
    DIRECTORY,
    FORMAT,
    JOURNAL,
    LINK,
    MAGIC,
    MANIFEST,
    PARTS,
    PASSWORDS,
    README,
    SUMS,
    TEXT,
    TOP,
    File,
    Manifest,
    Member,
    fault_in,
    sums_text,
)
from esmith.backup.last import LastBackup
from esmith.backup.read import LONGEST_BASES, LONGEST_MANIFEST, LONGEST_MEMBER, MOST_BYTES, MOST_MEMBERS
from esmith.backup.rows import database_text, journal_parts
from esmith.errors import StoreError, UsageError
from esmith.names import is_temporary
from esmith.setup.kept_bases import bases_text
from esmith.store.replace import file_trouble
from esmith.store.table import encode_json
from esmith.temporary import is_in_use, temporary_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot, Store

_MODE = 0o600
_LEVEL = 6
_STEP = 2**20
#: How long nobody has written into an unfinished backup that counts as left behind, in seconds.
_DAY = 86_400
#: See machine-id(5).
_MACHINE_ID = "/etc/machine-id"


class Archive:
    """The archive of a backup, which is written from its beginning to its end.

    :param stream: where it goes.
    :param now: seconds since 1970.
    """

    def __init__(self, stream: IO[bytes], now: int) -> None:
        self._gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=stream, mtime=now)
        self._now = now
        self.members: list[Member] = []
        #: How many members it has, directories and links as well, and how long it is before it is compressed.
        self.count, self.size = 0, 2 * tarfile.BLOCKSIZE

    def add(self, name: str, data: bytes, like: File | None = None) -> None:
        """Add a regular file.

        :param like: whose mode and owner it gets in the archive.
        """
        entry = self._entry(name, like)
        entry.size = len(data)
        self._put(entry, data)
        self.members.append(Member(name, len(data), sha256(data).hexdigest()))

    def add_other(self, file: File) -> None:
        """Add a directory or a link."""
        entry = self._entry(file.member, file)
        entry.type = tarfile.SYMTYPE if file.kind == LINK else tarfile.DIRTYPE
        entry.linkname = file.target
        self._put(entry, b"")

    def close(self) -> None:
        """Write the end of it."""
        self._gzip.write(bytes(2 * tarfile.BLOCKSIZE))
        self._gzip.close()

    def _put(self, entry: tarfile.TarInfo, data: bytes) -> None:
        for piece in (
            entry.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"),
            data,
            bytes(-len(data) % tarfile.BLOCKSIZE),
        ):
            self.size += self._gzip.write(piece)
        self.count += 1

    def _entry(self, name: str, like: File | None) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(f"{TOP}/{name}")
        entry.mtime = self._now
        entry.mode = like.mode if like is not None else _MODE
        entry.uname, entry.gname = (like.owner, like.group) if like is not None else ("root", "root")
        return entry


def write_archive(layout: Layout, store: Store, stream: IO[bytes]) -> tuple[Manifest, list[str]]:
    """Write a backup of a root to a stream.

    :return: what is in it, and notes for the administrator about what is left out.
    :raises StoreError: when the databases cannot be read, or what was written could not be restored.
    :raises InstallError: when a file cannot be read.
    :raises OSError: when the stream cannot be written.
    """
    now = int(time.time())
    archive = Archive(stream, now)
    archive.add(README, TEXT.format(magic=MAGIC, format=FORMAT).encode())
    with store.snapshot() as snapshot:
        host, revision = name_of_server(snapshot), snapshot.revision()
        kept, users = KeptFiles.of(layout, snapshot), names_of_users(snapshot)
        for database in snapshot.databases():
            archive.add(f"{DATABASES}{database}", database_text(snapshot, database))
        for number, part in enumerate(journal_parts(snapshot), start=1):
            archive.add(f"{JOURNAL}{number:06d}", part)
    files: list[File] = []
    for file, content in kept.files(PARTS):
        files.append(file)
        if file.kind in (DIRECTORY, LINK):
            archive.add_other(file)
        else:
            archive.add(file.member, content, file)
    overrides = [file.path.removeprefix(f"{CUSTOM}/") for file in files if file.kind != DIRECTORY]
    archive.add(BASES, bases_text(layout, overrides))
    archive.add(PASSWORDS, password_lines(layout, users))
    manifest = Manifest(FORMAT, __version__, host, now, revision, list(PARTS), archive.members[:], files)
    archive.add(MANIFEST, encode_json(manifest) + b"\n")
    archive.add(SUMS, sums_text(archive.members).encode("utf-8", "surrogateescape"))
    archive.close()
    _require_readable(archive, files)
    return manifest, kept.notes


def _require_readable(archive: Archive, files: list[File]) -> None:
    """Ask what :func:`esmith.backup.read.verified` asks: what is refused there is no backup.

    :raises StoreError: with the reason.
    """
    longest = max(archive.members, key=lambda member: member.size)
    sizes = {member.name: member.size for member in archive.members}
    lists = max(sizes[MANIFEST], sizes[SUMS])
    fault = fault_in(files)
    if longest.size > LONGEST_MEMBER:
        fault = f"{longest.name} is too large"
    elif archive.count > MOST_MEMBERS:
        fault = "it has too many members"
    elif archive.size > MOST_BYTES or lists > LONGEST_MANIFEST or sizes[BASES] > LONGEST_BASES:
        fault = "it is too large"
    if fault:
        error = StoreError(f"this backup could not be restored: {fault}", hint="move away what is no configuration")
        error.add("no backup was made")
        raise error


def name_of_server(snapshot: Snapshot) -> str:
    """Return the name of the server, by the settings."""
    names = (snapshot.type_of("configuration", key) for key in ("SystemName", "DomainName"))
    return ".".join(filter(None, names)) or os.uname().nodename


def write_backup(
    layout: Layout, store: Store, path: str, *, recipients: list[str] | None = None, force: bool = False
) -> tuple[LastBackup, list[str]]:
    """Write a backup of a root to a file: the whole of it, or nothing. What is there stays until then.

    :param path: the file, as a path of this disk.
    :param recipients: for whom it is encrypted; nobody: it is not.
    :param force: also where a file is that is no backup.
    :return: what was made, and notes for the administrator.
    :raises UsageError: when something else has the name.
    :raises StoreError: when the file cannot be written, or the databases cannot be read.
    :raises InstallError: when a file cannot be read.
    """
    path = os.path.abspath(path)
    above, name = os.path.split(path)
    directory = open_folder(above)
    temporary, is_placed = f"{temporary_name()}{_mark_of_machine()}", False
    try:
        require_place(directory, name, path, force=force)
        _sweep(directory)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(temporary, flags, _MODE, dir_fd=directory), "w+b") as file:
            os.fchmod(file.fileno(), _MODE)
            manifest, notes = _write(layout, store, file, recipients or [])
            file.flush()
            os.fsync(file.fileno())
            size, digest = _digest_of(file)
        require_place(directory, name, path, force=force)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        is_placed = True
        os.fsync(directory)
    except OSError as error:
        trouble: StoreError = file_trouble(path, error)
        trouble.add("it is in place, but a crash of the machine may lose it" if is_placed else "no backup was made")
        raise trouble from error
    finally:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        os.close(directory)
    made = LastBackup(path, manifest.time, size, digest, manifest.revision, manifest.parts, bool(recipients))
    return made, notes


def write_stream(layout: Layout, store: Store, stream: IO[bytes], recipients: list[str]) -> list[str]:
    """Write a backup of a root to standard output or another stream, and return notes.

    :raises StoreError: when it cannot be written, or the databases cannot be read.
    :raises InstallError: when a file cannot be read.
    """
    try:
        _, notes = _write(layout, store, stream, recipients)
        stream.flush()
    except OSError as error:
        raise file_trouble("standard output", error) from error
    return notes


def _write(layout: Layout, store: Store, file: IO[bytes], recipients: list[str]) -> tuple[Manifest, list[str]]:
    with ExitStack() as stack:
        stream = stack.enter_context(encrypted(file.fileno(), recipients)) if recipients else file
        return write_archive(layout, store, stream)


def require_place(directory: int, name: str, path: str, *, force: bool) -> None:
    """Refuse to replace what is no backup.

    :param directory: the directory of the file, open.
    :raises UsageError: when something else has the name.
    """
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode):
        raise UsageError("is no plain file, so no backup can take its place", place=path, hint="choose another name")
    if not force and not is_backup(directory, name):
        what = "is encrypted, so it may be anything" if is_encrypted(directory, name) else "is no backup of e-smith"
        raise UsageError(f"there is a file that {what}", place=path, hint="choose another name, or use --force")


def is_encrypted(directory: int, name: str) -> bool:
    """Return whether a file is encrypted with age, as its beginning shows.

    :param directory: the directory of the file, open.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with open(os.open(name, flags, dir_fd=directory), "rb") as file:
            return file.read(len(HEADER)) == HEADER
    except OSError:
        return False


def is_backup(directory: int, name: str) -> bool:
    """Return whether a file is a backup that is not encrypted, as far as its first member shows.

    :param directory: the directory of the file, open.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with (
            open(os.open(name, flags, dir_fd=directory), "rb") as file,
            gzip.GzipFile(fileobj=file) as packed,
        ):
            head = packed.read(2 * tarfile.BLOCKSIZE)
    except (OSError, EOFError, zlib.error):
        return False
    return head.startswith(f"{TOP}/{README}\0".encode()) and head[tarfile.BLOCKSIZE :].startswith(MAGIC.encode())


def _digest_of(file: IO[bytes]) -> tuple[int, str]:
    """Return how many bytes a file has, and their digest."""
    file.seek(0)
    size, digest = 0, sha256()
    while piece := file.read(_STEP):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


def _mark_of_machine() -> str:
    """Return the end of the names of unfinished backups of this machine: others may write into the folder as well.

    Their processes are not known here. The id alone is that of a clone, too (machine-id(5)).
    """
    found = os.uname().nodename.encode()
    with suppress(OSError), open(_MACHINE_ID, "rb") as file:
        found += b" " + file.read(_STEP)
    return f".{sha256(found).hexdigest()[:16]}"


def _sweep(directory: int) -> None:
    """Remove what backups that were killed have left in a directory: those of another machine when they are old."""
    mark = _mark_of_machine()
    for name in os.listdir(directory):
        if is_temporary(name) and not is_in_use(name):
            with suppress(OSError):
                if (
                    name.endswith(mark)
                    or os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime < time.time() - _DAY
                ):
                    os.unlink(name, dir_fd=directory)
