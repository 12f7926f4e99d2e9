"""Browsers of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.manager.web.browser import Browser

MakeBrowser = Callable[..., Browser]


@pytest.fixture
def browse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeBrowser]:
    """Make a browser of somebody who is logged in; it takes what the helper answers to which verb."""
    made: list[Browser] = []

    def make(answers: dict[str, Any] | None = None, **more: Any) -> Browser:
        made.append(Browser(tmp_path_factory.mktemp("socket"), answers or {}, **more))
        return made[-1]

    yield make
    for browser in made:
        browser.close()
