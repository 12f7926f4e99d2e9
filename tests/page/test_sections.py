"""Every section of the page, from a clean snapshot: each block does what its transcript says, and can be undone."""

from __future__ import annotations

import os

import pytest

from tests.page.conftest import Opener, machine_trouble
from tests.page.play import Player
from tests.page.transcript import Transcript, all_transcripts


@pytest.mark.parametrize("transcript", all_transcripts(), ids=lambda transcript: transcript.name)
def test_section(transcript: Transcript, open_stage: Opener) -> None:
    """Each block of a section changes exactly what its transcript says, and undoing it restores every file."""
    player = Player(open_stage("folder" if machine_trouble() or os.environ.get("PAGE_FOLDER") else "machine"))
    for block in transcript.blocks:
        player.play(transcript, block)
    player.take_back(transcript)
    assert not player.faults, "\n" + "\n".join(player.faults)
