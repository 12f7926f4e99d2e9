"""The forms of a page, as a browser without a screen fills them in."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.manager.web.browser import Page


class _Forms(HTMLParser):
    """Collects the values that each form with method post would send."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._open = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = given.get("method") == "post"
            if self._open:
                self.found.append((given["action"], {}))
        elif tag == "select":
            self._select = given.get("name", "")
        elif self._open and tag == "option" and "selected" in given:
            self.found[-1][1][self._select] = given["value"]
        elif self._open and tag == "input" and "name" in given and given["name"] != "csrf":
            is_off = given.get("type") in ("radio", "checkbox") and "checked" not in given
            if not is_off:
                self.found[-1][1][given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False


def forms_of(page: Page) -> list[tuple[str, dict[str, str]]]:
    """Return the forms of a page that post: where to, and the values, without the token."""
    parser = _Forms()
    parser.feed(page.text)
    return [form for form in parser.found if not form[0].endswith("/logout")]


def form_of(page: Page, part: str = "") -> dict[str, str]:
    """Return the values of the first form whose address has this part."""
    return next(values for action, values in forms_of(page) if part in action)
