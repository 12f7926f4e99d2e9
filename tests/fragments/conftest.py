"""Fixtures: an empty pair of layers, the perls that were started."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.fragments.perl import engine
from esmith.fragments.perl.process import PerlProcess
from tests.fragments.kit import Trees
from tests.programs import requires_text_template


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    """Templates under a root of their own; there are none yet."""
    return Trees(tmp_path / "root")


@pytest.fixture
def perls(monkeypatch: pytest.MonkeyPatch) -> list[PerlProcess]:
    """Every perl that is started, in order; Text::Template is there."""
    requires_text_template()
    started: list[PerlProcess] = []

    class Counted(PerlProcess):
        """A perl that is counted."""

        def __init__(self, command: list[str], environment: dict[str, str]) -> None:
            super().__init__(command, environment)
            started.append(self)

    monkeypatch.setattr(engine, "PerlProcess", Counted)
    return started
