"""The desk that the files under test are generated at; the verdicts of real programs are never remembered here."""

from __future__ import annotations

import pytest

from tests.content.desk import desk

__all__ = ["desk"]


@pytest.fixture(autouse=True)
def _real_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each check program for each command (tests/remembered.py)."""
    monkeypatch.setenv("ESMITH_REAL_CHECKS", "1")
