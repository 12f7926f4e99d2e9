"""Contribs in the manner of those of SME Server with faults of each kind, each on the shipped root.

What each has to do is in its ``expected.toml``. The office has settings that wait for an event. The events are
signalled without the contrib, and what they make of all files is remembered; then with it, on a copy of that office.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contribs.kit import Contrib, load_contribs
from tests.contribs.play import Without, cases, play
from tests.reused import CopyRoot


@pytest.mark.parametrize("contrib", cases(contrib for contrib in load_contribs() if not contrib.good))
def test_contrib(contrib: Contrib, without: Without, copy_root: CopyRoot, tmp_path: Path) -> None:
    """Its events end as they have to, its good files are made, and the mail's files are those of events without it."""
    play(contrib, copy_root(without.settled, without.settle), without, tmp_path)
