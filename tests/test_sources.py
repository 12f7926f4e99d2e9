"""What the rules of tests/test_architecture.py look at is found in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sources import Source, Written, read

NOTHING = Source(0, [], [], [], [], [], [], [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b, c", {"imports": [(2, "a.b"), (2, "c")]}),
        ("if x:\n    from . import a", {"imports": [(3, "package.a")]}),
        ("from ..b import c as d", {"imports": [(2, "b.c")]}),
        ("from os import execv", {"imports": [(2, "os.execv")], "starts": [2]}),
        ("os.spawnv(x)", {"starts": [2]}),
        ("os.popen", {"starts": [2]}),
        ("asyncio.create_subprocess_exec", {"starts": [2]}),
        ("def _a():\n    x\n    x", {"functions": [Written(2, "_a", 3, "")]}),
        ("async def a():\n    'Doc.'", {"functions": [Written(2, "a", 2, "Doc.")]}),
        ("class A:\n    def b(self): x", {"functions": [Written(3, "b", 1, "")], "silent": ["2 A", "3 b"]}),
        ("class _A:\n    def b(self): x", {"functions": [Written(3, "b", 1, "")]}),
        ("try: x\nexcept (OSError, Exception): x", {"swallows": [3]}),
        ("try: x\nexcept: x", {"swallows": [3]}),
        ("try: x\nexcept OSError: x", {}),
        ("run(x, shell=True)", {"shells": [2]}),
        ("run(x, shell=y)", {"shells": [2]}),
        ("run(x, shell=False)", {}),
        ("subprocess.getoutput(x)", {"shells": [2]}),
        ("a = 1\nfor a in x: x", {"taken_over": ["3 for a"]}),
    ],
)
def test_what_is_found(text: str, found: dict[str, Any], tmp_path: Path) -> None:
    """Each thing that a rule is about is found with its line, also inside of others, and nothing else is."""
    path = tmp_path / "package/module.py"
    path.parent.mkdir()
    path.write_text(f'"""Doc."""\n{text}\n')
    assert read(path, tmp_path) == NOTHING._replace(lines=text.count("\n") + 2, **found)


def test_a_module_without_a_docstring(tmp_path: Path) -> None:
    """A module that nothing describes is found."""
    (tmp_path / "a.py").write_text("a = 1\n")
    assert read(tmp_path / "a.py", tmp_path) == NOTHING._replace(lines=1, silent=[""])
