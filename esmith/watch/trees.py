"""The state of the fragment trees, and how one differs from another."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

from esmith.names import is_leftover, leads_to_directory

#: What version control keeps beside the fragments.
_NOT_OURS = frozenset((".git", ".svn", ".hg", "CVS"))


@dataclass
class TreeState:
    """Every file of some trees.

    :param files: path -> what changes when the file is written, replaced, or its mode or owner are set.
    :param directories: the directories, also those that links lead to.
    :param targets: directories outside that linked files lead to, each with the names of the files in it.
    :param unreadable: directories that cannot be read, each with the reason.
    """

    files: dict[str, str] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    targets: dict[str, set[str]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    @classmethod
    def take(cls, roots: Iterable[str]) -> TreeState:
        """Return the state of some directories now; one that is missing holds nothing."""
        marks = cls()
        for root in roots:
            marks._enter(root, ())
        return marks

    def changed_since(self, before: TreeState) -> list[str]:
        """Return the files that were made, changed or removed, sorted.

        What is in a directory that cannot be read now counts as unchanged, also for the next comparison.
        """
        for path in before.files.keys() - self.files.keys():
            if any(path.startswith(f"{directory}/") for directory in self.unreadable):
                self.files[path] = before.files[path]
        names = self.files.keys() | before.files.keys()
        return sorted(path for path in names if self.files.get(path) != before.files.get(path))

    def _enter(self, directory: str, above: tuple[tuple[int, int], ...]) -> None:
        """Take in a directory; a link that leads back to one above it is not followed."""
        try:
            status = os.stat(directory)
            identity = (status.st_dev, status.st_ino)
            if not stat.S_ISDIR(status.st_mode) or identity in above:
                return
            entries = list(os.scandir(directory))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self.unreadable[directory] = error.strerror or str(error)
            return
        self.directories.add(directory)
        for entry in entries:
            if entry.name in _NOT_OURS or is_leftover(entry.name):
                continue
            if leads_to_directory(entry):
                self._enter(entry.path, (*above, identity))
            else:
                self._note(entry)

    def _note(self, entry: os.DirEntry[str]) -> None:
        mark = ""
        try:
            if entry.is_symlink():
                mark = f"{os.readlink(entry.path)} "
                self._note_target(os.path.realpath(entry.path))
            status = os.stat(entry.path)
        except FileNotFoundError:
            # Gone again, or a link that leads nowhere.
            if not mark:
                return
        except OSError as error:
            mark += str(error.errno)
        else:
            mark += f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
        self.files[entry.path] = mark

    def _note_target(self, target: str) -> None:
        """Have a linked file's directory watched; a device such as /dev/null is written all the time."""
        if os.path.isfile(target) or not os.path.lexists(target):
            self.targets.setdefault(os.path.dirname(target), set()).add(os.path.basename(target))
