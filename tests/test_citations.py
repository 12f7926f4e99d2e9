"""What comments, docstrings and documents cite is in this repository.

A citation names a document, a heading of it by its anchor or in quotes, or a block of the wiki page by its number in
docs/page.md::

    docs/schema.md
    docs/schema.md#the-migrations
    docs/schema.md, "The migrations"
    docs/page.md, blocks 86 to 91
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.documents import HOME, headings, slug

FOLDERS = (
    "esmith",
    "tests",
    "docs",
    "bench",
    "templates",
    "templates-custom",
    "templates-default",
    "db",
    "events",
    "services",
    "plugins",
)
OTHERS = ("demo", ".ci")
#: A line that goes on with the citation of the line before it, in any of the languages used here.
_NEXT_LINE = re.compile(r"\s*\n\s*(?:#:?|//|;)?\s*")
_CITATION = re.compile(
    r"""(?<![\w/.-])(?P<file>(?:docs|db)/[\w-]+\.md)
        (?:\#(?P<anchor>[\w-]+)|``?,?\s"(?P<marked>[^"]+)"|,\s"(?P<heading>[^"]+)"|,\s(?P<blocks>blocks?\s\d[\d,\sandto]*))?""",
    re.VERBOSE,
)
#: Documents that are not in the repository, as they were once cited.
FOREIGN = {
    "a design document": r"\bDESIGN\b",
    "a contract": r"\bcli-contract\b",
    "a catalogue": r"\b[Cc]atalogue\b",
    "a numbered section": r"\b[Ss]ections? (?:[A-Z]\b|[A-Z]?\d)",
    "a section by letter and number": r"\((?:see )?[A-H]\.\d+(?:, [A-H]\.\d+)*\)",
    "an issue by its number": r"\bissue \d+\b",
    "a block without its document": r"(?<!docs/page\.md, )\b[Bb]locks? \d+",
}
#: Where blocks are numbered by themselves; tests/page/README.md explains it.
_NUMBERS_BLOCKS = HOME / "tests/page"


def _files() -> Iterator[Path]:
    for folder in (*FOLDERS, *OTHERS):
        for path in sorted((HOME / folder).rglob("*")):
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                yield path
    yield from (path for path in sorted(HOME.iterdir()) if path.suffix in (".md", ".toml") or path.name == "Makefile")


@cache
def _text(path: Path) -> str:
    """Return a file as one line, so that a citation may go on in the next."""
    return _NEXT_LINE.sub(" ", path.read_bytes().decode(errors="replace"))


@cache
def _headings(document: Path) -> list[str]:
    return [text for _, _, text in headings(document)]


@cache
def _blocks() -> set[int]:
    rows = re.findall(r"^\| (\d+) \|", (HOME / "docs/page.md").read_text(), re.MULTILINE)
    return set(map(int, rows))


def _fault(citation: re.Match[str]) -> str:
    """Return what is wrong with a citation, "" when it leads somewhere."""
    document = HOME / citation["file"]
    if not document.is_file():
        return "there is no such document"
    if citation["anchor"] and citation["anchor"] not in map(slug, _headings(document)):
        return "there is no such anchor"
    heading = citation["heading"] or citation["marked"]
    if heading and heading not in (text.replace("`", "") for text in _headings(document)):
        return "there is no such heading"
    if citation["blocks"]:
        numbers = set(map(int, re.findall(r"\d+", citation["blocks"])))
        if citation["file"] != "docs/page.md" or not numbers <= _blocks():
            return "there is no such block"
    return ""


def _faults(text: str) -> list[str]:
    found = ((citation[0], _fault(citation)) for citation in _CITATION.finditer(text))
    return [f"{cited}: {fault}" for cited, fault in found if fault]


def test_every_citation_leads_somewhere() -> None:
    """Each document, heading, anchor and block that a file cites exists."""
    found = {str(path.relative_to(HOME)): _faults(_text(path)) for path in _files() if path != Path(__file__)}
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("what", FOREIGN)
def test_nothing_outside_is_cited(what: str) -> None:
    """No file refers to a document that a reader of this repository does not have."""
    numbered = what == "a block without its document"
    found = {}
    for path in _files():
        if path == Path(__file__) or numbered and _NUMBERS_BLOCKS in path.parents:
            continue
        cited = re.findall(FOREIGN[what], _text(path))
        if cited:
            found[str(path.relative_to(HOME))] = cited
    assert found == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("docs/nowhere.md", "there is no such document"),
        ("docs/schema.md#nowhere", "there is no such anchor"),
        ("db/README.md#nowhere", "there is no such anchor"),
        ('docs/schema.md, "Nowhere"', "there is no such heading"),
        ("docs/page.md, block 99", "there is no such block"),
        ("docs/page.md, blocks 8, 10 and 100", "there is no such block"),
        ("docs/schema.md, block 8", "there is no such block"),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(text: str, fault: str) -> None:
    """A document, heading, anchor or block that does not exist is a fault."""
    (found,) = _faults(f"as it is there ({text}).")
    assert found.endswith(fault)


def test_citations_are_found() -> None:
    """The pattern finds the citations there are, over the end of a line too."""
    count = sum(len(_CITATION.findall(_text(path))) for path in _files() if path.suffix == ".py")
    assert count > 70
    assert _faults(_NEXT_LINE.sub(" ", '#: see docs/schema.md,\n#: "No such\n#: heading"')) != []
