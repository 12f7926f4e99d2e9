"""The commands of the move, as docs/sme-server.md has them. Standard library only: it is used on bare machines."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/sme-server.md"
#: What stands in the document for the old server, before a path of it.
OLD = "root@old.example.com:"
#: What the import, and later messages, show as the cure.
_CURE = re.compile(r"^not right for this machine: .*: ((?:config|db|signal-event) .*)$", re.MULTILINE)


def steps() -> list[tuple[str, str]]:
    """Return the shell of each step of the move, with the heading of the step."""
    text = DOCUMENT.read_text().partition("\n## The move\n")[2].partition("\n### How to go back\n")[0]
    assert text, "the document has no section 'The move'"
    found = []
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        shell = "".join(re.findall(r"^```sh\n(.*?)^```$", body, flags=re.MULTILINE | re.DOTALL))
        if shell:
            found.append((heading, shell))
    return found


def here(shell: str, old: Path) -> str:
    """Return commands that take from a folder what they took from the old server."""
    return shell.replace(OLD, f"{old}")


def cures(report: str) -> list[list[str]]:
    """Return the commands that correct what is not right for this machine, as a report shows them."""
    return [shlex.split(command) for command in dict.fromkeys(_CURE.findall(report))]
