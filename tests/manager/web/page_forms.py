"""The forms of a page, as a browser reads and posts them (HTML standard, "constructing the entry list")."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """A form of a page.

    :param pairs: what it posts when nobody touches it.
    :param kinds: from the name of a control to its type.
    """

    action: str
    method: str
    pairs: list[tuple[str, str]] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)

    def with_values(self, **values: str) -> list[tuple[str, str]]:
        """Return what it posts when the controls of some names have other values."""
        names = {name.replace("__", "."): value for name, value in values.items()}
        return [pair for pair in self.pairs if pair[0] not in names] + list(names.items())


@dataclass
class Element:
    """An element of a page: its name, its attributes, and the line it begins in."""

    tag: str
    attributes: dict[str, str | None]
    line: int


class Reader(HTMLParser):
    """Reads a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.elements: list[Element] = []
        self._form: Form | None = None
        self._area: tuple[str, list[str]] | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        # A browser takes each kind of line end as one character before it reads anything.
        self.feed(text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd"))
        self.close()

    def form(self, action: str) -> Form:
        """Return the form whose address has this in it."""
        return next(form for form in self.forms if action in form.action)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        has = dict(attrs)
        self.elements.append(Element(tag, has, self.getpos()[0]))
        name, value = has.get("name") or "", has.get("value") or ""
        if tag == "form":
            self._form = Form(has.get("action") or "", (has.get("method") or "get").lower())
            self.forms.append(self._form)
        elif tag == "input" and self._form and name:
            kind = has.get("type") or "text"
            self._form.kinds[name] = kind
            if kind not in ("checkbox", "radio") or "checked" in has:
                self._form.pairs.append((name, value if kind in ("hidden", "checkbox", "radio") else _one_line(value)))
        elif tag == "textarea":
            self._area = (name, [])
        elif tag == "select":
            self._select = (name, [])
        elif tag == "option" and self._select:
            self._select[1].append((value, "selected" in has))

    def handle_data(self, data: str) -> None:
        """Note the text of a text area."""
        if self._area:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._area and self._form:
            text = "".join(self._area[1])
            self._form.pairs.append((self._area[0], text.removeprefix("\n").replace("\n", "\r\n")))
            self._form.kinds[self._area[0]] = "textarea"
        elif tag == "select" and self._select and self._form:
            chosen = [value for value, is_selected in self._select[1] if is_selected] or [self._select[1][0][0]]
            self._form.pairs.append((self._select[0], chosen[-1]))
            self._form.kinds[self._select[0]] = "select"
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None


def _one_line(value: str) -> str:
    return value.replace("\n", "")
