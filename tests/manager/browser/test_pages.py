"""Each page for each reader: no barriers that axe finds, no sideways scroll, nothing against the policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from tests.manager.browser.clicks import DESK, TELEPHONE, open_page, set_field

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

pytestmark = pytest.mark.program("chromium", "chromedriver")

PAGES = (
    "/",
    "/panel/configuration/email?section=access",
    "/panel/configuration/email?section=filtering",
    "/panel/configuration/email?section=reception",
    "/panel/configuration/email?section=delivery",
    "/panel/configuration/wbl?section=black",
    "/panel/configuration/wbl?section=white",
    "/panel/configuration/wbl?section=spamassassin",
    "/panel/configuration/dns",
    "/panel/configuration/domains",
    "/panel/configuration/domains/record/example.com",
    "/panel/collaboration/users",
    "/panel/collaboration/users/new",
    "/panel/collaboration/users/record/tom",
    "/panel/collaboration/users/record/tom/password",
    "/panel/collaboration/users/record/tom/lock",
    "/panel/collaboration/users/record/tom/delete",
    "/panel/collaboration/groups",
    "/panel/collaboration/pseudonyms",
    "/panel/security/localnetworks",
    "/jobs",
    "/changes",
    "/changes/3",
    "/generations",
    "/services",
    "/health",
    "/settings",
    "/settings/configuration",
    "/settings/configuration/new",
    "/settings/configuration/record?key=spamassassin",
    "/search?q=spam",
    "/sessions",
    "/nothing-here",
)
#: The first revision and generation have hundreds of lines, which axe looks at for half a minute.
LONG = ("/changes/1", "/generations/1", "/generations/2")
#: Sizes and colours, which pages have in turn: axe takes a second for a page. The long form looks at all of all.
LOOKS = ((TELEPHONE, "light"), (DESK, "dark"))
ALL_LOOKS = tuple((size, scheme) for size in (TELEPHONE, DESK) for scheme in ("light", "dark"))


def test_pages(admin: Browser, axe: str) -> None:
    """axe finds no barrier, in one size and colour or the other; in none a page is too wide; the policy is kept."""
    found = []
    for number, page in enumerate(PAGES):
        found += [f"{page}: {fault}" for fault in look(admin, axe, page, LOOKS[number % 2 :][:1])]
        for size, _ in LOOKS:
            admin.size(*size)
            found += [f"{page} {size[0]} px: {wide}" for wide in admin.overflow()]
    assert found == []


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES + LONG)
def test_each_page_in_each_look(admin: Browser, axe: str, page: str) -> None:
    """The same for all pages, in both colours at both sizes, and in the colours of the user."""
    assert look(admin, axe, page, ALL_LOOKS) == []
    admin.media(forced_colors="active", prefers_contrast="more", prefers_color_scheme="dark")
    assert admin.overflow() == []


def test_the_login(browser: Browser, axe: str) -> None:
    """The page for those who are not logged in is like the others, also after a wrong password."""
    assert look(browser, axe, "/login") == []
    set_field(browser, "Account", "admin")
    set_field(browser, "Password", "wrong")
    browser.send("Log in")
    assert "wrong" in browser.text
    assert look(browser, axe, None) == []


def look(
    browser: Browser, axe: str, page: str | None, looks: Iterable[tuple[tuple[int, int], str]] = LOOKS
) -> list[str]:
    """Look at a page in sizes and colours; return what is wrong with it.

    :param page: its address; None for the one that is open.
    """
    found: list[str] = []
    if page is not None:
        open_page(browser, page)
    found += [f"no title: {browser.driver.title!r}"] if "server-manager" not in browser.driver.title else []
    for size, scheme in looks:
        browser.size(*size)
        browser.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        found += [f"{size[0]} px: {wide}" for wide in browser.overflow()]
        found += [f"{size[0]} px, {scheme}: {barrier}" for barrier in browser.violations(axe)]
    browser.media()
    # What the browser itself says about an error page is no fault of the page.
    found += [line for line in browser.complaints() if " 404 " not in line and " 403 " not in line]
    return found


def test_a_script_of_this_host_gets_parts_only(admin: Browser) -> None:
    """The examination comes by itself, with the token; a page is not given to a script, even one of the same host."""
    admin.open("/server-manager/health")
    admin.wait_for("The machine was examined.")
    ask = "r = new XMLHttpRequest(); r.open('GET', arguments[0], false); r.send(); return [r.status, r.responseText]"
    status, text = admin.run(ask, "/server-manager/sessions")
    assert (status, 'name="csrf"' in text) == (403, False)
