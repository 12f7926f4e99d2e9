"""Files are changed, and outputs are read, through descriptors; nowhere else in the engine is that done by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = Path(__file__).parent.parent.parent / "esmith"
#: Where the engine touches outputs: what these packages do by name a user could turn elsewhere.
PACKAGES = ("apply", "events", "fragments", "watch", "cli", "mail")
#: Functions of :mod:`os` that act on a name. With a ``dir_fd`` they are meant for :mod:`esmith.disk` alone, too.
BY_NAME = frozenset(
    ("chmod", "chown", "lchown", "link", "symlink", "rename", "replace", "renames", "unlink", "remove", "rmdir")
    + ("removedirs", "mkdir", "makedirs", "mkfifo", "truncate", "utime", "setxattr", "removexattr", "open", "mknod")
)
#: The modules that work by name, and why no user can turn that elsewhere.
EXEMPT = {
    "checks/process.py": "in a mount namespace of its own, where the machine is read-only; no file of a user",
    "checks/views.py": "in a folder that was made this moment, with mode 0700",
    "apply/forget.py": "kept files and logs, in directories that only root may enter",
    "cli/fleet/join.py": "a token that an administrator names on the command line; only read",
    "cli/import_passwords.py": "a file that root names on the command line; only read",
    "cli/output.py": "/dev/null",
    "cli/perl_server.py": "/dev/null",
    "events/actions.py": "a file without a name, for what an action prints",
    "events/stamp.py": "stamps, in a directory that only root may write; of what they name a checksum at most is read",
    "events/stamping.py": "stamps, in a directory that only root may write, and nsswitch.conf",
    "events/lock.py": "the lock, in a directory that only root may write",
    "events/log.py": "the log, in a directory that only root may write",
    "fragments/language.py": "fragments, which nobody else may write",
    "fragments/identity.py": "passwd and group",
    "fragments/original.py": "metadata, which nobody else may write",
    "events/definition.py": "events, which nobody else may write",
    "watch/inotify.py": "only whether somebody writes; nothing is read",
}


def _by_name(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every place where a file is opened or changed by its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            yield node.lineno, "open"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "shutil" and node.attr != "which":
                yield node.lineno, f"shutil.{node.attr}"
            elif node.value.id == "os" and node.attr in BY_NAME:
                yield node.lineno, f"os.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "shutil"):
            names = {alias.name for alias in node.names} - {"which"}
            if node.module == "shutil" or names & BY_NAME:
                yield node.lineno, f"from {node.module} import {', '.join(sorted(names))}"


def _modules() -> list[str]:
    return sorted(str(path.relative_to(ENGINE)) for name in PACKAGES for path in (ENGINE / name).rglob("*.py"))


def test_files_are_changed_by_descriptor_only() -> None:
    """No module that handles outputs opens or changes a file by its name, but those named here with their reason."""
    found = [
        f"{name}:{line} {what}"
        for name in _modules()
        if name not in EXEMPT
        for line, what in _by_name(ast.parse((ENGINE / name).read_text()))
    ]
    assert found == []


@pytest.mark.parametrize("name", EXEMPT)
def test_no_exemption_outlives_its_need(name: str) -> None:
    """Each module that is exempt does work by name; else its exemption goes."""
    assert list(_by_name(ast.parse((ENGINE / name).read_text())))


@pytest.mark.parametrize(
    "text",
    [
        "os.chmod(path, 0o600)",
        "open(path)",
        "shutil.copy2(a, b)",
        "from os import chown",
        "os.link(a, b)",
        "x = os.unlink",
    ],
)
def test_the_search_finds(text: str) -> None:
    """The search finds each way to act by name."""
    assert list(_by_name(ast.parse(text)))
