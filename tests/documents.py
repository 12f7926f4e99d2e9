"""The documents as tests read them: their headings and their fenced blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
DOCUMENTS = [HOME / "README.md", HOME / "CHANGELOG.md", HOME / "CONTRIBUTING.md", *sorted((HOME / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :param section: the heading it is under.
    :param line: the number of its first line.
    :param needs: the programs and modules of Perl it cannot do without.
    """

    document: Path
    section: str
    line: int
    text: str
    needs: tuple[str, ...] = ()


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and Forgejo make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def headings(document: Path) -> list[tuple[int, int, str]]:
    """Return line, level and text of every heading."""
    found, fenced = [], False
    for number, line in enumerate(document.read_text().splitlines()):
        fenced ^= line.startswith("```")
        heading = re.match(r"(#+) (.*)", line)
        if heading and not fenced:
            found.append((number, len(heading[1]), heading[2]))
    return found


def blocks(language: str) -> list[Block]:
    """Return every fenced block in a language."""
    found = []
    for document in DOCUMENTS:
        section, start, words = "", 0, [""]
        lines = document.read_text().splitlines(keepends=True)
        titles = {number: text for number, _, text in headings(document)}
        for number, line in enumerate(lines):
            section = titles.get(number, section)
            if line.startswith("```") and not start:
                start, words = number + 1, line[3:].split() or [""]
            elif line.startswith("```"):
                if words[0] == language:
                    assert words[1:2] in ([], ["needs"]), f"{document.name}:{start}: not understood: {words}"
                    found.append(Block(document, section, start + 1, "".join(lines[start:number]), tuple(words[2:])))
                start = 0
    return found


def section(name: str, heading: str) -> str:
    """Return the text below a heading of a document of docs/, with all that is below that in turn."""
    document = HOME / "docs" / name
    lines, found = document.read_text().splitlines(), headings(document)
    starts = [(number, level) for number, level, text in found if text == heading]
    assert len(starts) == 1, f"{name} has {len(starts)} headings {heading!r}"
    start, level = starts[0]
    end = min((number for number, other, _ in found if number > start and other <= level), default=len(lines))
    return "\n".join(lines[start + 1 : end])


def rows(text: str) -> list[list[str]]:
    """Return the cells of the rows of every table, without the heading rows."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rules = {number for number, line in enumerate(lines) if not line.strip("|:- ")}
    found = [line for number, line in enumerate(lines) if not rules & {number, number + 1}]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in found]
