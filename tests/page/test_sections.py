"""Every section of the page, from a clean snapshot: each block does what its transcript says, and can be undone."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.page.conftest import kind_of_stage, machine_trouble, open_stage_in
from tests.page.play import play_section
from tests.page.transcript import Block, Transcript, all_transcripts

pytestmark = [pytest.mark.usefixtures("better_stage"), pytest.mark.each_case]

NEEDING = [transcript for transcript in all_transcripts() if any(block.needs for block in transcript.blocks)]


def _marks(transcript: Transcript) -> list[pytest.MarkDecorator]:
    """Return the marks of a section that is played whole."""
    needs = {need for block in transcript.blocks for need in block.needs}
    marks = [pytest.mark.program(*sorted(needs - {"machine"}))]
    if "machine" in needs:
        reason = machine_trouble() or "not possible here: PAGE_STAGE asks for a folder"
        marks.append(pytest.mark.skipif(kind_of_stage() != "machine", reason=reason))
    return marks


def _play(transcript: Transcript, blocks: list[Block], page_office: Path, tmp_path: Path) -> None:
    # What programs report about the files shows when the whole page is typed: the same commands run there.
    opener = functools.partial(open_stage_in, tmp_path, page_office, kind_of_stage(), checked=False)
    faults = play_section(opener, transcript, blocks)
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize("transcript", all_transcripts(), ids=lambda transcript: transcript.name)
def test_section(transcript: Transcript, page_office: Path, tmp_path: Path) -> None:
    """Each block of a section changes exactly what its transcript says, and undoing it restores every file.

    Blocks that need a program or a machine are left out here.
    """
    blocks = [block for block in transcript.blocks if not block.needs]
    _play(transcript, blocks, page_office, tmp_path)


@pytest.mark.parametrize(
    "transcript", [pytest.param(transcript, id=transcript.name, marks=_marks(transcript)) for transcript in NEEDING]
)
def test_whole_section(transcript: Transcript, page_office: Path, tmp_path: Path) -> None:
    """The same of a whole section, where all that its blocks need is there."""
    _play(transcript, transcript.blocks, page_office, tmp_path)
