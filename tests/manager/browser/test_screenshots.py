"""The pictures in docs/manager.md, made of the pages themselves: ``pytest -m long tests/manager/browser``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.documents import HOME
from tests.manager.browser.clicks import TELEPHONE, job_ends, open_page, preview, set_field, verdicts
from tests.manager.browser.pictures import smaller

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

pytestmark = [pytest.mark.program("chromium", "chromedriver"), pytest.mark.long]

FOLDER = HOME / "docs/screenshots"
#: What all of them may take, in bytes.
MOST = 400_000
_SIZE = (1000, 760)


def test_pictures(admin: Browser) -> None:
    """A form, the preview of a change, its job and the changes are pictures in the document, and small together."""
    admin.size(*_SIZE)
    open_page(admin, "/panel/configuration/email?section=filtering")
    _take(admin, "form")
    set_field(admin, "Spam sensitivity", "High: spam from score 3")
    preview(admin)
    verdicts(admin)
    _take(admin, "preview")
    admin.size(*TELEPHONE)
    admin.media(prefers_color_scheme="dark")
    _take(admin, "telephone")
    admin.size(*_SIZE)
    admin.media()
    admin.click("Apply")
    job_ends(admin)
    _take(admin, "job")
    open_page(admin, "/changes")
    _take(admin, "changes")
    assert sum(path.stat().st_size for path in FOLDER.glob("*.png")) < MOST


def _take(browser: Browser, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    browser.run("scrollTo(0, 0); document.activeElement.blur()")
    (FOLDER / f"{name}.png").write_bytes(smaller(browser.driver.get_screenshot_as_png()))
