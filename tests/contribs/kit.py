"""What the contribs of this folder are, how one is copied into a root, and what files a root has."""

from __future__ import annotations

import os
import shutil
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.commands import Root, content_of

HERE = Path(__file__).parent
#: The contribs, a folder each.
CONTRIBS = HERE / "contribs"
#: Which parts of a root are not made of templates: databases, the product itself, logs, and what it keeps for itself.
_NOT_MADE = ("/etc/e-smith", "/home/e-smith/db", "/sbin", "/usr", "/var/lib/e-smith", "/var/log")


@dataclass(frozen=True)
class Step:
    """One command of a contrib's test.

    :param signal: the words of ``signal-event``.
    :param run: the words of any other command; its exit code has to be 0.
    :param code: the exit code of the event.
    :param names: what its messages have to hold.
    :param logged: what the log has to hold after it.
    """

    signal: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    code: int = 0
    names: tuple[str, ...] = ()
    logged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """What a file that a contrib makes has to be.

    :param text: its text.
    :param perl: or the template of which Text::Template alone makes it; true for that of the file's own path.
    :param event: what $EVENT is while it does.
    :param link: or where it leads.
    :param mode: its mode, in octal.
    :param group: its group; only root gives files to others.
    """

    text: str | None = None
    perl: bool | str = False
    event: str = ""
    link: str | None = None
    mode: str = "0644"
    group: str = "root"


@dataclass(frozen=True)
class Contrib:
    """A contrib and what its events have to do.

    :param name: its folder.
    :param about: what it is.
    :param steps: the commands, in order.
    :param files: the files it makes, by their paths. There must be no others.
    :param added: the texts it adds to shipped files, by the paths of these. Without them the file is as without it.
    :param left: the files that the last event left as they are, or patterns. A shipped one is as before the events.
    :param records: lines of ``db DATABASE print KEY``, by "DATABASE KEY"; an empty one: there is none.
    :param programs: what has to be installed for it.
    :param root: why only root can play it, where that is so.
    :param fault: why it fails, where the product does not do yet what is expected here.
    :param sure: whether it has to fail then.
    :param seconds: how long a fragment may take; 0 for as long as always.
    """

    name: str
    about: str
    steps: tuple[Step, ...]
    files: dict[str, Made] = field(default_factory=dict)
    added: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    records: dict[str, str] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    root: str = ""
    fault: str = ""
    sure: bool = True
    seconds: float = 0.0

    @property
    def events(self) -> tuple[tuple[str, ...], ...]:
        """The events that are signalled, in order."""
        return tuple(step.signal for step in self.steps if step.signal)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with it."""
        return all(step.code == 0 for step in self.steps) and not self.fault


def load_contribs() -> list[Contrib]:
    """Read all contribs of this folder, in the order of their names."""
    return [_load(place) for place in sorted(CONTRIBS.iterdir())]


def _load(place: Path) -> Contrib:
    table = tomllib.loads((place / "expected.toml").read_text())
    table["steps"] = tuple(Step(**_arguments(step)) for step in table["steps"])
    table["files"] = {path: Made(**_arguments(made)) for path, made in table.get("files", {}).items()}
    table["added"] = _arguments(table.get("added", {}))
    return Contrib(name=place.name, **_arguments(table))


def _arguments(table: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a table, with tuples for its lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def install(contrib: Contrib, root: Root) -> None:
    """Copy a contrib into a root, with links and modes."""
    shutil.copytree(CONTRIBS / contrib.name / "root", root.path, symlinks=True, dirs_exist_ok=True)


@dataclass(frozen=True)
class File:
    """A generated file: its content, or where it leads, with mode and owner."""

    content: bytes
    mode: int
    owner: tuple[int, int]
    link: bool = False


def made_files(root: Root) -> dict[str, File]:
    """Return all files of a root that are made of templates, or by actions, by their paths."""
    found = {}
    for folder, folders, names in os.walk(root.path):
        below = "/" + os.path.relpath(folder, root.path)
        folders[:] = sorted(name for name in folders if os.path.normpath(f"{below}/{name}") not in _NOT_MADE)
        for name in [*names, *(name for name in folders if os.path.islink(os.path.join(folder, name)))]:
            found[os.path.normpath(f"{below}/{name}")] = _file(os.path.join(folder, name))
    return found


def _file(path: str) -> File:
    status = os.lstat(path)
    link = stat.S_ISLNK(status.st_mode)
    content = os.fsencode(os.readlink(path)) if link else content_of(Path(path))
    return File(content, stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid), link)
