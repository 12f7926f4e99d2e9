"""The page at ``/`` of a machine: what is expected there, the document that says so, and what the player looks at."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import HOME
from tests.page.machine_root import Expected, expectations, file_faults
from tests.page.transcript import Block, FileEffect, all_transcripts

TABLE = HOME / "docs/page.md"
BLOCKS: dict[str, Block] = {block.name: block for transcript in all_transcripts() for block in transcript.blocks}


def _rows() -> dict[str, list[str]]:
    """Return the rows of the table of blocks: line, purpose, result, remarks."""
    found = re.findall(r"^\| (P?\d+) \|(.+)\|$", TABLE.read_text(), re.MULTILINE)
    return {number: [cell.strip() for cell in rest.split("|")] for number, rest in found}


@pytest.mark.parametrize("name", expectations())
def test_the_document_says_it(name: str) -> None:
    """What is otherwise at a machine is in the block's row of docs/page.md, word for word, with the same result."""
    expected, row = expectations()[name], _rows()[name]
    assert expected.says, "a reason is missing"
    assert expected.says in row[3]
    assert expected.result == row[2]


@pytest.mark.parametrize("name", expectations())
def test_it_is_about_the_block(name: str) -> None:
    """Each command, path and service that is expected to be otherwise is one of the block."""
    expected, block = expectations()[name], BLOCKS[name]
    texts = {command.text.split("\n")[0].strip() for command in block.commands}
    assert {*expected.exits, *expected.complains, *expected.seconds} <= texts
    assert set(expected.besides) <= {effect.path for scene in block.scenes for effect in scene.files}
    assert set(expected.services) <= {call.split()[0] for scene in block.scenes for call in scene.services}
    for pattern in (*expected.complains.values(), *expected.proofs.values()):
        re.compile(pattern)


def test_what_differs_is_not_the_rule() -> None:
    """Nine of ten blocks do at a machine to the letter what their transcripts say."""
    assert len(expectations()) <= len(BLOCKS) / 5
    assert all(expected != Expected() for expected in expectations().values())


def _effect(path: Path, state: str = "", *lines: tuple[str, str]) -> FileEffect:
    return FileEffect(str(path), "a place", state, list(lines))


def test_a_file_that_is_as_it_should_be(tmp_path: Path) -> None:
    """A file with the new lines and without the forbidden ones has no faults; nor has a link to the right place."""
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("new\nold\n")
    link.symlink_to("/elsewhere")
    assert file_faults(str(file), _effect(file, "", ("+", "new"), ("!", "bad"), ("-", "gone"))) == []
    assert file_faults(str(link), _effect(link, "-> /elsewhere")) == []
    assert file_faults(str(tmp_path / "none"), _effect(file, "gone")) == []


def test_faults_of_a_file(tmp_path: Path) -> None:
    """Each way in which a file is otherwise than it should be is a fault of its own."""
    file = tmp_path / "file"
    file.write_text("old\nbad\n")
    wanted = ["has no line 'new'", "still has the line 'bad'"]
    assert file_faults(str(file), _effect(file, "", ("+", "new"), ("!", "bad"))) == wanted
    assert file_faults(str(file), _effect(file, "gone")) == ["is still there"]
    assert file_faults(str(file), _effect(file, "-> /x")) == ["leads to no link"]
    assert file_faults(str(tmp_path / "none"), _effect(file)) == ["cannot be read: No such file or directory"]


def test_it_needs_only_the_standard_library() -> None:
    """The player runs on a machine that has python3 and nothing else: it imports no other package."""
    words = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(HOME)!r}); import tests.page.machine_root",
    ]
    assert subprocess.run(words, capture_output=True, text=True, check=False).stderr == ""
