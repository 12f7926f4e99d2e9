"""All texts can be translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from gettext import NullTranslations
from typing import Any

import pytest

from tests.manager.fake_helper import BASIC
from tests.manager.pages.answers import ANSWERS
from tests.manager.pages.test_every_page import PAGES
from tests.manager.web.browser import Browser, Page

#: Around each text of the pseudo-language.
OPEN, CLOSE = "⟦", "⟧"
#: What is no text but the same in every language: commands, and the name of the program.
COMMANDS = re.compile(r"(?:esmith|db|config) [^⟦]*")
#: A text, which may hold another one that was filled in.
TEXT = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")


class _Pseudo(NullTranslations):
    """A language in which each text is itself in brackets."""

    def gettext(self, message: str) -> str:
        return f"{OPEN}{message}{CLOSE}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"{OPEN}{msgid1 if n == 1 else msgid2}{CLOSE}"


def _data(answer: Any) -> Iterator[str]:
    """Yield what the helper answered, which is no text of ours."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            yield str(name)
            yield from _data(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from _data(value)
    elif isinstance(answer, str):
        yield answer


@pytest.fixture(scope="module")
def pseudo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a browser of a reader of the pseudo-language; what the helper answers is noted in ``data``."""
    browser = Browser(tmp_path_factory.mktemp("socket"), {}, translations={"qps": _Pseudo()})
    yield browser
    browser.close()


def _noting(data: set[str], answer: Any) -> Any:
    def noted(arguments: dict[str, Any]) -> Any:
        found = answer(arguments) if callable(answer) else answer
        data.update(_data(found))
        data.update(_data(arguments))
        return found

    return noted


@pytest.mark.parametrize("address", PAGES)
def test_each_text_can_be_translated(pseudo: Browser, address: str) -> None:
    """In a pseudo-language nothing of the content is left but what the helper answered, commands and signs."""
    data: set[str] = set()
    pseudo.helper.answers = {verb: _noting(data, answer) for verb, answer in {**BASIC, **ANSWERS}.items()}
    page = pseudo.get(address, {"accept-language": "qps"})
    assert page.status == 200
    left = _content(page)
    while TEXT.search(left):
        left = TEXT.sub(" ", left)
    for text in sorted(data, key=len, reverse=True):
        left = left.replace(" ".join(text.split()), " ") if text.strip() else left
    left = COMMANDS.sub(" ", left)
    assert not re.search(r"[^\W\d_]{2,}", left), left


def _content(page: Page) -> str:
    """Return the text of a page, with the attributes that are read out or shown."""
    spoken = re.findall(r'(?:aria-label|placeholder|title|alt|data-label)="([^"]*)"', page.text)
    return Page(page.status, page.headers, " ".join([page.text, *spoken]), page.cookies).words


def test_a_right_to_left_language_turns_the_page(pseudo: Browser) -> None:
    """In a language from right to left the page turns, and lines of files stay as they are."""
    pseudo.helper.answers = {**BASIC, **ANSWERS}
    page = pseudo.get("/generations/5", {"accept-language": "qps"})
    assert '<html lang="qps" dir="rtl">' in page.text
    assert '<pre class="diff" tabindex="0" dir="ltr">' in page.text
