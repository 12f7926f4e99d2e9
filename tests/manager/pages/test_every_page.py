"""What holds for each of these pages: nothing of a value is markup, and the page can be read without seeing it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.manager.pages.answers import ANSWERS
from tests.manager.pages.looks import HOSTILE
from tests.manager.web.browser import Browser, Page
from tests.manager.web.conftest import MakeBrowser

USERS = "/panel/collaboration/users"
#: All pages of this folder.
PAGES = (
    USERS, f"{USERS}?q=user1&page=2", f"{USERS}/new", f"{USERS}/record/alice", f"{USERS}/record/alice/delete",
    f"{USERS}/record/alice/lock", f"{USERS}/record/alice/password", "/changes", "/changes?q=x&before=40", "/changes/45",
    "/generations", "/generations/5", "/generations/6", "/services", "/services/httpd-e-smith/stop", "/health",
    "/health?examined=yes", "/settings", "/settings/accounts", "/settings/accounts/new",
    "/settings/accounts/new?type=service", "/settings/accounts/record?key=qpsmtpd", "/search", "/search?q=x",
    "/search?q=nothing", "/sessions",
)  # fmt: skip
#: Elements without an end.
VOID = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"))


class _Elements(HTMLParser):
    """Reads the elements of a page, and checks that each that is opened is closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _value in attrs}) == len(attrs), (tag, attrs)
        self.all.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open, self.getpos())
        self.open.pop()


def _elements(page: Page) -> list[tuple[str, dict[str, str]]]:
    parser = _Elements()
    parser.feed(page.text)
    assert not parser.open
    return parser.all


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Page]]:
    """Return all pages, each asked for once."""
    browser = Browser(tmp_path_factory.mktemp("socket"), dict(ANSWERS))
    try:
        yield {address: browser.get(address) for address in PAGES}
    finally:
        browser.close()


@pytest.mark.parametrize("address", PAGES)
def test_no_value_is_markup(shown: dict[str, Page], address: str) -> None:
    """Markup, template syntax and percent signs in values are text, and every element is closed where it was opened."""
    page = shown[address]
    assert page.status == 200
    for tag, attributes in _elements(page):
        assert tag != "script" or "src" in attributes
        assert tag != "img" or attributes["src"] != "x"
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
    assert str(1234 * 5678) not in page.text


def test_values_are_shown_as_they_are(shown: dict[str, Page]) -> None:
    """A hostile value is readable on the pages that show it, to the last sign."""
    text = " ".join(HOSTILE.split())
    for address in (USERS, "/changes/45", "/generations/5", "/services", "/health", "/settings/accounts", "/sessions"):
        assert text in shown[address].words, address


@pytest.mark.parametrize("address", PAGES)
def test_a_page_can_be_read_without_seeing_it(shown: dict[str, Page], address: str) -> None:
    """One first heading, no level left out, ids once, inputs with labels, tables with captions and scopes."""
    elements = _elements(shown[address])
    levels = [int(tag[1]) for tag, _attributes in elements if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit()]
    inside = levels[levels.index(1) :]
    assert inside.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(inside, inside[1:], strict=False)), levels
    ids = [attributes["id"] for _tag, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {attributes["for"] for tag, attributes in elements if tag == "label" and "for" in attributes}
    assert labelled <= set(ids)
    for tag, attributes in elements:
        if tag in ("select", "textarea") or (
            tag == "input" and attributes.get("type") != "hidden" and "hidden" not in attributes
        ):
            assert attributes["id"] in labelled, attributes
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
        if tag == "a":
            assert attributes["href"].startswith(("/server-manager", "#")), attributes
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(name, "").split()) <= set(ids), attributes
    tags = [tag for tag, _attributes in elements]
    assert tags.count("table") == tags.count("caption")


@pytest.mark.parametrize("address", PAGES)
def test_each_form_that_posts_has_the_token(shown: dict[str, Page], address: str) -> None:
    """A form that changes something carries the token of the session, and posts to one of our pages."""
    posts = [
        attributes
        for tag, attributes in _elements(shown[address])
        if tag == "form" and attributes.get("method") == "post"
    ]
    assert shown[address].text.count('name="csrf"') == len(posts)
    assert all(form["action"].startswith("/server-manager/") for form in posts)


@pytest.mark.parametrize(
    "address", ["/changes/x", "/changes/0x2d", "/generations/-1", "/services/dovecot/stop", f"{USERS}/nothing"]
)
def test_what_is_no_page_is_not_found(reader: Browser, address: str) -> None:
    """An address that names nothing is answered with 404 and words."""
    page = reader.get(address)
    assert page.status == 404
    assert "To the start page" in page.words


def test_pages_of_an_empty_office_say_so(browse: MakeBrowser) -> None:
    """Where there is nothing to show, a sentence says so."""
    nothing: dict[str, Any] = {
        "history": {"revisions": [], "next": None}, "generations": {"generations": []}, "services": {"services": []},
        "health": {"findings": []}, "databases": {"databases": []},
        "database": {"database": "x", "keys": [], "total": 0, "found": 0, "page": 1, "pages": 1, "types": []},
    }  # fmt: skip
    browser = browse(nothing)
    for address, text in (
        ("/changes", "Nothing was changed yet."),
        ("/changes?q=zz", "No change matches “zz”."),
        ("/generations", "No event has installed files yet."),
        ("/services", "No supervisor runs here, so there is no service to start or stop."),
        ("/health?examined=yes", "Nothing was found that is wrong."),
        ("/settings", "There are no databases yet."),
        ("/settings/x", "This database has no records."),
        ("/settings/x?q=y", "No record matches “y”."),
        ("/settings/x/new", "No type is known for this database"),
    ):
        assert text in browser.get(address).words, address
