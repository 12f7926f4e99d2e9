"""One Chromium and one server-manager for all tests here, which one worker plays (tests/conftest.py)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands import Root, copy_prepared
from tests.manager.browser.site import ACCOUNT, PASSWORD, Site, set_password
from tests.manager.browser.visitor import COOKIE, Visitor

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

#: The page that takes least to make; the first one examines the machine.
QUICK = "/server-manager/jobs"


@pytest.fixture(scope="package")
def _chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Browser]]:
    """Return a function that returns the browser of somebody, which is started when the first test wants it."""
    started: dict[str, Browser] = {}

    def browser(whose: str) -> Browser:
        # Here, since to import selenium takes longer than to collect all these tests.
        from tests.manager.browser.chromium import Browser

        if whose not in started:
            started[whose] = Browser(tmp_path_factory.mktemp("chromium"))
        return started[whose]

    yield browser
    for each in started.values():
        each.stop()


@pytest.fixture
def other_browser(_chromium: Callable[[str], Browser], site: Site) -> Browser:
    """A second browser, of somebody else, as new."""
    return _as_new(_chromium("other"), site)


@pytest.fixture(scope="package")
def axe() -> str:
    """The text of axe, which the Makefile installs with the environment of the tests."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found is not None and found.origin is not None, "axe-playwright-python is missing: make .venv/installed-test"
    return Path(found.origin).with_name("axe.min.js").read_text()


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
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
def browser(_chromium: Callable[[str], Browser], site: Site) -> Browser:
    """A browser as new."""
    return _as_new(_chromium("own"), site)


def _as_new(browser: Browser, site: Site) -> Browser:
    browser.base = site.address
    browser.forget()
    return browser


@pytest.fixture
def admin(_chromium: Callable[[str], Browser], site: Site) -> Browser:
    """A browser in which the administrator has logged in, by the form: in this test, or in one before it."""
    browser = _chromium("own")
    if not site.session or Visitor(site.address, {COOKIE: site.session["value"]}).get(QUICK).status != 200:
        log_in(_as_new(browser, site))
        (site.session,) = [cookie for cookie in browser.driver.get_cookies() if cookie["name"] == COOKIE]
    elif browser.base == site.address and browser.session == site.session["value"]:
        # To be as new and to open a page takes a tenth of such a test.
        browser.settle()
    else:
        _as_new(browser, site).use_session(site.session)
    browser.session = site.session["value"]
    return browser


def log_in(browser: Browser) -> None:
    """Log in by the form."""
    assert "/login" not in try_to_log_in(browser), browser.text


def try_to_log_in(browser: Browser, password: str = PASSWORD) -> str:
    """Fill in the form of the login and send it; return the page that is open then."""
    browser.open(f"/server-manager/login?next={QUICK}")
    browser.field("Account").send_keys(ACCOUNT)
    browser.field("Password").send_keys(password)
    browser.send("Log in")
    return browser.path
