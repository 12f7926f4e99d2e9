"""Every section of the page, from a clean snapshot: each block does what its transcript says, and can be undone."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.page.conftest import kind_of_stage, open_stage_in
from tests.page.play import play_section
from tests.page.transcript import Transcript, all_transcripts
from tests.programs import requires


@pytest.mark.parametrize("transcript", all_transcripts(), ids=lambda transcript: transcript.name)
def test_section(transcript: Transcript, page_office: Path, tmp_path: Path) -> None:
    """Each block of a section changes exactly what its transcript says, and undoing it restores every file."""
    kind = kind_of_stage()
    played = play_section(functools.partial(open_stage_in, tmp_path, page_office, kind), transcript, kind)
    assert not played.faults, "\n" + "\n".join(played.faults)
    for need in {need for block in transcript.blocks for need in block.needs} - {"machine"}:
        requires(*need.split())
    if played.left_out:
        pytest.skip(f"passed, but for blocks {', '.join(played.left_out)}: they need root and mount namespaces")
