"""The check that finds names which a loop, a handler or "with" takes over."""

from __future__ import annotations

import ast

import pytest

from tests.taken_over import taken_over


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["name = 1", "for name in x: pass", "print(name)"], ["3 for name"]),
        (["for key, (name, *more) in x: pass"], []),
        (["name = 1", "for key, (_, *name) in x: pass"], ["3 for name"]),
        (["for own in x: pass"], ["2 for own"]),
        (["import os.path", "for os in x: pass"], ["3 for os"]),
        (["if (name := x): pass", "for name in x: pass"], ["3 for name"]),
        (["for name in x: pass", "name = 1"], []),
        (["for name in x: pass", "for name in x: pass"], []),
        (["for name in x: pass", "name = 1", "for name in x: pass"], ["4 for name"]),
        (["name = 1", "with x as name: pass"], ["3 with name"]),
        (["with x as name: pass", "with x as name: pass"], []),
        (["with x as name: pass", "for name in x: pass"], ["3 for name"]),
        (["error = 1", "try: pass", "except OSError as error: pass"], ["4 except error"]),
        (["try: pass", "except OSError as error: pass", "except ValueError as error: pass"], []),
        (["name = 1", "print([name for name in x])"], []),
        (["name = 1", "def inner():", "    for name in x: pass"], []),
        (["def inner(name):", "    for name in x: pass"], ["3 for name"]),
        (["def name(): pass", "for name in x: pass"], ["3 for name"]),
        (["_ = 1", "for _ in x: pass"], []),
    ],
    ids=str,
)
def test_what_takes_over_a_name(lines: list[str], found: list[str]) -> None:
    """The check finds what a parameter, an assignment or an import bound before, in the same function only."""
    text = "\n".join(["def outer(own):", *(f"    {line}" for line in lines)])
    assert taken_over(ast.parse(text)) == found
