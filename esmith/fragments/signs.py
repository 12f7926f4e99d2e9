"""What shows that a block in braces is Perl (docs/fragments.md#which-language).

Text::Template takes every brace for the beginning of Perl; plain configuration files, shells, awk, PHP and Jinja2 have
braces, too. So a sign counts only where those languages do not have it.
"""

from __future__ import annotations

import re
from functools import cache

from esmith.expressions import expression
from esmith.fields import dataclass

#: What Perl code has and the languages of configuration files, shells, awk, PHP and Jinja2 do not.
_CERTAIN = r"""
      \$OUT\b | \$DB\b | \$EVENT\b | \$confref\b | \besmith::
    | \b(?:my|our|local)\s*[$@%(] | \bdie\s*[{\[]
    | \$\$?\w+\{\s*['"$]?[\w.-]+['"]?\s*\}                # $qpsmtpd{DNSBL}
    | \$\{\s*['"]                                         # ${"httpd-admin"}
    | ->\s*[{\[] | \$\w+\s*->\s*\( | [@%]\{\s*\$ | \$@[^\w{] | \bundef\s+\$ | \bpackage\s+\w+(?:::\w+)*\s*; | \bbless\b
    | \buse\s+(?:strict|warnings|lib|esmith|[A-Za-z]\w*(?:::\w+)+)\b | \brequire\s+[A-Za-z]\w*(?:::\w+)+
    | (?:\$\w+|[)}\]])\s*=~\s*(?:m|s|tr|y)?\s*[/{|!#] | \bqw\s*[(/{\[] | \bqq\s*[({|] | \beval\s*(?:\{|q|[\"'$])
    | \bunless\s*\( | \belsif\b | \bforeach\s+(?:my\b|\$\w+\s*\() | \b(?:map|grep|sort)\s*\{
    | \breturn\b[^;{}\n]*\s(?:if|unless)\b | \b(?:next|last)\s+(?:if|unless)\b
    | (?<![-\w])(?:eq|ne)\s*(?:["']|\$\w) | \$_\b | @_\b | \bwantarray\b
    | \b(?:push|shift|keys|values|scalar)\s*\(?\s*[@%]
    | \bif\s*\(\s*!?\s*-[edfrwxs]\s+["'$] | \bdefined\s*\(?\s*\$ | [@%]\w+\s*=\s*\(
    | \b[A-Z]\w*(?:::\w+)*->\w+ | \b[A-Za-z]\w*(?:::\w+)+->\w+ | \$\w+\s*(?:\|\||//)= | <=>
    | \b(?:while|for|foreach)\s*\(\s*<\$?\w+> | \bopen\s*\(?\s*[A-Z]+\s*,
    """
#: Calls that a block in Perl may begin with; with a bracket, or before a text or a variable.
_FUNCTIONS = (
    "sprintf|join|split|lc|uc|lcfirst|ucfirst|reverse|ref|length|defined|int|abs|substr|index|rindex|chomp|exists|delete"
    "|localtime|gmtime|hex|oct|ord|chr|pack|unpack|system|exec|open|opendir|close|readlink|unlink|stat|glob|sort|map|grep"
)
#: What Perl code has and some of those languages, too.
_LIKELY = rf"""
      (?:\A|[;{{}}\n])\s*\$(?!NF\b|NR\b)[A-Za-z_]\w*\s*(?:\.=|\|\|=|=(?![=~]))\s*["'$\w(\[\\@]
    | \A\s*\(?\s*\$(?!NF\b|NR\b)[A-Za-z_]\w*\s*(?:\|\||&&|//|[=!<>]=|\?|\.|\bx\b)\s*["'$\w(]
    | \A\s*\$[A-Za-z_]\w*\s*->\s*\w+ | \A\s*\$\$?[A-Za-z_]\w*\[[^\]\n]*\]\s*(?:[;?=.|&+*/-]|\Z)
    | \A\s*return\s*(?:["'(]|\s\$[A-Za-z_]) | \A\s*use\s+[A-Za-z]\w*\s*[;(q'"]
    | \A\s*\$[A-Za-z_]\w*\s*(?:[-+*/]\s*[\d$]|\+\+|--)
    | [;}}\n]\s*\$(?!NF\b|NR\b)[A-Za-z_]\w*\s*;?\s*\Z
    | \A\s*(?:{_FUNCTIONS})\b\s*(?:\(|["'$@])
    | (?:\A|[;{{\n])\s*(?:die|warn)\s*\(?\s*["'$]
    | (?:\A|[(!&|])\s*-[edfrwxszl]\s+["'$(]               # -f '/x' ? ...
    | \?\s*(?:"[^"\n]*"|'[^'\n]*'|\d+|\$\w+)\s*:\s*(?:["'$\d(]|\w+\s*\()  # ? 'a' : 'b'
    | \A\s*q[qwx]?\s*[({{\[/|] | \A\s*\(?\s*@\$?\w+\s*\)?\s*(?:[;?=.]|\Z) | \A\s*(?:"[^"\n]*"|'[^'\n]*')\s*(?:\.|\bx\b)
    | (?:\A|=|\breturn\b)\s*<<~?["'A-Z] | \A\s*sub\s+\w+\s*\{{ | \bsub\s*\{{ | \A\s*(?:require|do)\s*["']
    | (?:\A|[;{{}}=])\s*&[A-Za-z_]\w*(?:::\w+)*\s*[;(] | \A\s*[A-Za-z_]\w*(?:::\w+)+\s*[(;] | \A\s*do\s*\{{
    | [$)]\s*!~\s*m?/ | \(\s*\d+\s*\.\.\s*[\d$] | \bor\s+(?:die|return|next)\b | \A\s*scalar\s+\w
    | \A\s*(?:\d+(?:\.\d+)?\s*[-+*/%x]\s*)+\d+\s*;?\s*\Z | \$\#\{{?\$?[A-Za-z_]
    """
#: Blocks that are nothing but this are Perl.
_WHOLE = r"""
    \A(?:\s*\#[^\n]*\n)*\s*(?:
        [$@][A-Za-z_]\w*(?:::\w+)*                        # { $DomainName }
      | ""|''|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'         # { "" }
      | `[^`\n]*`
    )\s*;?\s*(?:\#[^\n]*)?\Z
    """
_CALL = expression(r"\A\s*(?!for|if|while|print)[A-Za-z_]\w*(?:::\w+)*\s*\([^\n]*\)\s*(?:[-+*/.]\s*\w+)?\s*;?\s*\Z")
_CONDITION = expression(r"\A\s*(?:if|for|while|until)\s*\(\s*!?\s*\$(?!NF\b|NR\b)[A-Za-z_]")
_COMMENTS = expression(r"\A(?:\s*#[^\n]*\n)+\s*\Z")
_LEADING_COMMENTS = expression(r"\A(?:\s*#[^\n]*\n)+")
_EMPTY_TEXT = expression(r"""(?:\A|[;}\n])\s*(?:""|'')\s*;?\s*(?:\#[^\n]*\s*)?\Z""")
#: After these a brace begins the code of a function or a condition.
_CODE_FOLLOWS = expression(r"(?:\)|\b(?:else|do|try|finally|then|begin|END|BEGIN))\s*\Z")
_NAME_BEFORE = expression(r"[\w\"'/*)-]\s+\Z")
#: How many braces around a name are looked through.
_MOST_BRACES = 8
_QUOTED = expression(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
#: What no expression of Jinja2 has outside of a quoted text.
_NOT_JINJA = (
    r"[$@;&?^\\`]|!(?!=)|->|=>|=~|\.\.|\w::\w"
    r"|\bmy\s*\(|\bsub\s*(?:\w+\s*)?\{|\bunless\s*\(|\belsif\b|\bforeach\s*\(|\bqw\s*[(/\[]|\b(?:map|grep|sort)\s*\{"
    r"|(?<!is)(?<!not)\s(?:eq|ne)\s+['\w(]|\b(?:use|require)\s+(?!(?:if|else|in|is|not|and|or)\b)[A-Za-z]"
)
_INTERPOLATED = expression(r"\"[^\"]*(?<!\\)[$@]\w[^\"]*\"")

# Some of these take milliseconds to compile, and most commands look at the text of no fragment.
_compiled = cache(re.compile)


@dataclass(frozen=True)
class Block:
    """A block in braces, as Text::Template finds it.

    :param place: where its brace is.
    :param end: where its closing brace is.
    :param before: the line up to the brace, or its last part.
    :param text: what is between the braces.
    """

    place: int
    end: int
    before: str
    text: str


def sign_of_perl(block: Block, *, alone: bool) -> tuple[int, str] | None:
    """Return what shows that a block is Perl, with its place in the block; None when nothing does.

    :param alone: it has no Jinja2 in it, which would speak against it.
    """
    found = _compiled(_CERTAIN, re.VERBOSE).search(block.text)
    if found:
        return found.start(), repr(found.group().strip())
    in_code = _CODE_FOLLOWS.search(block.before) is not None
    opens_line = not block.before.strip()
    text = _unwrapped(block.text)
    whole = _compiled(_WHOLE, re.VERBOSE).match(text)
    is_name = whole is not None and whole.group().strip()[:1] in ("$", "@")
    if whole and not in_code and (opens_line or is_name or not _NAME_BEFORE.search(block.before)):
        return 0, repr(" ".join(block.text.split())[:40])
    if _EMPTY_TEXT.search(text) and not in_code:
        return 0, "an empty text"
    if opens_line and _COMMENTS.match(text):
        return 0, "only a comment with #"
    begins_section = in_code or (_NAME_BEFORE.search(block.before) and text[:1] == "\n")
    if not alone or begins_section:
        return None
    comments = _LEADING_COMMENTS.match(text)
    code = text[comments.end() :] if comments else text
    found = _compiled(_LIKELY, re.VERBOSE).search(code)
    if found:
        return block.text.find(code) + found.start(), repr(" ".join(found.group().strip(" \t\n;{}").split()))
    if opens_line and _CALL.match(code):
        return 0, "a call of a function"
    return (0, "a condition") if opens_line and _CONDITION.match(code) else None


def may_be_jinja(text: str, *, inside: bool) -> bool:
    """Return whether what stands between marks of Jinja2 may be Jinja2.

    :param text: with the marks.
    :param inside: it is in a block, which may be Perl; there the braces have to be even.
    """
    if inside and text.count("{") != text.count("}"):
        return False
    # In a comment, and in a quoted text, anything may stand.
    return text.startswith("{#") or not _compiled(_NOT_JINJA).search(_QUOTED.sub("''", text))


def has_interpolation(text: str) -> bool:
    """Return whether a text in double quotes has a variable as Perl has it: Jinja2 would print its name."""
    return _INTERPOLATED.search(text) is not None


def _unwrapped(text: str) -> str:
    """Return what is in further braces, when the block is nothing but these: ``{{$name}}``."""
    for _ in range(_MOST_BRACES):
        stripped = text.strip()
        if not (stripped.startswith("{") and stripped.endswith("}") and _closes_last(stripped)):
            break
        text = stripped[1:-1]
    return text


def _closes_last(text: str) -> bool:
    """Return whether the first brace of a text is closed by its last."""
    depth = 0
    for place, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if not depth:
            return place == len(text) - 1
    return False
