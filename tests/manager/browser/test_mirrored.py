"""The pages in a language that is written from right to left, and whose texts are longer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from esmith.layout import Layout
from tests.commands import Root
from tests.documents import HOME
from tests.manager.browser.clicks import DESK, TELEPHONE, open_page
from tests.manager.browser.mirrored import LANGUAGE
from tests.manager.browser.site import Site

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

pytestmark = pytest.mark.program("chromium", "chromedriver")

PAGES = (
    "/",
    "/panel/configuration/email?section=filtering",
    "/panel/collaboration/users",
    "/changes",
    "/services",
    "/search?q=spam",
)
#: Where axe finds fault with the direction, if it does: a form, and a table.
BOTH = ("/panel/configuration/email?section=filtering", "/panel/collaboration/users")


@pytest.fixture(scope="module")
def mirrored(site: Site) -> Iterator[str]:
    """The address of a second web process, of the same helper, in that language."""
    socket = Layout(str(site.root.path)).manager_socket
    words = [sys.executable, "-m", "tests.manager.browser.mirrored", socket]
    with subprocess.Popen(words, cwd=HOME, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def test_pages_from_right_to_left(admin: Browser, axe: str, mirrored: str, site_root: Root) -> None:
    """The page begins at the right, in both sizes nothing is wider than it, and axe finds no barrier."""
    # So that the fields are seen that depend on it.
    site_root.config("setprop", "spamassassin", "Sensitivity", "custom", "SubjectTag", "enabled")
    admin.base = mirrored
    admin.speak(LANGUAGE)
    found: list[str] = []
    for page in PAGES:
        open_page(admin, page)
        assert admin.run("return [document.documentElement.dir, document.documentElement.lang]") == ["rtl", LANGUAGE]
        for size in (TELEPHONE, DESK):
            admin.size(*size)
            found += [f"{page} {size[0]} px: {wide}" for wide in admin.overflow()]
            middle = "const box = document.querySelector('h1').getBoundingClientRect(); return innerWidth - box.right;"
            assert admin.run(middle) < size[0] / 2, page
        # axe looks at the others in the usual direction, and takes longer than all else.
        if page in BOTH:
            found += [f"{page}: {barrier}" for barrier in admin.violations(axe) if "lang-valid" not in barrier]
    assert found == []
