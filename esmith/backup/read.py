"""Reading a backup: all of it is verified before anything of it is used.

It is decompressed into a file without a name, in which its members are found again. So what is used later is what was
verified, whatever becomes of the backup meanwhile, and memory does not grow with it.
"""

from __future__ import annotations

import gzip
import os
import re
import tarfile
import tempfile
import zlib
from hashlib import sha256

from esmith.backup.contents import verify_contents
from esmith.backup.form import (
    BASES,
    DATABASES,
    DIRECTORY,
    FILE,
    FORMAT,
    JOURNAL,
    LINK,
    MAGIC,
    MANIFEST,
    PARTS,
    PASSWORDS,
    README,
    SUMS,
    TOP,
    BackupError,
    File,
    Manifest,
    Member,
    fault_in,
    part_of,
    sums_text,
)
from esmith.backup.rows import records_of, revisions_of
from esmith.setup.kept_bases import KeptBases, read_bases
from esmith.store.table import DamagedRowError, decode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import IO, Self

    from esmith.store.model import Record, Revision

#: What no backup of ours has: an archive that never ends must not fill the disk.
MOST_MEMBERS, MOST_BYTES, LONGEST_MEMBER = 200_000, 2**33, 2**29
#: Of the manifest, which is read into memory.
LONGEST_MANIFEST = 2**26
#: So long is what overrides were made from, in bytes: the texts of :mod:`esmith.setup.kept_bases`, and their names.
LONGEST_BASES = 3 * 2**23
#: Of a long name in the archive.
_LONGEST_NAME = 2**13
_STEP = 2**20
_KINDS = {tarfile.REGTYPE: FILE, tarfile.SYMTYPE: LINK, tarfile.DIRTYPE: DIRECTORY}
#: Headers that only bring a long name for the next member.
_NAMING = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_JOURNAL = re.compile(r"journal/\d{6}")
_BEGIN = f"{TOP}/{README}".encode()
_NOT_OURS = "it is no backup of e-smith"


class Backup:
    """A backup that was verified. A context manager.

    :param manifest: what is in it.
    :param file: the device and the inode of its file, by which it is known again.
    """

    def __init__(
        self, spool: IO[bytes], places: dict[str, tuple[int, int]], manifest: Manifest, file: tuple[int, int]
    ) -> None:
        self._spool = spool
        self._places = places
        self.manifest = manifest
        self.file = file
        #: What the administrator should know before it is restored.
        self.doubts: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    @property
    def databases(self) -> list[str]:
        """The names of the databases."""
        return [name.removeprefix(DATABASES) for name in self._places if name.startswith(DATABASES)]

    def records(self, database: str) -> dict[str, Record]:
        """Return the records of a database by their keys."""
        return records_of(database, self.data(f"{DATABASES}{database}"))

    def revisions(self) -> Iterator[Revision]:
        """Yield the revisions of the journal, the newest first."""
        return revisions_of(self.data(name) for name in sorted(self._places) if name.startswith(JOURNAL))

    def files(self, part: str) -> list[File]:
        """Return the files of a part."""
        return [file for file in self.manifest.files if part_of(file.path) == part]

    def bases(self) -> KeptBases:
        """Return what its overrides were made from; nothing where an earlier version made it."""
        return read_bases(self.data(BASES)) if BASES in self._places else KeptBases()

    def data(self, name: str) -> bytes:
        """Return what a regular file of the archive holds."""
        start, size = self._places[name]
        self._spool.seek(start)
        return self._spool.read(size)


def _require_known_headers(spool: IO[bytes]) -> None:
    """See that an archive has headers of the kinds that a backup has, before anything else reads it.

    They are looked at one by one here: tarfile itself reads what an extended header says, and makes room for it. The
    methods by which it does that differ: those of Debian's Python are not those of python.org.

    :raises BackupError: when one is of another kind.
    :raises tarfile.TarError: when one is none.
    :raises EOFError: when the archive ends too early.
    """
    spool.seek(0)
    while block := spool.read(tarfile.BLOCKSIZE):
        if not block.strip(b"\0"):
            return
        if len(block) < tarfile.BLOCKSIZE:
            raise EOFError
        entry = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if entry.type not in _KINDS and not (entry.type in _NAMING and 0 <= entry.size <= _LONGEST_NAME):
            raise BackupError("it has a member that no backup has: no file, directory or link")
        if not 0 <= entry.size <= LONGEST_MEMBER or (entry.type in (tarfile.SYMTYPE, tarfile.DIRTYPE) and entry.size):
            raise BackupError("it has a member that is too large")
        spool.seek(-(-entry.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE, os.SEEK_CUR)


def verified(file: IO[bytes]) -> Backup:
    """Verify all of a backup: checksums, names, kinds, records, the journal.

    :param file: a backup that is not encrypted, open at its beginning.
    :raises BackupError: when it is no backup, or a damaged one.
    :raises OSError: when it cannot be read, or there is no room for what is in it.
    """
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - the backup closes it
    done = False
    try:
        reading = _Reading(spool)
        try:
            reading.read(file)
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeError, ValueError) as error:
            what = "it is damaged, or cut off" if reading.is_ours else _NOT_OURS
            raise BackupError(what, hint="use another one") from error
        status = os.fstat(file.fileno())
        backup = Backup(spool, reading.places, reading.verify(), (status.st_dev, status.st_ino))
        verify_contents(backup, backup.manifest.revision)
        done = True
        return backup
    finally:
        if not done:
            spool.close()


class _Reading:
    """Reads the archive of a backup.

    :param spool: the file that it is decompressed into.
    """

    def __init__(self, spool: IO[bytes]) -> None:
        self._spool = spool
        #: Where the content of each regular file is, and how long it is.
        self.places: dict[str, tuple[int, int]] = {}
        self._digests: dict[str, str] = {}
        #: What directories and links there are, with what the links hold.
        self._others: dict[str, tuple[str, str]] = {}

    @property
    def is_ours(self) -> bool:
        """Whether it begins as a backup does, as far as it can be decompressed."""
        self._spool.seek(0)
        return bool(self.places) or self._spool.read(len(_BEGIN)) == _BEGIN

    def read(self, file: IO[bytes]) -> None:
        """Read all of it."""
        # To its end, where the checksum of the compression is.
        with gzip.GzipFile(fileobj=file) as packed:
            size = 0
            while piece := packed.read1(_STEP):
                if not size and len(piece) >= tarfile.BLOCKSIZE and not piece.startswith(_BEGIN):
                    # Whatever it is, it need not be decompressed to its end.
                    raise BackupError(_NOT_OURS, hint="use another one")
                size += self._spool.write(piece)
                if size > MOST_BYTES:
                    raise BackupError("it is too large")
        _require_known_headers(self._spool)
        self._spool.seek(0)
        with tarfile.open(fileobj=self._spool, mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
            for entry in archive:
                self._take(entry)
            self._spool.seek(archive.offset)
        while piece := self._spool.read(_STEP):
            if piece.strip(b"\0"):
                raise BackupError("something follows its end")

    def _take(self, entry: tarfile.TarInfo) -> None:
        top, _, name = entry.name.partition("/")
        if top != TOP or not name:
            raise BackupError(_NOT_OURS if not self.places else f"a member has the name {entry.name!r}")
        if name in self.places or name in self._others:
            raise BackupError(f"{name}: it is there twice")
        if len(self.places) + len(self._others) >= MOST_MEMBERS:
            raise BackupError("it has too many members")
        if not self.places and name != README:
            raise BackupError(_NOT_OURS)
        kind = _KINDS[entry.type]
        if kind != FILE:
            self._others[name] = kind, entry.linkname
            return
        self._spool.seek(entry.offset_data)
        left, digest = entry.size, sha256()
        while left:
            piece = self._spool.read(min(left, _STEP))
            if not piece:
                raise EOFError
            digest.update(piece)
            left -= len(piece)
        self.places[name] = entry.offset_data, entry.size
        self._digests[name] = digest.hexdigest()
        if name == README:
            self._require_format()

    def _require_format(self) -> None:
        line = self._content(README, _LONGEST_NAME).partition(b"\n")[0].decode("ascii", "replace")
        number = line.removeprefix(MAGIC)
        if not line.startswith(MAGIC) or not number.isdecimal():
            raise BackupError(_NOT_OURS)
        if int(number[:9]) > FORMAT:
            raise BackupError(
                f"a newer version of e-smith made it: it has the format {number[:9]}, and this one knows {FORMAT}",
                hint="upgrade e-smith first",
            )

    def verify(self) -> Manifest:
        """Compare all of it with the manifest, and return that.

        :raises BackupError: when something is missing, differs, or is not what a backup has.
        """
        if [*self.places][-2:] != [MANIFEST, SUMS]:
            raise BackupError("its manifest is missing: it is not whole", hint="use another one")
        try:
            manifest = decode_json(Manifest, self._content(MANIFEST, LONGEST_MANIFEST))
        except DamagedRowError as error:
            raise BackupError("its manifest is damaged", hint="use another one") from error
        found = [Member(name, size, self._digests[name]) for name, (_, size) in self.places.items()]
        if found[:-2] != manifest.members:
            listed = {member.name: member for member in manifest.members}
            wrong = next((one.name for one in found[:-2] if listed.get(one.name) != one), "a member")
            raise BackupError(f"{wrong}: it is not what the manifest says", hint="use another one")
        sums = sums_text(found[:-1]).encode("utf-8", "surrogateescape")
        if self._content(SUMS, LONGEST_MANIFEST) != sums:
            raise BackupError("its checksums are not those of what is in it", hint="use another one")
        if not set(manifest.parts) <= set(PARTS):
            raise BackupError("it has parts that no backup has")
        self._verify_names(manifest)
        return manifest

    def _verify_names(self, manifest: Manifest) -> None:
        if fault := fault_in(manifest.files):
            raise BackupError(f"no backup has this: {fault}")
        others = {file.member: (file.kind, file.target) for file in manifest.files if file.kind != FILE}
        if others != self._others:
            raise BackupError("its links and directories are not what the manifest says")
        files = {file.member for file in manifest.files if file.kind == FILE}
        for name in self.places.keys() - files - {README, BASES, PASSWORDS, MANIFEST, SUMS}:
            if not (_JOURNAL.fullmatch(name) or name.startswith(DATABASES)):
                raise BackupError(f"{name}: no backup has this member")
        if BASES in self.places and self.places[BASES][1] > LONGEST_BASES:
            raise BackupError(f"{BASES}: it is too large")
        if not files | {PASSWORDS} <= self.places.keys():
            raise BackupError("a file of the manifest is missing")

    def _content(self, name: str, limit: int) -> bytes:
        start, size = self.places[name]
        if size > limit:
            raise BackupError(f"{name}: it is too large")
        self._spool.seek(start)
        return self._spool.read(size)
