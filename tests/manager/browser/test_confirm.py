"""A change that is rolled back by itself: kept by who confirms it, taken back, or left to its time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from esmith.layout import Layout
from esmith.manager.web.client import Helper
from tests.commands import Root
from tests.manager.browser.clicks import BASE, job_ends, open_page, preview, set_field
from tests.manager.browser.compared import databases, files
from tests.manager.browser.conftest import log_in
from tests.manager.browser.site import Site
from tests.manager.browser.visitor import COOKIE

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

pytestmark = pytest.mark.program("chromium", "chromedriver")

DELIVERY = "/panel/configuration/email?section=delivery"
SMART_HOST = "Address of Internet provider's mail server"
CONFIRM = "Go back by itself unless I confirm"
#: How long to wait for what is rolled back by itself, in seconds.
PATIENCE = 60.0


def _apply(browser: Browser, value: str) -> None:
    open_page(browser, DELIVERY)
    set_field(browser, SMART_HOST, value)
    preview(browser)
    set_field(browser, CONFIRM, "after 5 minutes")
    browser.click("Apply")
    job_ends(browser)


def _smart_host(root: Root) -> str:
    return root.config("get", "SMTPSmartHost").out.strip()


def test_it_is_kept(admin: Browser, site_root: Root) -> None:
    """Each page shows what waits and for how long; who keeps it has it for good."""
    _apply(admin, "kept.example.com")
    open_page(admin, "/")
    assert "Keep this change?" in admin.text
    admin.send("Keep")
    assert "Keep this change?" not in admin.text
    assert _smart_host(site_root) == "kept.example.com"


def test_it_is_taken_back(admin: Browser, site_root: Root) -> None:
    """Who takes it back has files and settings as before."""
    before = databases(site_root), files(site_root)
    _apply(admin, "taken.example.com")
    assert _smart_host(site_root) == "taken.example.com"
    open_page(admin, "/jobs")
    admin.click("Take back")
    job_ends(admin)
    assert (databases(site_root), files(site_root)) == before


def test_nobody_can_confirm_it(admin: Browser, site: Site, site_root: Root) -> None:
    """When the browser is cut off, web process and helper too, all is as before once the time is over."""
    before = databases(site_root), files(site_root)
    cookie = next(each["value"] for each in admin.driver.get_cookies() if each["name"] == COOKIE)
    open_page(admin, DELIVERY)
    # Five minutes are the least that the page offers; the helper takes less.
    operation: dict[str, Any] = {
        "kind": "form",
        "panel": "configuration/email",
        "values": {"smart-host": "cut-off.example.com"},
        "revision": _revision(site_root, cookie),
    }
    job = _ask(site_root, cookie, "apply", operation=operation, confirm=5)
    admin.open(f"{BASE}/job/{job['id']}")
    job_ends(admin)
    assert _smart_host(site_root) == "cut-off.example.com"
    site.stop()
    end = time.monotonic() + PATIENCE
    while (databases(site_root), files(site_root)) != before:
        assert time.monotonic() < end, databases(site_root)
        time.sleep(0.1)
    site.start()
    log_in(admin)
    admin.open(f"{BASE}/changes")
    assert "cut-off.example.com" in admin.text


def _revision(root: Root, session: str) -> int:
    panel: dict[str, Any] = _ask(root, session, "panel", panel="configuration/email")
    return int(panel["revision"])


def _ask(root: Root, session: str, verb: str, **arguments: Any) -> Any:
    """Ask the helper as the web process does."""
    helper = Helper(Layout(str(root.path)).manager_socket)
    return asyncio.run(helper.ask(verb, arguments, session, "127.0.0.1"))
