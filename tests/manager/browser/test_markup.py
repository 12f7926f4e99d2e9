"""Markup and template syntax in all that is stored is text on each page that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.commands import Root
from tests.manager.browser.clicks import apply, open_page, preview, set_field, verdicts

if TYPE_CHECKING:
    from tests.manager.browser.chromium import Browser

pytestmark = pytest.mark.program("chromium", "chromedriver")

#: Were it markup, there would be an element of this class, and a script would run; were it a template, there were 1337.
EVIL = """'"><img src=x class=evil onerror=alert(1)><script class=evil>alert(2)</script>{{7*191}}${7*191}{%x%}"""
EVIL += "</textarea></select></pre>"
#: For what may not have all of these signs.
SHORT = "<i class=evil>{{7*191}}"
#: What can be read on a page, also in its fields.
_EVERYTHING = """
const fields = [...document.querySelectorAll('input, textarea, option')];
return document.body.textContent + fields.map(field => field.value).join();
"""
#: Each page, and whether what is stored is shown there.
PAGES = (
    ("/", False),
    ("/panel/configuration/email?section=filtering", True),
    ("/panel/configuration/email?section=delivery", False),
    ("/panel/configuration/wbl?section=spamassassin", True),
    ("/panel/configuration/domains", True),
    ("/panel/configuration/domains/record/evil.example", True),
    ("/panel/collaboration/users", True),
    ("/panel/collaboration/users/record/tom", True),
    ("/panel/collaboration/users/record/tom/delete", False),
    ("/panel/collaboration/groups", True),
    ("/panel/miscellaneous/evil", True),
    ("/changes", True),
    ("/changes?q=evil", True),
    ("/settings/domains", False),
    ("/settings/domains/record?key=evil.example", True),
    ("/settings/configuration/record?key=evil", True),
    ("/settings/accounts/record?key=tom", True),
    ("/search?q=%3Ci%20class%3Devil%3E%7B%7B7*191%7D%7D", True),
    ("/services", False),
    ("/health", False),
    ("/jobs", False),
    ("/%3Ci%20class%3Devil%3E", False),
    ("/login?next=%22%3E%3Ci%20class%3Devil%3E", False),
)


@pytest.fixture(scope="module", autouse=True)
def _stored(site_root: Root) -> Iterator[None]:
    before = _last_revision(site_root)
    site_root.config("setprop", "spamassassin", "Subject", EVIL)
    site_root.config("set", "evil", "service", "Text", EVIL, "Other", SHORT)
    site_root.db("domains", "set", "evil.example", "domain", "Description", EVIL)
    site_root.db("accounts", "setprop", "tom", "FirstName", EVIL, "LastName", SHORT, "Street", EVIL)
    site_root.db("accounts", "setprop", "group1", "Description", EVIL)
    site_root.db("spamassassin", "setprop", "wbl.global", SHORT, "White")
    panel = f'heading = {_toml(EVIL)}\nhelp = {_toml(EVIL)}\n[[sections]]\nname = "one"\nheading = {_toml(SHORT)}\n'
    panel += f'help = {_toml(EVIL)}\n[[sections.fields]]\nsetting = "configuration SMTPSmartHost"\n'
    panel += f"label = {_toml(EVIL)}\nhelp = {_toml(EVIL)}\n[[sections.fields]]\nnote = {_toml(EVIL)}\n"
    file = site_root.write("/etc/e-smith/panels-custom/miscellaneous/evil.toml", panel)
    yield
    file.unlink()
    for number in range(_last_revision(site_root), before, -1):
        site_root.esmith("undo", "--force", str(number))


def _last_revision(root: Root) -> int:
    return int(json.loads(root.esmith("history", "--limit", "1", "--json").out)[0]["revision"])


def _toml(text: str) -> str:
    return f"'''{text}'''"


def test_pages(admin: Browser) -> None:
    """What is stored is shown letter by letter where it is shown, and is nowhere an element, a script or a template."""
    for page, is_shown in PAGES:
        open_page(admin, page)
        _look(admin)
        if is_shown:
            assert "{{7*191}}" in admin.run(_EVERYTHING), page


def _look(browser: Browser) -> None:
    assert browser.all(".evil") == [], browser.path
    assert "1337" not in browser.driver.page_source, browser.path
    # An alert would make each of these fail.
    assert browser.run("return 1 + 1") == 2
    assert [line for line in browser.complaints() if " 404 " not in line] == [], browser.path


def test_a_change(admin: Browser, site_root: Root) -> None:
    """It is so in the preview, in the job and in the list of changes, too, and is stored letter by letter."""
    open_page(admin, "/panel/configuration/domains/record/evil.example")
    set_field(admin, "Description", SHORT + EVIL)
    preview(admin)
    # A page that is left meanwhile complains.
    verdicts(admin)
    assert "{{7*191}}" in admin.text
    _look(admin)
    open_page(admin, "/panel/configuration/domains/record/evil.example")
    set_field(admin, "Description", SHORT + EVIL)
    apply(admin)
    _look(admin)
    assert site_root.db("domains", "getprop", "evil.example", "Description").out == SHORT + EVIL + "\n"
