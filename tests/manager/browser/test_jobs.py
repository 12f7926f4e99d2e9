"""A job goes on: over a reload, a closed window, the end of the processes; and each time it is known how it ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.commands import Root
from tests.manager.browser.clicks import apply, job_ends, open_page, preview, set_field
from tests.manager.browser.conftest import log_in, try_to_log_in
from tests.manager.browser.site import Site

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

pytestmark = pytest.mark.program("chromium", "chromedriver")

DELIVERY = "/panel/configuration/email?section=delivery"
SMART_HOST = "Address of Internet provider's mail server"
#: How long to wait for what takes a moment, in seconds.
PATIENCE = 60.0
#: An action that waits for the test: it has begun when ``waits`` is there, and goes on when ``go`` is.
_WAITING = """#!/bin/sh
echo $$ >"$ESMITH_ROOT/waits"
i=0
while [ ! -e "$ESMITH_ROOT/go" ] && [ $i -lt 1200 ]; do i=$((i+1)); sleep 0.05; done
rm -f "$ESMITH_ROOT/waits" "$ESMITH_ROOT/go"
[ ! -e "$ESMITH_ROOT/fails" ] || { echo "the action fails" >&2; exit 1; }
"""
_ACTION = "/etc/e-smith/events/email-update/S10waits"


@pytest.fixture
def waiting(site_root: Root) -> Iterator[Root]:
    """The root, in which an event waits for the test."""
    site_root.write(_ACTION, _WAITING, mode=0o755, shipped=True)
    yield site_root
    # What a test leaves that failed.
    end = time.monotonic() + PATIENCE
    while site_root.file("/waits").exists() and time.monotonic() < end:
        _go(site_root)
        time.sleep(0.05)
    site_root.file(_ACTION).unlink()
    for name in ("/waits", "/go", "/fails"):
        site_root.file(name).unlink(missing_ok=True)


def _begin(browser: Browser, root: Root, name: str) -> None:
    """Apply a change whose event waits, and be on the page of the job."""
    open_page(browser, DELIVERY)
    set_field(browser, SMART_HOST, name)
    preview(browser)
    browser.click("Apply")
    browser.wait(lambda browser: "/job/" in browser.path, "the page of the job")
    browser.wait(lambda _: root.file("/waits").exists() and root.read("/waits"), "the action")


def _go(root: Root) -> None:
    root.write("/go", "")


def _smart_host(root: Root) -> str:
    return root.config("get", "SMTPSmartHost").out.strip()


def test_a_reload_and_a_closed_window(admin: Browser, waiting: Root) -> None:
    """The progress comes line by line; after a reload, and in another window later, none of it is missing."""
    _begin(admin, waiting, "three.example.com")
    admin.wait_for(": waits")
    page = admin.path
    admin.driver.refresh()
    admin.wait_for(": waits")
    admin.open("/server-manager/")
    admin.wait_for("A job is running")
    _go(waiting)
    admin.open(page)
    job_ends(admin)
    assert admin.text.count(": waits") == 1
    assert _smart_host(waiting) == "three.example.com"


def test_a_failed_event(admin: Browser, waiting: Root) -> None:
    """An event that fails shows the message of the engine, and that files and settings are as they were."""
    before = _smart_host(waiting)
    waiting.write("/fails", "")
    _begin(admin, waiting, "eleven.example.com")
    _go(waiting)
    job_ends(admin, "failed")
    assert "S10waits" in admin.text
    assert _smart_host(waiting) == before


def _log_in_again(browser: Browser) -> None:
    """Log in as soon as a helper answers, which has just been started."""
    end = time.monotonic() + PATIENCE
    while "/login" in try_to_log_in(browser):
        assert "does not answer" in browser.text and time.monotonic() < end, browser.text
        time.sleep(0.2)


_ONE = [pytest.param(name, marks=pytest.mark.long) for name in ("web", "helper")]


@pytest.mark.parametrize("killed", [*_ONE, "both"])
def test_processes_are_killed(browser: Browser, site: Site, waiting: Root, killed: str) -> None:
    """The web process, the helper, or both are killed in the middle of a job: it ends, and the next login says so."""
    log_in(browser)
    name = {"web": "web.example.com", "helper": "helper.example.com", "both": "both.example.com"}[killed]
    _begin(browser, waiting, name)
    page = browser.path
    pids = {"web": [site.web], "helper": [site.helper], "both": [site.web, site.helper]}[killed]
    # serve gives up on what ends at once.
    site.kill(*pids)
    _go(waiting)
    browser.forget()
    _log_in_again(browser)
    browser.open(page)
    job_ends(browser)
    assert _smart_host(waiting) == name


def test_the_job_is_killed(browser: Browser, site: Site, waiting: Root) -> None:
    """A job that is killed together with helper and web process is recovered: settings are restored, and it says so."""
    log_in(browser)
    before = _smart_host(waiting)
    _begin(browser, waiting, "killed.example.com")
    page = browser.path
    action = int(waiting.read("/waits"))
    job = _parent(action)
    os.kill(job, signal.SIGKILL)
    os.kill(action, signal.SIGKILL)
    waiting.file("/waits").unlink()
    site.kill(site.web, site.helper)
    browser.forget()
    _log_in_again(browser)
    browser.open(page)
    job_ends(browser, "killed")
    end = time.monotonic() + PATIENCE
    while _smart_host(waiting) != before:
        assert time.monotonic() < end
        time.sleep(0.05)


def _parent(pid: int) -> int:
    """Return the process that has started another one (proc(5): stat, field 4)."""
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


@pytest.mark.long
def test_what_is_pending_after_all(admin: Browser, waiting: Root) -> None:
    """A change after all of that goes through as before."""
    _go(waiting)
    open_page(admin, DELIVERY)
    set_field(admin, SMART_HOST, "four.example.com")
    apply(admin)
    assert _smart_host(waiting) == "four.example.com"
