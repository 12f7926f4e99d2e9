"""What is on a stage: every generated file, and what changed between two looks."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass

from tests.page.stage import Stage
from tests.page.transcript import FileEffect

#: Where generated files are.
FOLDERS = ("/etc", "/var/qmail", "/var/service", "/home/e-smith", "/home/httpd")
#: No generated files: what they are made of, the databases, accounts, the state of supervisors, mail.
_SOURCES = ("/etc/e-smith", "/home/e-smith/db")
_ACCOUNTS = frozenset(
    f"/etc/{name}{end}" for name in ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"] for end in ("", "-")
)
_LEFT_OUT = _ACCOUNTS.union(_SOURCES)
_NAMES = frozenset(("supervise", "Maildir"))


@dataclass(frozen=True)
class Entry:
    """One file, link or directory as it is now.

    :param content: of a file; the target of a link.
    """

    kind: str
    content: bytes
    mode: int
    owner: tuple[int, int]

    @property
    def lines(self) -> list[str]:
        """The lines of a file."""
        return self.content.decode("utf-8", "surrogateescape").splitlines()


Look = dict[str, Entry]

#: Debian has a link at the second path, the original a directory.
_REAL = "/etc/spamassassin"
_USUAL = "/etc/mail/spamassassin"


class Eye:
    """Looks at a stage, reading only files that changed since the last look."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._known: dict[str, tuple[object, Entry]] = {}

    def look(self) -> Look:
        """Return every generated file, and every link among them."""
        found: Look = {}
        for folder in FOLDERS:
            self._walk(folder, str(self._stage.path(folder)), None, found)
        return found

    def _walk(self, inside: str, name: str, above: int | None, found: Look) -> None:
        """Look at a directory.

        :param name: what it is called in the directory with the descriptor ``above``.
        """
        inside = _USUAL if inside == _REAL else inside
        try:
            here = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=above)
        except (FileNotFoundError, PermissionError):
            return
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    path = f"{inside}/{entry.name}"
                    if path in _LEFT_OUT or entry.name in _NAMES:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        self._walk(path, entry.name, here, found)
                    elif entry.is_symlink() or entry.is_file():
                        found[path] = self._entry(path, entry, here)
        finally:
            os.close(here)

    def _entry(self, path: str, entry: os.DirEntry[str], above: int) -> Entry:
        status = entry.stat(follow_symlinks=False)
        mark = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
        known = self._known.get(path)
        if known and known[0] == mark:
            return known[1]
        link = stat.S_ISLNK(status.st_mode)
        seen = Entry(
            "link" if link else "file",
            os.readlink(entry.name, dir_fd=above).encode() if link else _read(entry.name, above),
            0 if link else stat.S_IMODE(status.st_mode),
            (status.st_uid, status.st_gid),
        )
        self._known[path] = (mark, seen)
        return seen


def _read(name: str, above: int) -> bytes:
    try:
        descriptor = os.open(name, os.O_RDONLY, dir_fd=above)
    except PermissionError:
        return b""
    with open(descriptor, "rb") as file:
        return file.read()


def changed(before: Look, after: Look) -> list[str]:
    """Return the paths whose entries differ, sorted."""
    # What has not changed is the same object in both, so few are compared.
    return sorted(
        path
        for path in before.keys() | after.keys()
        if (old := before.get(path)) is not (new := after.get(path)) and old != new
    )


def describe(path: str, before: Look, after: Look) -> str:
    """Return how a file differs, in the words of a transcript."""
    old, new = before.get(path), after.get(path)
    if new is None:
        return f"{path} gone"
    if new.kind == "link":
        return f"{path} -> {new.content.decode()}"
    lines = [path]
    if old is not None and old.mode != new.mode:
        lines[0] += f" mode {new.mode:04o}"
    if old is not None and old.owner != new.owner:
        lines.append(f"  (owner {new.owner}, was {old.owner})")
    removed, added = _difference(old, new)
    lines += [f"  - {line}" for line in removed.elements()]
    lines += [f"  + {line}" for line in added.elements()]
    return "\n".join(lines)


def faults(effect: FileEffect, before: Look, after: Look) -> list[str]:
    """Return the differences between a file and its transcript."""
    old, new = before.get(effect.path), after.get(effect.path)
    subject = f"{effect.place}: {effect.path}"
    if effect.state == "gone":
        return [] if old and not new else [f"{subject} is to be gone: was {bool(old)}, is {bool(new)}"]
    if new is None:
        return [f"{subject} does not exist"]
    if effect.state.startswith("->"):
        target = effect.state.removeprefix("-> ")
        is_link = new.kind == "link" and new.content.decode() == target
        return [] if is_link else [f"{subject} is not a link to {target}: {new.kind} {new.content[:80]!r}"]
    found = []
    if effect.state == "made" and old is not None:
        found.append(f"{subject} was there before")
    if effect.state.startswith("mode ") and new.mode != int(effect.state.split()[1], 8):
        found.append(f"{subject} has mode {new.mode:04o}")
    return found + [f"{subject}: {fault}" for fault in _line_faults(effect, old, new)]


def _line_faults(effect: FileEffect, old: Entry | None, new: Entry) -> list[str]:
    removed, added = _difference(old, new)
    found = []
    for mark, actual in (("-", removed), ("+", added)):
        wanted = Counter(effect.marked(mark))
        found += [f"{mark} {line!r} did not happen" for line in (wanted - actual).elements()]
        if not effect.marked("."):
            found += [f"{mark} {line!r} happened besides" for line in (actual - wanted).elements()]
    old_lines = set(old.lines if old else [])
    if not _in_order(effect.marked("+ "), new.lines):
        found.append(f"not in this order now: {effect.marked('+ ')}")
    found += [f"{line!r} was not there before" for line in effect.marked(" ") if line not in old_lines]
    found += [f"{line!r} is there" for line in effect.marked("!") if line in new.lines]
    return found


def _difference(old: Entry | None, new: Entry) -> tuple[Counter[str], Counter[str]]:
    before, now = Counter(old.lines if old else []), Counter(new.lines)
    return before - now, now - before


def _in_order(wanted: list[str], lines: list[str]) -> bool:
    rest = iter(lines)
    return all(line in rest for line in wanted)
