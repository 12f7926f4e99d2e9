"""Each page for each reader: no barriers that axe finds, no sideways scroll, nothing against the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.manager.browser.clicks import DESK, TELEPHONE, open_page, set_field

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

pytestmark = pytest.mark.program("chromium", "chromedriver")

#: Each page that is opened by its address.
PAGES = (
    "/",
    "/panel/configuration/email?section=access",
    "/panel/configuration/email?section=filtering",
    "/panel/configuration/email?section=reception",
    "/panel/configuration/email?section=delivery",
    "/panel/configuration/wbl?section=black",
    "/panel/configuration/wbl?section=white",
    "/panel/configuration/wbl?section=spamassassin",
    "/panel/configuration/domains",
    "/panel/configuration/domains/record/example.com",
    "/panel/collaboration/users",
    "/panel/collaboration/users/new",
    "/panel/collaboration/users/record/tom",
    "/panel/collaboration/users/record/tom/delete",
    "/panel/collaboration/users/record/tom/lock",
    "/panel/collaboration/users/record/tom/password",
    "/panel/collaboration/groups",
    "/panel/collaboration/pseudonyms",
    "/panel/security/localnetworks",
    "/jobs",
    "/changes",
    "/changes/1",
    "/generations",
    "/generations/1",
    "/services",
    "/health",
    "/settings",
    "/settings/configuration",
    "/settings/configuration/record?key=spamassassin",
    "/search?q=spam",
    "/nothing-here",
)


@pytest.mark.parametrize("page", PAGES)
def test_a_page(admin: Browser, axe: str, page: str) -> None:
    """axe finds no barrier in either size, light and dark; nothing is wider than a telephone; the policy is kept."""
    look(admin, axe, page)


def test_the_login(browser: Browser, axe: str) -> None:
    """The page for those who are not logged in is like the others, also after a wrong password."""
    look(browser, axe, "/login")
    set_field(browser, "Account", "admin")
    set_field(browser, "Password", "wrong")
    browser.click("Log in")
    browser.wait_for("wrong")
    look(browser, axe, None)


def look(browser: Browser, axe: str, page: str | None) -> None:
    """Look at a page in both sizes and schemes.

    :param page: its address; None for the one that is open.
    """
    found: list[str] = []
    if page is not None:
        open_page(browser, page)
    title = browser.driver.title
    found += [f"no title: {title!r}"] if "server-manager" not in title else []
    for size in (TELEPHONE, DESK):
        browser.size(*size)
        found += [f"{size[0]} px: {wide}" for wide in browser.overflow()]
        for scheme in ("light", "dark"):
            browser.media(prefers_color_scheme=scheme)
            found += [f"{size[0]} px, {scheme}: {barrier}" for barrier in browser.violations(axe)]
    browser.media()
    # What the browser itself says about an error page is no fault of the page.
    found += [line for line in browser.complaints() if " 404 " not in line and " 403 " not in line]
    assert found == []
