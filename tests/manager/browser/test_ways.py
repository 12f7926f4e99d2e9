"""A whole change in other ways: without scripts, by the keyboard, by two at once, over the end of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commands import Root
from tests.manager.browser.clicks import BASE, apply, job_ends, open_page, preview, set_field
from tests.manager.browser.conftest import log_in
from tests.manager.browser.site import PASSWORD, Site
from tests.manager.browser.visitor import COOKIE, Visitor

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

pytestmark = pytest.mark.program("chromium", "chromedriver")

FILTERING = "/panel/configuration/email?section=filtering"
DELIVERY = "/panel/configuration/email?section=delivery"
SMART_HOST = "Address of Internet provider's mail server"
VERY_HIGH = "Very high: spam from score 2"
HIGH = "High: spam from score 3"
LOW = "Low: spam from score 7"


@pytest.fixture(autouse=True)
def _start(site_root: Root) -> None:
    """Begin with neither of the two settings set."""
    site_root.config("delprop", "spamassassin", "Sensitivity", "SortSpam", code=None)


def _sensitivity(root: Root) -> str:
    return root.config("getprop", "spamassassin", "Sensitivity", code=None).out.strip()


def _sorted(root: Root) -> str:
    return root.config("getprop", "spamassassin", "SortSpam", code=None).out.strip()


def test_without_scripts(browser: Browser, site_root: Root) -> None:
    """Where no script runs, somebody logs in, sees what would change with the verdicts, applies it and sees the end."""
    with browser.without_scripts():
        log_in(browser)
        open_page(browser, FILTERING)
        set_field(browser, "Spam sensitivity", VERY_HIGH)
        preview(browser)
        assert "required_score 1.99" in browser.text
        browser.click("Apply")
        browser.wait(lambda browser: "/job/" in browser.path, "the page of the job")
        job_ends(browser)
        assert "/etc/mail/spamassassin/local.cf" in browser.text
    assert _sensitivity(site_root) == "veryhigh"
    assert "required_score 1.99" in site_root.read("/etc/mail/spamassassin/local.cf")


def test_by_the_keyboard(browser: Browser, site_root: Root) -> None:
    """With the keys alone somebody logs in, changes a setting and sees the end; each stop can be seen."""
    browser.open(BASE + "/login")
    browser.press_until("input[name=account]")
    browser.press("admin", "TAB", PASSWORD, "ENTER")
    browser.wait(lambda browser: "/login" not in browser.path)
    open_page(browser, FILTERING)
    stops = browser.tab_stops()
    assert [stop.position for stop in stops] == sorted(stop.position for stop in stops)
    assert [stop.element for stop in stops if not stop.is_seen] == []
    browser.press_until_field("Spam sensitivity")
    browser.press("High")
    browser.press_until_field("Sort spam into junkmail folder")
    browser.press("ARROW_DOWN")
    browser.press_until_button("Preview")
    browser.press("ENTER")
    browser.wait_for("This is what will happen")
    browser.press_until_button("Apply")
    browser.press("ENTER")
    job_ends(browser)
    assert (_sensitivity(site_root), _sorted(site_root)) == ("high", "enabled")


def test_two_administrators(admin: Browser, other_browser: Browser, site_root: Root) -> None:
    """Who comes second sees who changed what meanwhile, chooses, and then it is applied; nothing is lost before."""
    log_in(other_browser)
    for browser in (admin, other_browser):
        open_page(browser, FILTERING)
    set_field(admin, "Spam sensitivity", VERY_HIGH)
    apply(admin)
    set_field(other_browser, "Spam sensitivity", LOW)
    set_field(other_browser, "Sort spam into junkmail folder", "Disabled")
    other_browser.click("Preview")
    other_browser.wait_for("Yours: low")
    assert _sensitivity(site_root) == "veryhigh"
    text = other_browser.text
    assert all(part in text for part in ("Changed by admin", "from 127.0.0.1", "Yours: low", "Theirs: veryhigh"))
    other_browser.option("Spam sensitivity", "Yours: low").click()
    other_browser.click("Preview again")
    other_browser.wait_for("This is what will happen")
    other_browser.click("Apply")
    job_ends(other_browser)
    assert (_sensitivity(site_root), _sorted(site_root)) == ("low", "disabled")


@pytest.mark.long
def test_two_who_change_different_things(admin: Browser, other_browser: Browser, site_root: Root) -> None:
    """Changes of other settings of the same page are no conflict."""
    log_in(other_browser)
    for browser in (admin, other_browser):
        open_page(browser, FILTERING)
    set_field(admin, "Spam sensitivity", HIGH)
    apply(admin)
    set_field(other_browser, "Sort spam into junkmail folder", "Enabled")
    apply(other_browser)
    assert (_sensitivity(site_root), _sorted(site_root)) == ("high", "enabled")


def test_the_end_of_a_session_keeps_the_form(browser: Browser, site: Site, site_root: Root) -> None:
    """A form that is sent after the session has ended is there again after the login, and goes on from there."""
    log_in(browser)
    open_page(browser, DELIVERY)
    set_field(browser, SMART_HOST, "typed.example.com")
    cookie = next(each["value"] for each in browser.driver.get_cookies() if each["name"] == COOKIE)
    visitor = Visitor(site.address, {COOKIE: cookie})
    assert visitor.post(BASE + "/logout", {"csrf": visitor.token(BASE + "/")}).status == 303
    browser.click("Preview")
    browser.wait_for("Password")
    browser.field("Account").clear()
    browser.field("Account").send_keys("admin")
    browser.field("Password").send_keys(PASSWORD)
    browser.click("Log in")
    browser.wait_for("What you had typed is still there")
    browser.click("Continue")
    browser.wait_for("SMTPSmartHost")
    browser.click("Apply")
    job_ends(browser)
    assert site_root.config("get", "SMTPSmartHost").out == "typed.example.com\n"
