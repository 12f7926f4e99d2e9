"""Choosing the engine of a fragment by its text (docs/fragments.md#engines).

Text::Template takes every brace for the beginning of Perl; plain configuration files and Jinja2 have braces, too. So
the blocks of a fragment are looked at as Text::Template would find them, and what is in them decides.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: What Perl code has and the languages of configuration files, shells, awk, PHP and Jinja2 do not.
_CERTAIN = re.compile(
    r"""
      \$OUT\b | \$DB\b | \$EVENT\b | \$confref\b | \besmith::
    | \b(?:my|our|local)\s*[$@%(] | \bdie\s*[{\[]
    | \$\$?\w+\{\s*['"$]?[\w.-]+['"]?\s*\}                # $qpsmtpd{DNSBL}
    | \$\{\s*['"]                                         # ${"httpd-admin"}
    | ->\s*[{\[] | \$\w+\s*->\s*\( | [@%]\{\s*\$ | \$@[^\w{] | \bundef\s+\$ | \bpackage\s+\w+(?:::\w+)*\s*; | \bbless\b
    | \buse\s+(?:strict|warnings|lib|esmith|[A-Za-z]\w*(?:::\w+)+)\b | \brequire\s+[A-Za-z]\w*(?:::\w+)+
    | (?:\$\w+|[)}\]])\s*=~\s*(?:m|s|tr|y)?\s*[/{|!#] | \bqw\s*[(/{\[] | \bqq\s*[({|] | \beval\s*(?:\{|q|[\"'$])
    | \bunless\s*\( | \belsif\b | \bforeach\s+(?:my\b|\$\w+\s*\() | \b(?:map|grep|sort)\s*\{
    | \breturn\b[^;{}\n]*\s(?:if|unless)\b
    | (?<![-\w])(?:eq|ne)\s*(?:["']|\$\w) | \$_\b | @_\b | \bwantarray\b
    | \b(?:push|shift|keys|values|scalar)\s*\(?\s*[@%]
    | \bif\s*\(\s*!?\s*-[edfrwxs]\s+["'$] | \bdefined\s*\(?\s*\$ | [@%]\w+\s*=\s*\(
    """,
    re.VERBOSE,
)
#: What Perl code has and some of those languages, too.
_LIKELY = re.compile(
    r"""
      (?:\A|[;{}\n])\s*\$(?!NF\b|NR\b)[A-Za-z_]\w*\s*(?:\.=|\|\|=|=(?![=~]))\s*["'$\w(]
    | \A\s*\(?\s*\$(?!NF\b|NR\b)[A-Za-z_]\w*\s*(?:\|\||//|\?|\.|\bx\b)\s*["'$\w(]
    | \A\s*\$[A-Za-z_]\w*\s*->\s*\w+
    | \A\s*return\s+(?:["']|\$[A-Za-z_]) | \A\s*use\s+[A-Za-z]\w*\s*[;(q'"]
    | \A\s*\$[A-Za-z_]\w*\s*(?:[-+*/]\s*[\d$]|\+\+|--)
    | [;}\n]\s*\$(?!NF\b|NR\b)[A-Za-z_]\w*\s*;?\s*\Z
    | \A\s*(?:sprintf|join|lc|uc|lcfirst|ucfirst|reverse|ref|length|defined)\b\s*\(?\s*["'$@]
    | (?:\A|[;{\n])\s*(?:die|warn)\s*\(?\s*["'$]
    """,
    re.VERBOSE,
)
#: Blocks that are nothing but this are Perl.
_WHOLE = re.compile(
    r"""
    \A(?:\s*\#[^\n]*\n)*\s*(?:
        \$[A-Za-z_]\w*(?:::\w+)*                          # { $DomainName }
      | ""|''|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'         # { "" }
    )\s*;?\s*(?:\#[^\n]*)?\Z
    """,
    re.VERBOSE,
)
_CALL = re.compile(r"\A\s*(?!for|if|while|print)[A-Za-z_]\w*(?:::\w+)*\s*\([^\n]*\)\s*(?:[-+*/.]\s*\w+)?\s*;?\s*\Z")
_COMMENTS = re.compile(r"\A(?:\s*#[^\n]*\n)+\s*\Z")
_EMPTY_TEXT = re.compile(r"""(?:\A|[;}\n])\s*(?:""|'')\s*;?\s*(?:\#[^\n]*\s*)?\Z""")
#: After these a brace begins the code of a function or a condition.
_CODE_FOLLOWS = re.compile(r"(?:\)|\b(?:else|do|try|finally|then|begin|END|BEGIN))\s*\Z")
_NAME_BEFORE = re.compile(r"[\w\"'/*)-]\s+\Z")
_BRACE = re.compile(r"\\\\(?=\\*[{}])|\\[{}]|[{}]")
_COULD_BE_PERL = re.compile(r"\{%\w+\s*\}|\{#[^{}]*\}")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True)
class Choice:
    """Which engine runs a fragment, and why.

    :param engine: ``text``, ``jinja2`` or ``perl``; "" when the text does not show it.
    :param reason: for people, e.g. ``has {{``.
    :param line: the line of the fragment that decided, from 1; 0 when none did.
    """

    engine: str
    reason: str
    line: int = 0


@dataclass(frozen=True)
class _Block:
    """A block in braces, as Text::Template finds it.

    :param place: where its brace is.
    :param end: where its closing brace is.
    :param before: the line up to the brace.
    :param text: what is between the braces.
    """

    place: int
    end: int
    before: str
    text: str


# An event reads the same fragment for many outputs, and a look at its text takes as long as to expand it.
@functools.lru_cache(maxsize=1024)
def choose_engine(text: str, *, beside_perl: bool = False) -> Choice:
    """Return the engine a fragment's text asks for.

    :param beside_perl: other fragments of its directory are Perl for sure, so one that could be is, too.
    """
    constructs: list[int] = []
    blocks = list(_blocks(text, constructs))
    for block in blocks:
        found = _perl(block, alone=not constructs)
        if found is None and beside_perl and not constructs and _CALL.match(block.text):
            found = 0, "a call of a function"
        if found is None:
            continue
        place, what = found
        if not beside_perl and any(not block.place < construct < block.end for construct in constructs):
            mark = text[constructs[0] : constructs[0] + 2]
            return Choice("", f"has {what} as Perl has, and {mark} as Jinja2 has", _line(text, block.place))
        return Choice("perl", f"has {what} in braces", _line(text, block.place + 1 + place))
    if constructs:
        return Choice("jinja2", f"has {text[constructs[0] : constructs[0] + 2]}", _line(text, constructs[0]))
    mark_alone = re.search(r"\{(?:[{%]|#(?=\s))", text)
    if mark_alone:
        return _half_jinja(text, mark_alone, beside_perl=beside_perl)
    if beside_perl and not blocks and re.search(r"\\[{}]", text):
        return Choice("perl", r"has \{ beside fragments in Perl", _line(text, text.index("\\")))
    return Choice("text", "has nothing to expand")


def _half_jinja(text: str, mark: re.Match[str], *, beside_perl: bool) -> Choice:
    """Return the engine of a text where a mark of Jinja2 begins and does not end."""
    line = _line(text, mark.start())
    if not _COULD_BE_PERL.match(text, mark.start()):
        return Choice("jinja2", f"has {mark.group()}", line)
    if beside_perl:
        return Choice("perl", "has a hash or a comment in braces", line)
    return Choice("", f"has {mark.group()}, which may be a hash or a comment of Perl or a mistake in Jinja2", line)


def _blocks(text: str, constructs: list[int]) -> Iterator[_Block]:
    """Yield the outermost blocks that are no Jinja2; one that does not end goes to the end.

    :param constructs: the places of what is Jinja2 are added here, also of what is inside blocks.
    """
    depth = start = place = 0
    while (found := _BRACE.search(text, place)) is not None:
        place = found.end()
        jinja = _JINJA.match(text, found.start()) if found.group() == "{" else None
        if jinja and _is_jinja(jinja.group(), inside=depth > 0):
            constructs.append(jinja.start())
            place = jinja.end()
        elif found.group() == "{":
            start = start if depth else found.start()
            depth += 1
        elif found.group() == "}" and depth:
            depth -= 1
            if depth == 0:
                yield _block(text, start, found.start())
    if depth:
        yield _block(text, start, len(text))


def _block(text: str, start: int, end: int) -> _Block:
    return _Block(start, end, text[text.rfind("\n", 0, start) + 1 : start], text[start + 1 : end])


def _is_jinja(text: str, *, inside: bool) -> bool:
    """Return whether what stands between marks of Jinja2 may be Jinja2.

    :param inside: it is in a block, which may be Perl; there the braces have to be even.
    """
    if inside and text.count("{") != text.count("}"):
        return False
    # In a comment, and in a quoted text, anything may stand.
    return text.startswith("{#") or not _CERTAIN.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", text))


def _perl(block: _Block, *, alone: bool) -> tuple[int, str] | None:
    """Return what shows that a block is Perl, with its place in the block; None when nothing does.

    :param alone: there is no sign of Jinja2 that speaks against it.
    """
    found = _CERTAIN.search(block.text)
    if found:
        return found.start(), repr(found.group().strip())
    in_code = _CODE_FOLLOWS.search(block.before) is not None
    opens_line = not block.before.strip()
    whole = _WHOLE.match(block.text)
    is_name = whole is not None and whole.group().strip().startswith("$")
    if whole and not in_code and (opens_line or is_name or not _NAME_BEFORE.search(block.before)):
        return 0, repr(" ".join(block.text.split())[:40])
    if _EMPTY_TEXT.search(block.text) and not in_code:
        return 0, "an empty text"
    if opens_line and _COMMENTS.match(block.text):
        return 0, "only a comment with #"
    begins_section = in_code or (_NAME_BEFORE.search(block.before) and block.text[:1] == "\n")
    found = _LIKELY.search(block.text) if alone and not begins_section else None
    return (found.start(), repr(found.group().strip(" \t\n;{}"))) if found else None


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
