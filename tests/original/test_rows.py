"""Each row and each sentence in which the documents compare with the original is tied to the tests that show it."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.documents import HOME, rows, section

#: The sections whose tables compare, with the document of each.
TABLES = {
    "db and config": "original.md",
    "Values and names": "original.md",
    "Templates": "original.md",
    "Events": "original.md",
    "Defaults and migrations": "original.md",
    "Verbs and exit codes": "original.md",
    "Where the sources disagree": "original.md",
    "What differs from the original": "perl.md",
}
#: The sections that are lists of sentences.
LISTS = ("What is kept", "Text files", "Records in Perl", "Fragments", "The steps of an event")
MAPPING: dict[str, dict[str, list[str] | str]] = tomllib.loads(Path(__file__).with_name("rows.toml").read_text())


def _sentences(text: str) -> list[str]:
    """Return the sentences of the points of a list; what follows a colon belongs to its sentence."""
    found: list[str] = []
    for point in re.findall(r"^- (.*?)(?=^- |^$|\Z)", text, re.MULTILINE | re.DOTALL):
        found += re.split(r"(?<=\.)\s+(?=[A-Z`])", " ".join(point.split()))
    return found


def _wanted(heading: str) -> list[str]:
    if heading in LISTS:
        return _sentences(section("original.md", heading))
    return [row[0] for row in rows(section(TABLES[heading], heading))]


@cache
def _tests(path: str) -> dict[str, str | None]:
    """Return the tests of a file, each with its docstring."""
    tree = ast.parse((HOME / path).read_text())
    return {
        node.name: ast.get_docstring(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("heading", [*TABLES, *LISTS])
def test_each_row_has_its_tests(heading: str) -> None:
    """The mapping has each row or sentence of the section, in its order, and no other."""
    assert list(MAPPING[heading]) == _wanted(heading)


@pytest.mark.parametrize("heading", [*TABLES, *LISTS])
def test_each_test_named_is_one(heading: str) -> None:
    """Each test that the mapping names exists and says what it shows; where there is none, a reason is given."""
    for row, tests in MAPPING[heading].items():
        if isinstance(tests, str):
            assert len(tests.split()) > 3, f"{row}: no reason"
            continue
        assert tests, f"{row}: no test"
        for test in tests:
            path, _, name = test.partition("::")
            assert (HOME / path).is_file(), test
            assert _tests(path).get(name), f"{row}: no test {test}, or it does not say what it shows"


def test_sections_are_those() -> None:
    """No section is in the mapping that is not compared, and each table of original.md is."""
    assert list(MAPPING) == [*TABLES, *LISTS]
    every = (HOME / "docs/original.md").read_text()
    found = [heading for heading, document in TABLES.items() if document == "original.md"]
    assert sum(len(rows(section("original.md", heading))) for heading in found) == len(rows(every))


def test_a_row_that_is_not_there_is_found() -> None:
    """The sentences of a list are taken apart as people read them."""
    text = "- One: `a`. Two goes\n  on, here.\n- Three; four.\n\nNot a point.\n"
    assert _sentences(text) == ["One: `a`.", "Two goes on, here.", "Three; four."]
