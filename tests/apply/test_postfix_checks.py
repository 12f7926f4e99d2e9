"""The check of Postfix's tables: what it accepts and refuses, and which line it names."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from esmith.checks import own
from esmith.checks.staged import StagedTree
from esmith.layout import Layout
from tests.documents import HOME

GOOD = {
    "virtual": ['# why\n\ntom@localhost tom@localhost\n"a..b"@x.org tom+a@localhost\n', ""],
    "transport": ["x.org smtp:[192.0.2.1]:26\nlocalhost error:5.1.1 no\n"],
    "virtual_names": [
        "if /@(localhost|x\\.org)$/\n/^tom-([a-z\\/]+)@/ tom+$1@localhost\n/^a-(.)/ $$${1}\nendif\n",
        "if !/[+]/\n!/^x/i y\nendif\n",
    ],
}

#: The table, a text, the line that is wrong, and a word of the complaint.
BAD = [
    ("virtual", "a b\nc\n", 2, "has no value"),
    ("virtual", "a b\nA c\n", 2, "there before, in line 1"),
    ("transport", "a b\n c d\n", 2, "begins with a blank"),
    ("virtual_names", "/a b\n", 1, "no expression between slashes"),
    ("virtual_names", "/a(/ b\n", 1, "no regular expression"),
    ("virtual_names", "/a/\n", 1, "has no value"),
    ("virtual_names", "/a/ $1\n", 1, "names a group"),
    ("virtual_names", "/a/ b$@x\n", 1, "names no group"),
    ("virtual_names", "if /a/\n/a/ b\n", 1, "has no endif"),
    ("virtual_names", "endif\n", 1, "endif without an if"),
    ("virtual_names", "if /a/ b\nendif\n", 1, "follows the expression"),
    ("virtual_names", "/a/ b\n /c/ d\n", 2, "begins with a blank"),
]


def _faults(folder: Path, name: str, content: str) -> list[tuple[int, str]]:
    copytree(HOME / "checks", folder / "etc/e-smith/checks")
    layout = Layout(str(folder))
    path = f"/etc/postfix/{name}"
    rule = own.Rules(layout).find("postfix", path)
    assert rule is not None
    return rule(own.File(path, content.encode(), StagedTree(layout))).faults


@pytest.mark.parametrize(("name", "content"), [(name, text) for name, texts in GOOD.items() for text in texts])
def test_what_postfix_reads_is_accepted(tmp_path: Path, name: str, content: str) -> None:
    """Comments, quotes, conditions, negations and groups are no faults."""
    assert _faults(tmp_path, name, content) == []


@pytest.mark.parametrize(("name", "content", "line", "word"), BAD)
def test_what_postfix_misreads_is_refused(tmp_path: Path, name: str, content: str, line: int, word: str) -> None:
    """Postfix skips such a line with a warning in its log, and somebody's mail would go astray."""
    ((number, text),) = _faults(tmp_path, name, content)
    assert number == line
    assert word in text
