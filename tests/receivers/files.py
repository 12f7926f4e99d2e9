"""The generated files that decide who gets mail, as qmail and qpsmtpd find them on the disk."""

from __future__ import annotations

import posixpath
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
)


@dataclass
class Files:
    """Files and symbolic links, by their paths in the configured system.

    :param texts: what is in each file.
    :param links: where each link leads.
    """

    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> str | None:
        """Return what is in a file, through links; None when there is none."""
        for _ in range(5):
            if path not in self.links:
                break
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), self.links[path]))
        return self.texts.get(path)

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file that is a list: without blanks at the end, empty lines and comments."""
        stripped = (line.rstrip(" \t") for line in (self.read(path) or "").splitlines())
        return [line for line in stripped if line and not line.startswith("#")]

    def without(self, path: str, number: int) -> Files:
        """Return the same files, one of them without one of its lines.

        :param number: of the line, from 0.
        """
        lines = self.texts[path].splitlines(keepends=True)
        del lines[number]
        return self.changed(path, "".join(lines))

    def changed(self, path: str, text: str) -> Files:
        """Return the same files, one of them with another text."""
        return Files(self.texts | {path: text}, self.links)


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
                files.texts[path] = target.read_text()
        elif kind is Kind.SYMLINK:
            files.links[path] = content.decode()
        elif kind is Kind.FILE:
            files.texts[path] = content.decode()
    return files


def installed(root: Path) -> Files:
    """Return the files as they are on the disk of a root."""
    files = Files()
    for area in (CONTROL, "/var/qmail/users", ALIAS, CONFIG, "/home/e-smith"):
        for path in (root / area.lstrip("/")).rglob("*"):
            name = "/" + str(path.relative_to(root))
            if path.is_symlink():
                files.links[name] = str(path.readlink())
            elif path.is_file() and "/db/" not in name:
                files.texts[name] = path.read_text(errors="replace")
    return files
