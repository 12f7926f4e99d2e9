"""The lists whose readers take some entries for more than they say, and what each entry becomes there.

How each program reads its list is in docs/daemons.md#lists, with the version in which that was found.
"""

from __future__ import annotations

import re
import warnings

from esmith.expressions import expression
from esmith.names import in_dns
from esmith.patterns import clients
from esmith.patterns.entry import (
    ADDRESS_SIGNS,
    GREETING_SIGNS,
    Entry,
    has_blank,
    is_expression,
    is_glob,
    lowered,
    quoted,
    written_expression,
    written_glob,
    written_literal,
)
from esmith.patterns.perl import refusal, refusals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: What no host name has, nor a glob of one.
_BRACKETS = expression(r"[(|{\[]")
#: ``*.example.com`` and ``.example.com``.
_NAMES_BELOW = expression(r"\*?\.([^*?]+)")
_ADDRESS_LITERAL = expression(r"\[[0-9A-Fa-f.:]+\]|\[IPv6:[0-9A-Fa-f.:]+\]", re.IGNORECASE)
_QUOTED_NAME = expression(r'"((?:[^"\\]|\\.)*)"(@[^@]*)')
#: ``*.example.com``, ``.example.com``, and both after an @; and a domain itself, with or without an @ before it.
_SUBDOMAINS = expression(r"(?:\*?@)?\*?\.([^*?@]+)")
_DOMAIN = expression(r"(?:\*?@)?([^*?@]+)")
#: What a zone may be written with; anything else never answers. The last label is none of a number alone (RFC 3696, 2).
_ZONE = expression(r"([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.)+[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?\.?")
_NO_ZONE = "does not begin with the name of a block list, such as zen.spamhaus.org"
_MASKS = expression(r"[0-9]*(-[0-9]*)*")
#: What one bit of an answer 127.0.0.x can be part of.
_LARGEST_BITS = 255


def _sender(text: str) -> Entry:
    """Return an entry of badmailfrom, which is compared with the whole address in lower case."""
    signs = _has(ADDRESS_SIGNS)
    if found := re.fullmatch(r".*<([^<>]*)>.*", text):
        return Entry.left_out(f"has < and >; give the address alone: {found.group(1)}")
    if is_expression(text):
        return _expression(written_expression(text, signs), "the address of the sender")
    if set(text) <= set("*@"):
        return Entry(_with_sign(written_glob("*"), signs), "all senders: all mail from outside is refused")
    if found := _SUBDOMAINS.fullmatch(text):
        domain = found.group(1)
        line = f"@.*\\.{quoted(lowered(domain))}$"
        return Entry(line, f"all senders of domains below {domain}, and not of {domain} itself", expression=line)
    if found := _DOMAIN.fullmatch(text):
        return _sender_domain(text, found.group(1))
    if is_glob(text):
        line = _with_sign(written_glob(f"*{text}" if text.startswith("@") else text), signs)
        return Entry(line, f"all senders whose address has the form {text}", expression=line)
    if match := _QUOTED_NAME.fullmatch(text):
        # qpsmtpd compares the name without its quotes.
        text = re.sub(r"\\(.)", r"\1", match.group(1)) + match.group(2)
    return Entry(written_literal(text, signs))


def _sender_domain(text: str, domain: str) -> Entry:
    if "://" in domain:
        return Entry.left_out("is a URL; give the domain alone")
    signs = _has(ADDRESS_SIGNS)
    line = f"@{domain}"
    if signs(line) or has_blank(line):
        line = f"@{quoted(lowered(domain))}$"
    meaning = "" if text == line else f"all senders of the domain {domain}"
    if not domain.isascii() and (name := in_dns(domain)):
        meaning = f"all senders of the domain {domain}, and mail names it {name}: add that one, too"
    return Entry(line, meaning)


def _recipient(text: str) -> Entry:
    """Return an entry of badrcptto that is an address: names of accounts are never patterns."""
    return Entry(written_literal(text, _has(ADDRESS_SIGNS)))


def _greeting(text: str) -> Entry:
    """Return an entry of badhelo, which is compared with the greeting in lower case."""
    if _ADDRESS_LITERAL.fullmatch(text):
        return _greeting_literal(text)
    if text.startswith("!") and text != "!":
        return _other_greetings(text[1:])
    if _is_greeting_expression(text):
        return _expression(written_expression(text, _has(GREETING_SIGNS)), "the greeting")
    if found := _NAMES_BELOW.fullmatch(text):
        return _greetings_below(found.group(1))
    if is_glob(text):
        return _greetings_like(text)
    return _greeting_literal(text)


def _greeting_literal(text: str) -> Entry:
    return Entry(written_literal(text, _has(GREETING_SIGNS)))


def _other_greetings(text: str) -> Entry:
    """Return the entry for all greetings that an expression does not match: the reader wants a ``!`` before it."""
    body = written_expression(text, lambda _text: True)
    return Entry(f"!{body}", f"all greetings but those that the expression {body} matches", expression=body)


def _is_greeting_expression(text: str) -> bool:
    """Return whether somebody who wrote this meant an expression and not a host name, or a glob of one."""
    return not text.startswith("*") and (is_expression(text) or bool(_BRACKETS.search(text)))


def _greetings_below(domain: str) -> Entry:
    line = f"\\.{quoted(lowered(domain))}$"
    return Entry(line, f"all host names below {domain}", expression=line)


def _greetings_like(glob: str) -> Entry:
    line = _with_sign(written_glob(glob), _has(GREETING_SIGNS))
    return Entry(line, f"all greetings of the form {glob}", expression=line)


def _good_name(what: str) -> Callable[[str], Entry]:
    """Return how entries of a white list of our plugin whitelist_soft are written: literals, and ``.domain``."""

    def entry(text: str) -> Entry:
        if has_blank(text) or text.startswith("#"):
            return Entry.left_out("has a blank, or begins with #: the list holds one name a line")
        if found := _SUBDOMAINS.fullmatch(text):
            return Entry(f".{found.group(1)}", f"all {what} of domains below {found.group(1)}, and not of it itself")
        if text.startswith("*@") and not is_glob(text[1:]):
            return Entry(text[1:], f"all {what} of the domain {text[2:]}")
        if is_glob(text) or is_expression(text):
            return Entry.left_out("is a pattern, and white lists hold names only; *.example.com is all below a domain")
        return Entry(text)

    return entry


def _spam_address(text: str) -> Entry:
    """Return an entry of the white and black lists of SpamAssassin, which are globs of whole addresses."""
    if has_blank(text):
        return Entry.left_out("has a blank, which would make two entries of it")
    if set(text) & set("\\($^|") and is_expression(text):
        return Entry.left_out("is a regular expression, and SpamAssassin takes only * and ? for patterns here")
    line, meaning = text, ""
    if text.startswith("@") or (text.startswith(".") and "@" not in text):
        line = f"*{text}"
    elif "@" not in text and not is_glob(text):
        line = f"*@{text}"
    if line != text:
        meaning = f"all addresses of the form {line}"
    return Entry(line.replace("#", "\\#"), meaning)


def _zone(separator: str) -> Callable[[str], Entry]:
    """Return how a zone with its message is written, where something else than a colon parts the two."""

    def entry(text: str) -> Entry:
        zone, colon, message = (part.strip() for part in text.partition(":"))
        if fault := _zone_fault(zone, message):
            return Entry.left_out(fault)
        zone = zone.rstrip(".")
        return Entry(f"{zone}{separator}{message}" if colon and message else zone)

    return entry


def _masked_zone(text: str) -> Entry:
    """Return an entry of uribl_zones: a zone, and the bits of its answers that count with commas between them."""
    zone, _, masks = (part.strip() for part in text.partition(":"))
    if fault := _zone_fault(zone, masks):
        return Entry.left_out(fault)
    # The plugins compare a zone with names that have no dot at their end.
    zone = zone.rstrip(".")
    bits = re.findall("[0-9]+", masks)
    if not _MASKS.fullmatch(masks) or any(not 0 < float(one) <= _LARGEST_BITS for one in bits):
        return Entry(zone, f"all answers of {zone}, since {masks!r} is no mask such as 8-16")
    return Entry(f"{zone} {','.join(bits)}" if bits else zone)


def _zone_fault(zone: str, rest: str) -> str:
    """Return why an entry names no zone, "" when it does.

    :param rest: what follows the first colon.
    """
    if rest.startswith("//"):
        return "is a URL; give the name of the list alone, such as zen.spamhaus.org"
    if has_blank(zone):
        return "holds a blank; commas separate the names of lists"
    name = zone if zone.isascii() else in_dns(zone)
    if zone.isascii() or not _ZONE.fullmatch(name):
        return "" if _ZONE.fullmatch(zone) else _NO_ZONE
    return f"has letters that DNS does not know; its name there is {name}"


def _has(signs: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: bool(signs.search(text))


def _with_sign(expression: str, signs: Callable[[str], bool]) -> str:
    return expression if signs(expression) else f"(?:{expression})"


def _expression(line: str, what: str) -> Entry:
    meaning = f"a regular expression for {what}"
    return Entry(line, f"{meaning}; it matches every one" if _matches_all(line) else meaning, expression=line)


def _matches_all(expression: str) -> bool:
    """Return whether an expression matches the empty text, and so all there is, as far as Python knows it."""
    try:
        with warnings.catch_warnings():
            # Python warns of signs that are to mean more in later versions.
            warnings.simplefilter("ignore", FutureWarning)
            return all(re.search(expression, text) is not None for text in ("", "a.b@c-1.example"))
    except (re.error, RecursionError, OverflowError):
        return False


#: Each list of esmith.patterns.LISTS, and how one entry of it is written.
READERS: dict[str, Callable[[str], Entry]] = {
    "badmailfrom": _sender,
    "badrcptto": _recipient,
    "badhelo": _greeting,
    "whitelistsenders": _good_name("senders"),
    "whitelisthelo": _good_name("greetings"),
    "whitelisthosts": clients.white,
    "relayclients": clients.relaying,
    "spamassassin": _spam_address,
    "trusted_networks": clients.trusted,
    "dnsbl_zones": _zone(":"),
    "rhsbl_zones": _zone(" "),
    "uribl_zones": _masked_zone,
}


def read_entry(list: str, text: str) -> Entry:
    """Return what an entry means in a list; one that perl does not compile is left out.

    :param list: one of :data:`esmith.patterns.LISTS`.
    :param text: the entry as the setting has it.
    """
    text = text.strip()
    if not text:
        return Entry.left_out("is empty")
    entry = READERS[list](text)
    reason = refusal(entry.expression) if entry.expression else ""
    return Entry.left_out(f"is no regular expression of Perl: {reason}") if reason else entry


def list_lines(list: str, texts: Iterable[str], warn: Callable[[str], object]) -> list[str]:
    """Return the lines for the entries of a list, in their order, each once.

    :param warn: is called with a text for each entry that is left out.
    """
    found: dict[str, Entry] = {}
    for text in texts:
        entry = read_entry(list, str(text))
        if entry.fault:
            warn(f"{list}: {str(text)!r} is left out: it {entry.fault}")
        for line in entry.line.split("\n") if entry.line else ():
            found.setdefault(line, entry)
    return _one_expression([*found], warn) if list == "badhelo" else [*found]


def _one_expression(lines: Sequence[str], warn: Callable[[str], object]) -> list[str]:
    """Return the lines of badhelo: the plugin of qpsmtpd 0.94 looks at no line after the first expression.

    :param warn: is called for each expression that compiles alone and not among others, as ``(?x)a#b`` does: what
        stands after it would be a comment.
    """
    signs = _has(GREETING_SIGNS)
    names = [line for line in lines if not signs(line)]
    expressions = [line for line in lines if signs(line)]
    if len(expressions) < 2:
        return names + expressions
    alternatives = {line: f"^(?!.*(?:{line[1:]}))" if line[0] == "!" else f"(?:{line})" for line in expressions}
    whole = _alternation([*alternatives.values()])
    if refusal(whole):
        reasons = refusals([_alternation([one, "(?:a)"]) for one in alternatives.values()])
        for line, reason in zip(expressions, reasons, strict=True):
            if reason:
                warn(f"badhelo: {line!r} is left out: it cannot stand among other expressions of Perl: {reason}")
                del alternatives[line]
        whole = _alternation([*alternatives.values()])
    return [*names, whole] if alternatives else names


def _alternation(alternatives: Sequence[str]) -> str:
    return f"(?|{'|'.join(alternatives)})"
