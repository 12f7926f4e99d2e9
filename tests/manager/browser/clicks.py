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
_OFFERED = """
const field = arguments[0];
const names = field.options || [...field.querySelectorAll('label')].map(label => label.firstChild);
return [...names].map(name => name.textContent.replace(/\\s+/g, ' ').trim());
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
    if field.tag_name == "fieldset":
        browser.option(label, value).click()
    elif field.tag_name == "select":
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
    found: list[str] = browser.run(_OFFERED, browser.field(label))
    return found


def offered(browser: Browser, label: str, value: str) -> None:
    """See that a choice is offered."""
    assert value in options(browser, label)


def withheld(browser: Browser, label: str, value: str) -> None:
    """See that a choice is not offered."""
    assert value not in options(browser, label)


def apply(browser: Browser) -> list[str]:
    """Press Preview and Apply, wait for the end of the job, and return the commands that the preview showed."""
    preview(browser)
    shown = commands(browser)
    # Or the event has the same files checked by the same programs at the same time.
    verdicts(browser)
    browser.click("Apply")
    job_ends(browser)
    return shown


def preview(browser: Browser) -> None:
    """Press Preview, and wait for the page that shows what would change."""
    browser.click("Preview")
    browser.wait_for("This is what will happen")


def verdicts(browser: Browser) -> None:
    """Wait until a preview shows what the programs say that read the files."""
    browser.wait(lambda browser: not browser.all("[hx-post$='/preview/checks'] [data-with-script]"), "the verdicts")


def commands(browser: Browser) -> list[str]:
    """Return the commands that a page shows."""
    return [line for block in browser.all(".commands pre") for line in block.text.splitlines()]


def job_ends(browser: Browser, state: str = "done") -> None:
    """Wait until the page of a job shows that it has ended, and how."""
    browser.wait(lambda browser: "/job/" in browser.path and browser.all("main .state"), "the page of the job")
    browser.wait(lambda browser: job_state(browser) != "running", "the end of the job")
    assert job_state(browser) == state, browser.text


def job_state(browser: Browser) -> str:
    """Return what the page of a job says about it."""
    return browser.one("main .state").text


_WAYS: dict[str, Callable[..., None]] = {
    "open": open_page,
    "set": set_field,
    "lines": set_lines,
    "tick": tick,
    "untick": untick,
    "offered": offered,
    "withheld": withheld,
}
