"""The generated files that decide who gets mail, as qmail and qpsmtpd find them on the disk."""

from __future__ import annotations

import posixpath
import stat
from dataclasses import dataclass, field
from pathlib import Path

from esmith.fragments.rendering import Kind
from esmith.plan.plan import Plan

CONTROL = "/var/qmail/control"
ASSIGN = "/var/qmail/users/assign"
ALIAS = "/var/qmail/alias"
CONFIG = "/var/service/qpsmtpd/config"
HOMES = "/home/e-smith/files/users"

#: The templates of all files that say who gets mail.
TEMPLATES = (
    ASSIGN,
    *(f"{CONTROL}/{name}" for name in ("me", "locals", "rcpthosts", "virtualdomains", "smtproutes", "envnoathost")),
    *(f"{CONTROL}/{name}" for name in ("badrcptto", "doublebounceto", "doublebouncehost")),
    *(f"{CONFIG}/{name}" for name in ("goodrcptto", "badrcptto", "badrcptto_patterns", "peers/0", "peers/local")),
    *(f"{CONFIG}/{name}" for name in ("plugins.static", "relayclients")),
    *(f"{ALIAS}/.qmail-{name}" for name in ("default", "devnull", "localdelivery-default", "shared", "shared-default")),
    *(f"{ALIAS}/.qmail-{name}" for name in ("{key}", "{key}-default")),
    *(f"/home/e-smith/{name}" for name in (".qmail", ".qmail-default", ".qmail-junkmail")),
    *(f"{HOMES}/{{key}}/{name}" for name in (".qmail", ".qmail-default", ".qmail-junkmail")),
    *(
        f"/etc/postfix/{name}"
        for name in ("main.cf", "master.cf", "transport", "virtual", "virtual_domains", "virtual_names")
    ),
)


@dataclass
class Files:
    """Files and symbolic links, by their paths in the configured system.

    :param texts: what is in each file.
    :param links: where each link leads.
    :param modes: the permissions of files and directories, where they are known.
    """

    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)

    def read(self, path: str) -> str | None:
        """Return what is in a file, through links; None when there is none."""
        return self.texts.get(self._target(path))

    def mode(self, path: str) -> int:
        """Return the permissions of a file or a directory, through links; of one that is not known those of most."""
        path = self._target(path)
        return self.modes.get(path, 0o644 if path in self.texts else 0o755)

    def _target(self, path: str) -> str:
        for _ in range(5):
            if path not in self.links:
                break
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), self.links[path]))
        return path

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file that is a list: without blanks at the end, empty lines and comments."""
        stripped = (line.rstrip(" \t") for line in (self.read(path) or "").split("\n"))
        return [line for line in stripped if line and not line.startswith("#")]

    def first(self, path: str) -> str:
        """Return the line of a file that holds one value, which is its first line; "" when there is none."""
        return (self.read(path) or "").split("\n")[0].rstrip(" \t")

    def without(self, path: str, number: int) -> Files:
        """Return the same files, one of them without one of its lines.

        :param number: of the line, from 0.
        """
        lines = self.texts[path].split("\n")
        del lines[number]
        return self.changed(path, "\n".join(lines))

    def changed(self, path: str, text: str) -> Files:
        """Return the same files, one of them with another text."""
        return Files(self.texts | {path: text}, self.links, self.modes)


def planned(plan: Plan) -> Files:
    """Return the files as they will be when a plan is carried out."""
    files = Files()
    for output in plan.outputs:
        kind, content = output.rendering.kind, output.rendering.content
        path = output.path
        if kind is Kind.LEFT:
            target = Path(output.target)
            if target.is_symlink():
                files.links[path] = str(target.readlink())
            elif target.exists():
                files.texts[path] = target.read_bytes().decode()
                files.modes[path] = stat.S_IMODE(target.stat().st_mode)
        elif kind is Kind.SYMLINK:
            files.links[path] = content.decode()
        elif kind is Kind.FILE:
            files.texts[path] = content.decode()
            files.modes[path] = output.mode
    return files


def installed(root: Path) -> Files:
    """Return the files as they are on the disk of a root."""
    files = Files()
    for area in (CONTROL, "/var/qmail/users", ALIAS, CONFIG, "/home/e-smith"):
        top = root / area.lstrip("/")
        for path in (top, *top.rglob("*")):
            name = "/" + str(path.relative_to(root))
            if path.is_symlink():
                files.links[name] = str(path.readlink())
            elif path.is_file() and "/db/" not in name:
                files.texts[name] = path.read_bytes().decode(errors="replace")
                files.modes[name] = stat.S_IMODE(path.stat().st_mode)
            elif path.is_dir():
                files.modes[name] = stat.S_IMODE(path.stat().st_mode)
    return files
