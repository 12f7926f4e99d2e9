"""Playing the transcripts of the documents: what is typed, and whether what is printed is what the document shows."""

from __future__ import annotations

import os
import re
import subprocess

from tests import forks
from tests.commands import TIMEOUT_SECONDS, Root
from tests.documents import Block

PROGRAMS = ("config", "db", "signal-event", "expand-template", "esmith", "qpsmtpd-print-dns")
#: Folders of the configured system; for other programs than ours the session puts them below its root.
ON_DISK = re.compile(r"(?:(?<=[\s>])|(?<=\s['\"]))/(?=(?:etc|var|home|sbin|service)/)")
MARK = "\x1e"


def commands(block: Block) -> list[tuple[str, str]]:
    """Return what is typed and what is printed, command by command."""
    found: list[tuple[str, str]] = []
    for line in block.text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:], ""))
            continue
        typed, printed = found.pop()
        goes_on = line.startswith(">") and not printed
        found.append((typed + (line[2:] or "\n"), "") if goes_on else (typed, printed + line))
    return found


def play(root: Root, typed: list[str]) -> list[tuple[int, str]]:
    """Run commands in one shell and return the exit code of each and what it printed."""
    script = "exec 2>&1\n"
    for command in typed:
        first, _, rest = command.partition("\n")
        if first.split()[0] not in PROGRAMS:
            first = ON_DISK.sub(lambda _: f"{root.path}/", first)
        script += f"{first}\n{rest}printf '{MARK}%s{MARK}' $?\n"
    path = f"{root.path}/sbin/e-smith:{os.environ['PATH']}"
    env = {"ESMITH_ROOT": str(root.path), "PATH": path, "LC_ALL": "C.UTF-8"}
    forks.install_clients(root.file("/sbin/e-smith"), root.path.with_name("commands"), env)
    done = subprocess.run(
        ["sh", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=root.path,
        env=env,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    texts = done.stdout.decode().split(MARK)
    assert len(texts) == 2 * len(typed) + 1, f"the session ended early: {texts[-1]}{done.stderr.decode()}"
    place = re.escape(str(root.path))
    printed = [re.sub(place, "/", re.sub(f"{place}(?=/)", "", text)) for text in texts[::2]]
    return [(int(code), text) for text, code in zip(printed, texts[1::2], strict=False)]


def matches(expected: str, printed: str) -> bool:
    """Return whether a command printed what is expected, where ``...`` stands for anything."""
    lines = (re.escape(line).replace(r"\.\.\.", ".*") for line in expected.splitlines(keepends=True))
    pattern = "".join(r"(?:.*\n)*" if line == ".*\\\n" else line for line in lines)
    return re.fullmatch(pattern, printed) is not None
