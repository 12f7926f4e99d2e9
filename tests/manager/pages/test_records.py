"""Lists of records: filter, pages, order, and where each row leads."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.manager import wire
from tests.manager.fake_helper import FaultError
from tests.manager.pages.answers import records
from tests.manager.web.browser import Browser
from tests.manager.web.conftest import MakeBrowser

USERS = "/panel/collaboration/users"
BASE = "/server-manager" + USERS


def test_rows_lead_to_the_record_and_to_what_can_be_done(reader: Browser) -> None:
    """Each row has a link to its record, its actions and its deletion; one that is protected has no deletion."""
    page = reader.get(USERS)
    assert page.status == 200
    assert f'href="{BASE}/record/user0007"' in page.text
    assert f'href="{BASE}/record/user0007/lock"' in page.text
    assert f'href="{BASE}/record/user0007/delete"' in page.text
    assert f'href="{BASE}/record/user0000/delete"' not in page.text
    assert "1 to 50 of 5000" in page.words


def test_filter_page_and_order_are_asked_of_the_helper(reader: Browser) -> None:
    """The helper filters, pages and sorts; the links to other pages keep filter and order."""
    page = reader.get(f"{USERS}?q=user00&page=2&sort=-LastName")
    assert reader.helper.arguments("records") == {
        "panel": "collaboration/users", "query": "user00", "page": 2, "size": 50, "sort": "-LastName",
    }  # fmt: skip
    assert f"{BASE}?q=user00&amp;sort=-LastName" in page.text
    assert "100 of 5000 match" in page.words


@pytest.mark.parametrize("number", ["", "0", "-1", "x", "9" * 30, "٣"])
def test_what_is_no_page_is_the_first(reader: Browser, number: str) -> None:
    """A page that is no number is the first one, and no error."""
    assert reader.get(f"{USERS}?page={number.encode().hex() if not number.isascii() else number}").status == 200
    assert reader.helper.arguments("records")["page"] == 1


def test_a_heading_sorts_and_sorts_the_other_way(reader: Browser) -> None:
    """The column in whose order the list is says so, and its link reverses the order."""
    page = reader.get(f"{USERS}?sort=LastName")
    assert page.text.count("aria-sort=") == 1
    assert 'aria-sort="ascending"' in page.text
    assert f'href="{BASE}?sort=-LastName"' in page.text
    assert 'aria-sort="descending"' in reader.get(f"{USERS}?sort=-LastName").text
    assert f'href="{BASE}?sort=-key"' in reader.get(USERS).text


def test_a_list_without_rows_says_why(browse: MakeBrowser) -> None:
    """A list that is empty, and one in which nothing matches, say so in words."""
    nothing: dict[str, Any] = {"rows": [], "found": 0, "pages": 1, "create": None}
    browser = browse({"records": lambda arguments: records(arguments) | nothing})
    assert "This list is empty." in browser.get(USERS).words
    page = browser.get(f"{USERS}?q=zz")
    assert "Nothing in this list matches “zz”." in page.words
    assert "/new" not in page.text


def test_a_busy_helper_is_a_page_with_the_next_step(browse: MakeBrowser) -> None:
    """An error of the helper is a page in words, not a fault."""

    def busy(_arguments: dict[str, Any]) -> Any:
        raise FaultError(wire.BUSY, "An event runs.", hint="Try again in a minute.")

    page = browse({"records": busy}).get(USERS)
    assert page.status == 503
    assert "An event runs. Try again in a minute." in page.words
