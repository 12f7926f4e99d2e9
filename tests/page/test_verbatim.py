"""The transcripts hold the page: its commands letter by letter, all of its blocks, in its order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.page.transcript import Transcript, all_transcripts

#: The lines of the page that hold commands, each after its number.
COMMANDS = Path(__file__).with_name("commands.txt")
TABLE = Path(__file__).parents[2] / "docs/page.md"
BLOCKS = [str(number) for number in range(1, 99)] + [f"P{number}" for number in range(1, 9)]


def _page() -> dict[int, str]:
    lines = (line.split(": ", 1) for line in COMMANDS.read_text().splitlines() if not line.startswith("#"))
    return {int(number): text for number, text in lines}


def _rows() -> dict[str, list[str]]:
    rows = re.findall(r"^\| (P?\d+) \|(.+)\|$", TABLE.read_text(), re.MULTILINE)
    return {number: [cell.strip() for cell in rest.split("|")] for number, rest in rows}


def test_every_block_is_played_once() -> None:
    """The 98 blocks of commands and the 8 instructions for the panel are in the transcripts, each once."""
    found = [block.name for transcript in all_transcripts() for block in transcript.blocks]
    assert sorted(found) == sorted(BLOCKS)


@pytest.mark.parametrize("transcript", all_transcripts(), ids=lambda transcript: transcript.name)
def test_commands_are_the_pages_own(transcript: Transcript) -> None:
    """Every command marked as the page's is on the page as it stands, at or after the line its block names."""
    page = _page()
    for block in transcript.blocks:
        assert (
            block.name.startswith("P")
            or block.name in ("29", "32", "65", "73", "94", "95")
            or any(command.of_page for command in block.commands)
        ), f"block {block.name} has no command of the page"
        line = block.line
        for command in (command for command in block.commands if command.of_page):
            for text in command.text.split("\n"):
                places = [number for number, there in page.items() if number >= line and text.strip() in there]
                assert places, f"{command.place}: not on the page from line {line} on: {text}"
                assert places[0] - block.line < 40, f"{command.place}: only at line {places[0]}: {text}"


def test_blocks_are_in_page_order() -> None:
    """Within a section, blocks follow each other as on the page."""
    for transcript in all_transcripts():
        lines = [block.line for block in transcript.blocks]
        assert lines == sorted(lines), transcript.name


def test_the_table_lists_every_block() -> None:
    """docs/page.md has a row for each block, with the line of the page the transcript gives."""
    rows = _rows()
    lines = {block.name: str(block.line) for transcript in all_transcripts() for block in transcript.blocks}
    assert {name: row[0] for name, row in rows.items()} == lines
    assert {row[2] for row in rows.values()} == {"works", "external", "the page errs"}
    unexplained = [name for name, row in rows.items() if row[2] != "works" and not row[3]]
    assert not unexplained, "external, or wrong on the page, but no reason is given"
