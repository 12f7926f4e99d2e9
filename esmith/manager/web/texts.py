"""The texts of the pages in the language of the reader; without a translation they are English.

``_`` returns plain text, never markup, so that what a panel or a setting brings may go through it as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from gettext import NullTranslations

#: Languages written from right to left. The pseudo-language of the tests is one of them.
RIGHT_TO_LEFT = frozenset(("ar", "fa", "he", "ur", "qps"))

_english = NullTranslations()
_language: ContextVar[tuple[str, NullTranslations]] = ContextVar("language", default=("en", _english))


def _(text: str) -> str:
    """Return a text in the language of this request."""
    return _language.get()[1].gettext(text) if text else ""


def counted(one: str, many: str, number: int) -> str:
    """Return the text for a number of things, in the language of this request, with ``%(n)s`` filled in."""
    return _language.get()[1].ngettext(one, many, number) % {"n": number}


def language() -> str:
    """Return the language of this request: ``en``."""
    return _language.get()[0]


def direction() -> str:
    """Return the direction in which the language of this request is written: ``ltr`` or ``rtl``."""
    return "rtl" if language().split("-")[0] in RIGHT_TO_LEFT else "ltr"


def choose(accepted: str, translations: Mapping[str, NullTranslations]) -> None:
    """Take the language for this request.

    :param accepted: the header ``Accept-Language``.
    :param translations: the languages there are, by their code.
    """
    for code in _wanted(accepted[:200]):
        for known in (code, code.split("-")[0]):
            if known in translations:
                _language.set((known, translations[known]))
                return
        if code.split("-")[0] == "en":
            break
    _language.set(("en", _english))


def _wanted(accepted: str) -> list[str]:
    weighed = []
    for number, part in enumerate(accepted.split(",")):
        code, _semicolon, weight = part.strip().lower().partition(";q=")
        try:
            weighed.append((-float(weight or 1), number, code))
        except ValueError:
            continue
    return [code for _weight, _number, code in sorted(weighed)]
