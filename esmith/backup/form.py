"""What a backup looks like inside: the names of its members, and what its manifest says (docs/backup.md#the-file).

It is a tar archive that gzip has compressed, so that one can look into it without this program.
"""

from __future__ import annotations

import os
import re

from esmith.errors import EsmithError
from esmith.fields import dataclass, field
from esmith.layout import FLEET_FILES
from esmith.names import is_temporary
from esmith.store.table import is_path

#: The number of the format. A program reads its own and older ones.
FORMAT = 3
#: The directory that all members are in.
TOP = "e-smith-backup"
#: The members that are there once each. The first is the first of the archive, the last two are the last.
README, PASSWORDS, MANIFEST, SUMS = "README", "passwords", "MANIFEST.json", "SHA256SUMS"
#: What overrides were made from (:mod:`esmith.setup.kept_bases`); backups of format 1 have none.
BASES = "overrides.json"
#: What the first member begins with, before the number of the format.
MAGIC = "e-smith backup "
#: Before the names of databases, the numbers of parts of the journal, and the paths of files.
DATABASES, JOURNAL, FILES = "databases/", "journal/", "files"
#: What can be restored by itself.
PARTS = ("databases", "custom", "keys", "passwords")
#: Where the files of the part ``custom`` are, and those of the part ``keys``.
CUSTOM = "/etc/e-smith"
KEYS = (
    "/home/e-smith/dkim_keys",
    "/home/e-smith/ssl.pem",
    "/home/e-smith/ssl.key",
    "/home/e-smith/ssl.crt",
    FLEET_FILES,
)
#: What a link may lead to besides the files of its part: a fragment that is left out.
_NOTHING = "/dev/null"
#: Permissions, without bits by which a program runs as its owner.
_MODES = 0o777
FILE, LINK, DIRECTORY = "file", "link", "directory"
_KINDS = (FILE, LINK, DIRECTORY)
#: What the name of a user or group may be; a backup has the number of another one.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?")
_LONGEST_PATH = 4096

TEXT = """\
{magic}{format}

databases/  the settings: text files as "esmith export" writes them, which "esmith import" reads
journal/    who changed which setting, the newest change first: a line of JSON for a revision, and one for each change
files/      fragments, events, services and schema files that are not shipped; DKIM keys, certificates, keys of a fleet
overrides.json    what the fragments and the files of services were made from
passwords   the lines of users in /etc/shadow
MANIFEST.json, SHA256SUMS    what is in it; to check it: sha256sum -c SHA256SUMS

To restore it, on a machine that was set up: esmith restore FILE
"""


class BackupError(EsmithError):
    """A file is no backup, is damaged, or holds what no backup of ours does. Nothing was done with it."""


@dataclass(frozen=True)
class Member:
    """A regular file of the archive.

    :param name: its name below :data:`TOP`.
    :param size: in bytes.
    :param sha256: in hexadecimal.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class File:
    """A file, link or directory of the configured system.

    :param path: its absolute path there.
    :param kind: :data:`FILE`, :data:`LINK` or :data:`DIRECTORY`.
    :param mode: its permissions.
    :param owner: the name of its owner, a number where the machine knew no name.
    :param group: likewise its group.
    :param target: what a link holds.
    """

    path: str
    kind: str
    mode: int
    owner: str
    group: str
    target: str = ""

    @property
    def member(self) -> str:
        """The name of its member below :data:`TOP`."""
        return FILES + self.path


@dataclass(frozen=True)
class Manifest:
    """What is in a backup.

    :param format: the number of the format.
    :param product: the version of the program that made it.
    :param host: the name of the server.
    :param time: when it was made, in seconds since 1970.
    :param revision: the last revision of the databases.
    :param parts: which of :data:`PARTS` it has.
    :param members: all members but the manifest and what follows it.
    :param files: what is restored below the root, each directory before what is in it.
    """

    format: int
    product: str
    host: str
    time: int
    revision: int
    parts: list[str] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    files: list[File] = field(default_factory=list)


def part_of(path: str) -> str:
    """Return the part that a file belongs to, "" where no backup has it.

    :param path: an absolute path of the configured system.
    """
    if path.startswith(f"{CUSTOM}/"):
        return "custom"
    return "keys" if any(f"{path}/".startswith(f"{place}/") for place in KEYS) else ""


def may_lead(path: str, target: str) -> bool:
    """Return whether a link may lead there: to a file of its own part, or to ``/dev/null``.

    :param path: the link, as an absolute path of the configured system.
    :param target: what it holds.
    """
    place = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return target == _NOTHING or (part_of(path) != "" and part_of(place) == part_of(path))


def fault_of(file: File) -> str:
    """Return why no backup of ours has a file, in a clause; "" when one may have it."""
    path = file.path
    if not is_path(path) or os.path.normpath(path) != path or path.startswith("//") or len(path) > _LONGEST_PATH:
        return "its path is none"
    if any(is_temporary(name) for name in path.split("/")) or "\0" in path + file.target or not part_of(path):
        return "it is not in a place that backups are of"
    if file.kind not in _KINDS or not 0 <= file.mode <= _MODES:
        return "it is no plain file, link or directory, or a program that runs as its owner"
    if not (NAME.fullmatch(file.owner) and NAME.fullmatch(file.group)):
        return "its owner has no name that can be"
    if (file.kind == LINK) != bool(file.target) or (file.kind == LINK and not may_lead(path, file.target)):
        return "it is a link that leads elsewhere"
    return ""


def fault_in(files: list[File]) -> str:
    """Return what is wrong with the files of a backup, in a sentence; "" for nothing."""
    kinds: dict[str, str] = {}
    for file in files:
        if fault := fault_of(file):
            return f"{file.path}: {fault}"
        if file.path in kinds:
            return f"{file.path}: it is there twice"
        kinds[file.path] = file.kind
    for path in kinds:
        above = os.path.dirname(path)
        while above != "/":
            if kinds.get(above, DIRECTORY) != DIRECTORY:
                return f"{path}: what it is in is no directory"
            above = os.path.dirname(above)
    return ""


def sums_text(members: list[Member]) -> str:
    """Return the text of the checksums, as ``sha256sum`` reads it."""
    return "".join(f"{member.sha256}  {_escaped(member.name)}\n" for member in members)


def _escaped(name: str) -> str:
    # sha256sum(1) writes a backslash before a line with such a name; nobody has to check that one by hand.
    return name.replace("\\", "\\\\").replace("\n", "\\n")
