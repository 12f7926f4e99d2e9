"""What somebody does on the pages, in the words of instructions.toml."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

    from tests.manager.browser.chromium import Browser

#: Where all pages are.
BASE = "/server-manager"
#: The telephone of the requirement, and a desk, in CSS pixels.
TELEPHONE = (360, 740)
DESK = (1280, 900)
_CHOOSE = """
const [select, wanted] = arguments;
const option = [...select.options].find(option => option.textContent.replace(/\\s+/g, ' ').trim() === wanted);
if (!option) return [...select.options].map(option => option.textContent.trim());
option.selected = true;
select.dispatchEvent(new Event('input', {bubbles: true}));
select.dispatchEvent(new Event('change', {bubbles: true}));
return null;
"""


def play(browser: Browser, clicks: Sequence[Sequence[str]]) -> list[str]:
    """Do what the clicks are; return the commands that the pages showed for it, as in a shell."""
    shown: list[str] = []
    for what, *words in clicks:
        if what == "apply":
            shown += apply(browser)
        else:
            _WAYS[what](browser, *words)
    return shown


def open_page(browser: Browser, path: str) -> None:
    """Open a page."""
    browser.open(BASE + path)


def set_field(browser: Browser, label: str, value: str) -> None:
    """Choose a value, or type it."""
    field = browser.field(label)
    if field.tag_name == "select":
        offered = browser.run(_CHOOSE, field, value)
        assert offered is None, f"{label} offers {offered}, and not {value!r}"
    else:
        _type(field, value)


def _type(field: WebElement, value: str) -> None:
    field.clear()
    field.send_keys(value)


def set_lines(browser: Browser, label: str, *values: str) -> None:
    """Type entries, one a line."""
    _type(browser.field(label), "\n".join(values))


def tick(browser: Browser, *labels: str) -> None:
    """Tick boxes."""
    for label in labels:
        box = browser.field(label)
        assert not box.is_selected(), f"{label} is ticked already"
        box.click()


def untick(browser: Browser, *labels: str) -> None:
    """Untick boxes."""
    for label in labels:
        box = browser.field(label)
        assert box.is_selected(), f"{label} is not ticked"
        box.click()


def options(browser: Browser, label: str) -> list[str]:
    """Return what a field offers."""
    found: list[str] = browser.run(
        "return [...arguments[0].options].map(o => o.textContent.replace(/\\s+/g, ' ').trim())", browser.field(label)
    )
    return found


def offered(browser: Browser, label: str, value: str) -> None:
    """See that a choice is offered."""
    assert value in options(browser, label)


def withheld(browser: Browser, label: str, value: str) -> None:
    """See that a choice is not offered."""
    assert value not in options(browser, label)


def apply(browser: Browser) -> list[str]:
    """Press Preview and Apply, wait for the end of the job, and return the commands that the preview showed."""
    browser.click("Preview")
    browser.wait(lambda browser: browser.path.endswith("/preview"), "the preview")
    shown = commands(browser)
    browser.click("Apply")
    job_ends(browser)
    return shown


def commands(browser: Browser) -> list[str]:
    """Return the commands that a page shows."""
    return [line for block in browser.all(".commands") for line in block.text.splitlines()]


def job_ends(browser: Browser, state: str = "done") -> None:
    """Wait until the page of a job shows that it has ended."""
    browser.wait(lambda browser: "/job/" in browser.path, "the page of the job")
    found = browser.wait(_ended, "the end of the job")
    assert found == state, browser.text


def _ended(browser: Browser) -> str:
    found = browser.one("[data-state]").get_attribute("data-state") or ""
    return "" if found == "running" else found


_WAYS: dict[str, Callable[..., None]] = {
    "open": open_page,
    "set": set_field,
    "lines": set_lines,
    "tick": tick,
    "untick": untick,
    "offered": offered,
    "withheld": withheld,
}
