"""What an entry is: a literal, a glob or an expression, and how each is written for Perl."""

from __future__ import annotations

from esmith.expressions import expression

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: What makes the plugins badmailfrom and badrcptto of qpsmtpd 0.94 take an entry for an expression.
ADDRESS_SIGNS = expression(r"[/^$*+!%?\\]")
#: The same of the plugin helo, which looks at no line after the first expression.
GREETING_SIGNS = expression(r"[{}\[\]()^$|*+?\\!]")
#: Perl's metacharacters (perlre(1)); all others stand for themselves.
_SPECIAL = frozenset("\\^$.|?*+()[]{}")
#: What nobody writes but for an expression: its anchors, escapes, and quantified dots.
_EXPRESSION = expression(r"^\^|\$$|\\|\.[*+]|^/.*/$|^\(")
_BLANK = expression(r"\s")


class Entry:
    """One entry of a list.

    :param line: what stands in the file; "" when the entry is left out.
    :param meaning: what the entry means, for people; "" for a plain literal.
    :param fault: why it is left out; "" when it is not.
    :param expression: the expression in ``line`` that perl has to compile; "" when there is none.
    """

    __slots__ = ("expression", "fault", "line", "meaning")

    def __init__(self, line: str, meaning: str = "", *, fault: str = "", expression: str = "") -> None:
        self.line = line
        self.meaning = meaning
        self.fault = fault
        self.expression = expression

    @classmethod
    def left_out(cls, fault: str) -> Entry:
        """Return an entry that cannot be written."""
        return cls("", fault=fault)


def quoted(text: str) -> str:
    """Return a Perl expression that matches a text and nothing else, without anchors.

    It holds no blank, since a blank ends the expression in the lists of qpsmtpd.
    """
    return "".join(_quoted(char) for char in text)


def lowered(text: str) -> str:
    """Return a text with its ASCII letters in lower case, as ``lc`` of Perl does it for bytes."""
    return "".join(char.lower() if char.isascii() else char for char in text)


def has_blank(text: str) -> bool:
    """Return whether a text holds a blank, which ends an entry in most lists."""
    return bool(_BLANK.search(text))


def is_expression(text: str) -> bool:
    """Return whether somebody who wrote this meant a regular expression."""
    # No expression has an @ any number of times, as in news@*.example.*.
    is_address_glob = "@*" in text and not set(text) & set("\\^$")
    return bool(_EXPRESSION.search(text)) and text[:1] not in ("*", "?", "+") and not is_address_glob


def is_glob(text: str) -> bool:
    """Return whether ``*`` or ``?`` stand for other characters in an entry that is no expression."""
    return "*" in text or "?" in text


def written_expression(text: str, signs: Callable[[str], bool]) -> str:
    """Return an expression of a user as it is written into a file.

    :param text: as the user wrote it, also between slashes.
    :param signs: whether the reader takes a text for an expression.
    """
    body = text[1:-1] if len(text) > 1 and text[0] == text[-1] == "/" else text
    body = _BLANK.sub(lambda blank: f"\\x{ord(blank.group()):02x}", body)
    import re

    # What is compared is in lower case.
    if re.search(r"(?<!\\)[A-Z]", body):
        body = f"(?i){body}"
    return body if body and body[0] not in "#$" and signs(body) else f"(?:{body})"


def written_glob(text: str) -> str:
    """Return the expression for a glob that has to cover all of what is compared: ``*`` is any text, ``?`` one sign."""
    import re

    body = "".join(".*" if char == "*" else "." if char == "?" else _quoted(char) for char in lowered(text))
    body = f"^{re.sub(r'(?:[.][*]){2,}', '.*', body) if '*' in text else body}$"
    return "^" if body == "^.*$" else body.removeprefix("^.*").removesuffix(".*$")


def written_literal(text: str, signs: Callable[[str], bool]) -> str:
    """Return a literal as it is written into a file whose reader takes some texts for expressions."""
    if not text.startswith("#") and not has_blank(text) and not signs(text):
        return text
    return f"^{quoted(lowered(text))}$"


def _quoted(char: str) -> str:
    if char.isspace() and char.isascii():
        return f"\\x{ord(char):02x}"
    return f"\\{char}" if char in _SPECIAL else char
