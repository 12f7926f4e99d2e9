"""One Chromium and one server-manager for all tests here, which one worker plays (tests/conftest.py)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands import Root, copy_prepared
from tests.manager.browser.site import ACCOUNT, PASSWORD, Site, set_password
from tests.manager.browser.visitor import COOKIE

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser


@pytest.fixture(scope="session")
def _chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Browser]]:
    """Return a function that returns the browser, which is started when the first test wants it."""
    started: list[Browser] = []

    def browser() -> Browser:
        # Here, since to import selenium takes longer than to collect all these tests.
        from tests.manager.browser.chromium import Browser

        if not started:
            started.append(Browser(tmp_path_factory.mktemp("chromium")))
        return started[0]

    yield browser
    for each in started:
        each.stop()


@pytest.fixture
def other_browser(tmp_path: Path, site: Site) -> Iterator[Browser]:
    """A second browser, of somebody else."""
    from tests.manager.browser.chromium import Browser

    browser = Browser(tmp_path / "chromium")
    browser.base = site.address
    yield browser
    browser.stop()


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe, which the Makefile installs with the environment of the tests."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None and found.origin is not None, "axe-playwright-python is missing: make .venv/installed-test"
    return Path(found.origin).with_name("axe.min.js").read_text()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, _office: Path) -> Iterator[Site]:
    """The server-manager of a small office; all tests here share it. Each sets what it needs first."""
    path = tmp_path_factory.mktemp("site") / "root"
    copy_prepared(_office, path)
    root = Root(path)
    # docs/page.md, P4, makes this user.
    root.db("accounts", "delete", "maillog")
    for name in ("/etc/passwd", "/etc/group"):
        root.write(name, "".join(f"{line}\n" for line in root.lines(name) if not line.startswith("maillog:")))
    root.signal("email-update")
    set_password(root)
    site = Site(root)
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def site_root(site: Site) -> Root:
    """The root of that office."""
    return site.root


@pytest.fixture(autouse=True)
def _log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have pytest show beside a failure what the processes wrote meanwhile."""
    site: Site | None = request.getfixturevalue("site") if "site" in request.fixturenames else None
    begin = site.log.stat().st_size if site else 0
    yield
    if site:
        print(site.log.read_bytes()[begin:].decode(errors="replace"))


@pytest.fixture
def browser(_chromium: Callable[[], Browser], site: Site) -> Iterator[Browser]:
    """A browser as new, at the login page."""
    browser = _chromium()
    browser.base = site.address
    browser.forget()
    yield browser


@pytest.fixture
def admin(browser: Browser, site: Site) -> Browser:
    """A browser in which the administrator has logged in, by the form: in this test, or in one before it."""
    if site.session:
        browser.use_session(site.session)
        browser.open("/server-manager/")
    if not site.session or "/login" in browser.path:
        log_in(browser)
        (site.session,) = [cookie for cookie in browser.driver.get_cookies() if cookie["name"] == COOKIE]
    return browser


def log_in(browser: Browser) -> None:
    """Log in by the form."""
    assert "/login" not in try_to_log_in(browser), browser.text


def try_to_log_in(browser: Browser, password: str = PASSWORD) -> str:
    """Fill in the form of the login and send it; return the page that is open then."""
    browser.open("/server-manager/login")
    browser.field("Account").send_keys(ACCOUNT)
    browser.field("Password").send_keys(password)
    browser.send("Log in")
    return browser.path
