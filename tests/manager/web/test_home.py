"""The start page, and the health in short, which comes after it."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.manager import wire
from tests.manager.fake_helper import FaultError
from tests.manager.web.conftest import MakeBrowser


def test_the_page_waits_for_no_health(browse: MakeBrowser) -> None:
    """The start page does not ask for the health; a script does, and without a script a link leads there."""
    browser = browse()
    page = browser.get("/")
    assert page.status == 200
    assert "health" not in browser.helper.verbs()
    assert 'hx-get="/server-manager/health/short"' in page.text
    assert '<a href="/server-manager/health">What is pending or wrong</a>' in page.text


def test_the_health_in_short(browse: MakeBrowser) -> None:
    """The first five findings are named, each as a fault or a warning, with a link to all."""
    rows = [
        {"severity": "failing" if number == 1 else "warning", "what": f"trouble {number}"} for number in range(1, 8)
    ]
    browser = browse({"health": {"findings": rows}})
    words = browser.get("/health/short").words
    assert browser.helper.arguments("health") == {"doctor": False}
    assert "fault trouble 1 warning trouble 2 warning trouble 3" in words
    assert "trouble 5" in words
    assert "trouble 6" not in words
    assert "7 findings: show them with their cures" in words


@pytest.mark.parametrize(("answer", "text"), [({"findings": []}, "nothing is wrong"), (None, "An event runs.")])
def test_no_findings_and_no_health(browse: MakeBrowser, answer: Any, text: str) -> None:
    """Where nothing is wrong, or that cannot be found out, a sentence says so in the place of the findings."""

    def busy(_arguments: dict[str, Any]) -> Any:
        raise FaultError(wire.BUSY, "An event runs.")

    page = browse({"health": answer or busy}).get("/health/short")
    assert page.status == 200
    assert text in page.words
    assert "<html" not in page.text
