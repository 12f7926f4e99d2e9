"""A real Chromium without a window, driven by chromedriver; nothing of it goes beyond 127.0.0.1."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.manager.browser.clicks import DESK
from tests.programs import path_of

#: Both, for a marker.
NEEDED = ("chromium", "chromedriver")
#: How long something may take to be on a page, in seconds; far above what it takes.
PATIENCE = 60.0
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    # Among them processes that wait for a next page: half of the processor time that a page takes.
    "--disable-features=Translate,OptimizationHints,MediaRouter,PaintHolding,BackForwardCache,"
    "SpareRendererForSitePerProcess,ProactivelySwapBrowsingInstance,RenderDocument",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing moves: without a graphics card each step of a movement is computed.
    "--force-prefers-reduced-motion",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    # Whatever is not this machine does not exist, so that a page that asks for something elsewhere shows it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
#: Text that stands in a label beside what names the field.
_FIELD = """
const wanted = arguments[0];
const text = node => node.textContent.replace(/\\s+/g, ' ').trim();
const names = [...document.querySelectorAll('label, legend')].filter(node => node.checkVisibility());
const exact = names.filter(name => text(name) === wanted);
return (exact.length ? exact : names.filter(name => text(name).startsWith(wanted))).map(
  name => name.tagName === 'LEGEND' ? name.parentElement : name.control).filter(field => field);
"""
#: The radio button in a group whose label is this.
_OPTION = """
const [group, wanted] = arguments;
const text = node => node.textContent.replace(/\\s+/g, ' ').trim();
return [...group.querySelectorAll('label')].filter(
  label => text(label) === wanted || text(label.firstChild) === wanted).map(label => label.control);
"""
_BUTTONS = """
const wanted = arguments[0];
const name = node => (node.getAttribute('aria-label') || node.textContent || node.value).replace(/\\s+/g, ' ').trim();
return [...document.querySelectorAll(arguments[1])].filter(node => name(node) === wanted && node.checkVisibility());
"""


class Stop(NamedTuple):
    """Where TAB leads to.

    :param position: of the element, in the order of the page.
    :param element: its beginning as HTML.
    :param is_seen: whether something shows that it has the focus.
    """

    position: int
    element: str
    is_seen: bool


class Browser:
    """A Chromium with a new profile.

    :param folder: an empty folder for the profile.
    """

    def __init__(self, folder: Path) -> None:
        os.environ["SE_OFFLINE"] = "true"
        options = ChromeOptions()
        options.binary_location = path_of("chromium")
        for option in _OPTIONS:
            options.add_argument(option)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        options.add_argument(f"--user-data-dir={folder}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "OFF"})
        # As a user's home, so that nothing is looked for, or left, in the one of who runs the tests.
        environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        service = Service(path_of("chromedriver"), env=environment)
        self.driver = Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(PATIENCE)
        self.base = ""
        #: The cookie of the session that it has, where that is known.
        self.session = ""
        self.size(*DESK)

    def stop(self) -> None:
        """End it."""
        self.driver.quit()

    def forget(self) -> None:
        """Be as new: no cookies, no page, scripts on, a desk, light."""
        self.session = ""
        self._chrome("Emulation.setScriptExecutionDisabled", value=False)
        self.speak("")
        self.driver.get("about:blank")
        self._chrome("Network.clearBrowserCookies")
        self.settle()

    def settle(self) -> None:
        """Have the usual size and colours, and no complaints of before; the page stays."""
        self.media()
        self.size(*DESK)
        self.complaints()

    def use_session(self, cookie: dict[str, Any]) -> None:
        """Take the cookie of a session."""
        words = {name: cookie[name] for name in ("name", "value", "path", "secure", "httpOnly", "sameSite")}
        self._chrome("Network.setCookie", url=self.base + "/", **words)

    def _chrome(self, command: str, **words: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, words)

    def size(self, width: int, height: int) -> None:
        """Set the size of the page, in CSS pixels."""
        mobile = width < 600
        self._chrome(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    def media(self, **features: str) -> None:
        """Set what the user prefers: ``prefers_color_scheme="dark"``; without words what is usual."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self._chrome("Emulation.setEmulatedMedia", features=named)

    def speak(self, language: str) -> None:
        """Ask for pages in a language from now on, until :meth:`forget`."""
        self._chrome("Network.enable")
        self._chrome("Network.setExtraHTTPHeaders", headers={"Accept-Language": language} if language else {})

    @contextlib.contextmanager
    def without_scripts(self) -> Iterator[None]:
        """Let no script of a page run."""
        self._chrome("Emulation.setScriptExecutionDisabled", value=True)
        try:
            yield
        finally:
            self._chrome("Emulation.setScriptExecutionDisabled", value=False)

    def open(self, path: str) -> None:
        """Open a page of the site.

        :param path: what comes after the address and port.
        """
        self.driver.get(self.base + path)

    @property
    def path(self) -> str:
        """The page that is open, without address and port."""
        return self.driver.current_url.removeprefix(self.base)

    @property
    def text(self) -> str:
        """What can be read on the page."""
        # What the driver itself calls text takes ten times as long to find out.
        text: str = self.run("return document.body.innerText")
        return text

    def run(self, script: str, *words: Any) -> Any:
        """Run a script in the page, and return what it returns."""
        return self.driver.execute_script(script, *words)

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements that a CSS selector names."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Return the first element that a CSS selector names."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def field(self, label: str) -> WebElement:
        """Return the field whose label is this, or begins so when none is."""
        found: list[WebElement] = self.run(_FIELD, label)
        assert len(found) == 1, f"{len(found)} fields are labelled {label!r} on {self.path}:\n{self.text}"
        return found[0]

    def option(self, label: str, value: str) -> WebElement:
        """Return the radio button of a group, by the label of the group and its own."""
        found: list[WebElement] = self.run(_OPTION, self.field(label), value)
        assert len(found) == 1, f"{len(found)} are called {value!r} below {label!r} on {self.path}:\n{self.text}"
        return found[0]

    def click(self, name: str, kind: str = "button, input[type=submit]") -> None:
        """Press the button of this name; with kind "a", follow the link. What comes then is not waited for."""
        found: list[WebElement] = self.run(_BUTTONS, name, kind)
        assert found, f"nothing is called {name!r} on {self.path}:\n{self.text}"
        found[0].click()

    def send(self, name: str) -> None:
        """Press a button and wait for the page that comes then."""
        self.run("window.isOld = true")
        self.click(name)
        self.wait(lambda self: self.run("return !window.isOld && document.readyState === 'complete'"), "the next page")

    def press(self, *keys: str) -> None:
        """Press keys where the focus is: names of keys, as TAB, or text to type."""
        for key in keys:
            ActionChains(self.driver).send_keys(getattr(Keys, key, key) if key.isupper() else key).perform()

    def press_until(self, selector: str) -> None:
        """Press TAB until what a CSS selector names has the focus."""
        self._press_until(
            lambda: bool(self.run("return document.activeElement.matches(arguments[0])", selector)), selector
        )

    def press_until_field(self, label: str) -> None:
        """Press TAB until the field of this label has the focus, or something in the group of this label."""
        is_there = "return arguments[0].contains(document.activeElement)"
        self._press_until(lambda: bool(self.run(is_there, self.field(label))), label)

    def press_until_button(self, name: str) -> None:
        """Press TAB until the button of this name has the focus."""
        self._press_until(lambda: self.run("return document.activeElement") in self.run(_BUTTONS, name, "button"), name)

    def _press_until(self, condition: Callable[[], bool], what: str) -> None:
        for _ in range(_MOST_STOPS):
            if condition():
                return
            self.press("TAB")
        raise AssertionError(f"{what!r} cannot be reached with TAB on {self.path}")

    def tab_stops(self) -> list[Stop]:
        """Return where TAB leads to on this page, from its beginning to its end."""
        self.run("document.activeElement.blur()")
        found: list[Stop] = []
        for _ in range(_MOST_STOPS):
            self.press("TAB")
            position, element, is_seen = self.run(_STOP)
            if found and position <= found[0].position:
                return found
            found.append(Stop(position, element, is_seen))
        raise AssertionError(f"TAB leads to no end on {self.path}")

    def wait(self, condition: Callable[[Browser], Any], what: str = "it") -> Any:
        """Wait until a function of this browser returns something true, and return that."""
        end = time.monotonic() + PATIENCE
        pause = 0.02
        while time.monotonic() < end:
            # The page may be another one between two questions.
            with contextlib.suppress(WebDriverException):
                if found := condition(self):
                    return found
            # To ask takes processor time, which others need when it takes long.
            time.sleep(pause := min(pause * 1.3, 0.3))
        raise AssertionError(f"{what} was not there in time on {self.path}:\n{self.text}")

    def wait_for(self, text: str) -> None:
        """Wait until some text can be read."""
        self.wait(lambda self: text in self.text, repr(text))

    def complaints(self) -> list[str]:
        """Return what the console got since the last time: errors of scripts, of the network, of the policy.

        Not that a page was left while a part of it was fetched; what the policy refuses has lines of its own.
        """
        lines: list[dict[str, Any]] = self.driver.execute("getLog", {"type": "browser"})["value"]
        return [f"{line['level']} {line['message']}" for line in lines if "Failed to fetch" not in line["message"]]

    def overflow(self) -> list[str]:
        """Return what is wider than the page, so that it is to be scrolled sideways; [] when nothing is."""
        found: list[str] = self.run(_WIDER)
        return found

    def violations(self, axe: str) -> list[str]:
        """Return what axe finds on the page: rule, element, reason.

        :param axe: the text of axe.
        """
        if not self.run("return Boolean(window.axe)"):
            self.run(f"{axe}; window.axe = axe;")
        result: dict[str, Any] = self.driver.execute_async_script(_AXE)
        assert "violations" in result, result
        return [
            f"{found['id']}: {json.dumps(node['target'])} {node['html'][:200]} {node['failureSummary']}"
            for found in result["violations"]
            for node in found["nodes"]
        ]


#: More than a page has.
_MOST_STOPS = 300
_STOP = """
const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
const seen = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
return [[...document.querySelectorAll('*')].indexOf(node), node.outerHTML.slice(0, 120),
        seen && box.width > 0 && box.bottom > 0 && box.top < innerHeight];
"""
_AXE = """
const done = arguments[arguments.length - 1];
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']}).then(done, e => done(String(e)));
"""
_WIDER = """
const wide = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= wide) return [];
const scrolls = node => node && node !== document.body && (
  ['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
return [`${document.documentElement.scrollWidth} of ${wide}`].concat([...document.querySelectorAll('body *')].filter(
  node => {
    const box = node.getBoundingClientRect(), rtl = document.documentElement.dir === 'rtl';
    return (rtl ? box.left < -0.5 : box.right > wide + 0.5) && !scrolls(node.parentElement);
  }).map(
  node => node.outerHTML.slice(0, 120)));
"""
