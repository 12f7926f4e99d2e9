"""Choosing the engine of a fragment by its text (DESIGN section 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_JINJA_MARKS = ("{{", "{%", "{#")

#: What Perl inside ``{ ... }`` looks like and plain configuration files do not.
_PERL_MARKS = re.compile(
    r"""
      \$OUT\b | \$DB\b | \$EVENT\b
    | \bmy\s*[$@%(]
    | \$\w+\{\s*['"]?\w+['"]?\s*\}          # $qpsmtpd{DNSBL}
    | \$\{\s*['"]                           # ${"httpd-admin"}
    | \buse\s+(?:esmith|strict|warnings)\b
    | \$\w+\s*->\s*\w+
    | \breturn\b[^;{}\n]*\s(?:if|unless)\b
    | \{\s*\$\w+\s*;?\s*\}               # { $DomainName }
    | (?:""|'')\s*;?\s*\}                 # { "" }
    | [;{]\s*\$\w+\s*(?:\.?=|\|\||=~)\s*["'$\w(]
    """,
    re.VERBOSE | re.MULTILINE,
)


@dataclass(frozen=True)
class Choice:
    """Which engine runs a fragment, and why.

    :param engine: ``text``, ``jinja2`` or ``perl``.
    :param reason: for people, e.g. ``has {{``.
    :param line: the line of the fragment that decided, from 1; 0 when none did.
    """

    engine: str
    reason: str
    line: int = 0


def choose_engine(text: str) -> Choice:
    """Return the engine a fragment's text asks for."""
    for mark in _JINJA_MARKS:
        place = text.find(mark)
        if place >= 0:
            return Choice("jinja2", f"has {mark}", _line(text, place))
    brace = text.find("{")
    found = _PERL_MARKS.search(text, brace) if brace >= 0 else None
    if found:
        return Choice("perl", f"has {found.group().strip()!r} after a brace", _line(text, found.start()))
    return Choice("text", "has nothing to expand")


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
