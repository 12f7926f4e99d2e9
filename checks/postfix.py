"""The tables of Postfix, as postmap(1) states those of texthash and regexp_table(5) those of expressions."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from esmith.checks.own.file import File, Findings

#: Tables of a key and a value on each line.
_TEXTS = frozenset({"virtual", "virtual_domains", "transport", "smarthost_login"})
_EXPRESSIONS = frozenset({"virtual_names"})
_REFERENCE = re.compile(r"\$(?:(\$)|([0-9])|\{([0-9])\})?")


def rule_for(path: str) -> Callable[[File], Findings] | None:
    """Return the rule for a table of Postfix; None for other files."""
    name = os.path.basename(path)
    if name in _TEXTS:
        return lambda file: Findings.of("Postfix", _texts(file))
    if name in _EXPRESSIONS:
        return lambda file: Findings.of("Postfix", _expressions(file))
    return None


def _entries(file: File) -> Iterator[tuple[int, str]]:
    """Yield the lines that count; a blank before one counts, too."""
    for number, line in file.lines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.rstrip()


def _texts(file: File) -> Iterator[tuple[int, str]]:
    keys: dict[str, int] = {}
    for number, line in _entries(file):
        if line[0].isspace():
            yield number, f"{line!r} begins with a blank, so it would continue the line before"
            continue
        key, *value = line.split(None, 1)
        if not value:
            yield number, f"{line!r} has no value"
        if keys.setdefault(key.lower(), number) != number:
            yield number, f"{key!r} is there before, in line {keys[key.lower()]}"


def _expressions(file: File) -> Iterator[tuple[int, str]]:
    opened: list[int] = []
    for number, line in _entries(file):
        if line[0].isspace():
            yield number, f"{line!r} begins with a blank, so it would continue the line before"
        elif line.split() == ["endif"]:
            if not opened:
                yield number, "endif without an if"
            else:
                opened.pop()
        elif line.startswith("if "):
            opened.append(number)
            expression, rest = _divided(line[3:].lstrip().removeprefix("!"))
            yield from ((number, text) for text in _faults(expression, rest, ""))
        else:
            expression, rest = _divided(line.removeprefix("!"))
            yield from ((number, text) for text in _faults(expression, "", rest))
            if expression is not None and not rest:
                yield number, f"{line!r} has no value"
    yield from ((number, "this if has no endif") for number in opened)


def _divided(text: str) -> tuple[str | None, str]:
    """Return the expression between slashes, None when there is none, and what follows it and its flags."""
    found = re.match(r"/((?:[^\\/]|\\.)*)/[a-zA-Z]*(?:\s+(.*))?$", text)
    return (found[1], found[2] or "") if found else (None, "")


def _faults(expression: str | None, behind: str, value: str) -> Iterator[str]:
    if expression is None:
        yield "there is no expression between slashes"
        return
    if behind:
        yield f"{behind!r} follows the expression of an if"
    try:
        groups = re.compile(expression).groups
    except re.error as error:
        yield f"/{expression}/ is no regular expression: {error}"
        return
    for dollar, plain, braced in _REFERENCE.findall(value):
        if not dollar and not plain and not braced:
            yield f"{value!r} has a $ that names no group; write $$ for the sign itself"
        elif not dollar and int(plain or braced) > groups:
            yield f"{value!r} names a group that /{expression}/ does not have"
