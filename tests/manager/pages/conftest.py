"""A browser whose helper answers for an office with hostile values."""

from __future__ import annotations

from typing import Any

import pytest

from tests.manager.pages.answers import ANSWERS
from tests.manager.web.browser import Browser
from tests.manager.web.conftest import MakeBrowser
from tests.manager.web.conftest import browse as browse


@pytest.fixture
def reader(browse: MakeBrowser) -> Browser:
    """Return a browser of somebody who reads there."""
    answers: dict[str, Any] = dict(ANSWERS)
    return browse(answers)
