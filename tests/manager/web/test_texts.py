"""Languages: every text of the pages can be translated, and a language from right to left mirrors the page."""

from __future__ import annotations

import re
import shutil
import subprocess
from gettext import NullTranslations
from pathlib import Path

import pytest

from esmith.manager import web
from esmith.manager.web import messages, texts
from tests.manager.web.conftest import MakeBrowser

_TEMPLATES = sorted((Path(web.__file__).parent / "templates").rglob("*.html"))


class Pseudo(NullTranslations):
    """A language in which each text is in brackets, and written from right to left."""

    def gettext(self, message: str) -> str:
        """Return a text of the language."""
        return f"\u27e6{message}\u27e7"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return a text of the language for a number of things."""
        return self.gettext(msgid1 if n == 1 else msgid2)


def test_a_language_from_right_to_left(browse: MakeBrowser) -> None:
    """In such a language the page says so, and its texts, and those of the panels, are in that language."""
    browser = browse(translations={"qps": Pseudo()})
    page = browser.get("/panel/configuration/email", {"accept-language": "qps-ploc, en;q=0.5"})
    assert '<html lang="qps" dir="rtl">' in page.text
    assert page.headers["content-language"] == "qps"
    for text in ("Preview", "Skip to the content", "E-mail", "Enabled", "How mail comes and goes."):
        assert f"\u27e6{text}\u27e7" in page.words


@pytest.mark.parametrize("asked", ["", "en, qps", "de", "*", "x;q=y", "fr;q=1, en;q=0.1"])
def test_without_a_translation_it_is_english(browse: MakeBrowser, asked: str) -> None:
    """Whoever asks for English first, or for a language that is not there, gets English."""
    page = browse(translations={"qps": Pseudo()}).get("/login", {"accept-language": asked})
    assert '<html lang="en" dir="ltr">' in page.text
    assert "\u27e6" not in page.text


def test_the_most_wanted_language_counts() -> None:
    """Of several languages the one with the greatest weight is taken, and a country may fall back to its language."""
    for asked, code in (("de;q=0.2, fr;q=0.9", "fr"), ("fr-CA, de", "fr"), ("de, fr", "de")):
        texts.choose(asked, {"de": NullTranslations(), "fr": NullTranslations()})
        assert texts.language() == code
    texts.choose("", {})


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda path: str(path.name))
def test_no_text_is_left_out(template: Path) -> None:
    """Whatever a reader sees or hears of a template is asked for in the language of the reader."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<!doctype html>", " ", template.read_text(), flags=re.DOTALL)
    seen = re.sub(r"""<[^>]*>|&\w+;|[\w-]+="[^"]*\"""", " ", text)
    assert re.findall(r"[A-Za-z]{2,}", seen) == []
    assert re.findall(r'(?:aria-label|title|placeholder|alt)="[^"]*[A-Za-z]{2,}', text) == []


def test_all_texts_are_collected() -> None:
    """The collection has texts of templates, of modules, of tables, and those for a number of things."""
    found = {texts for texts, _place in messages.messages()}
    texts_of_pages = ("Skip to the content", "Too many tries. Try again in %s.", "One level up")
    for one in (*texts_of_pages, "The change is kept.", "Too much was sent"):
        assert (one,) in found
    assert ("%(n)s minute", "%(n)s minutes") in found


def test_translators_tools_read_it(tmp_path: Path) -> None:
    """The collection is in the form that the tools of translators read."""
    if shutil.which("msgfmt") is None:
        text = messages.message_file()
        assert text.count("\nmsgid ") + text.startswith("msgid ") == len(
            re.findall(r"^msgstr(?:\[0\])? ", text, re.MULTILINE)
        )
        return
    file = tmp_path / "manager.pot"
    file.write_text(messages.message_file())
    done = subprocess.run(["msgfmt", "-c", "-o", "/dev/null", str(file)], capture_output=True, text=True, check=False)
    assert "error" not in done.stderr
