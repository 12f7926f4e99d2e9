"""Delivery instructions, as dot-qmail(5) states them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from esmith.checks.own.file import File, Findings
from esmith.schema.addresses import address_fault

#: After & qmail-local takes all for one address; blanks may be in it, but a list of addresses it is never.
_ADDRESS = re.compile(r"&\S((?!, ).)*|[^\s&+,][^\s,]*")


def rule_for(path: str) -> Callable[[File], Findings] | None:
    """Return the rule for a file whose name begins with .qmail; None for other files."""
    if not os.path.basename(path).startswith(".qmail"):
        return None
    return lambda file: Findings.of("qmail-local", _faults(file))


def _faults(file: File) -> Iterator[tuple[int, str]]:
    for number, line in file.lines():
        text = line.rstrip(" \t")
        if not text and number == 1:
            yield number, "the first line is empty, so qmail-local defers the mail"
        elif "\0" in text or "\r" in text:
            yield number, "has a control character"
        elif text and not _is_known(text):
            yield number, f"{text!r} is no comment, program, mailbox or address"
        elif text and text[0] not in "#|./+" and (fault := address_fault(text.removeprefix("&"))):
            yield number, f"{text!r} {fault}"


def _is_known(text: str) -> bool:
    if text[0] in "#|" or text == "+list":
        return True
    if text[0] in "./":
        return not text.startswith("..")
    return _ADDRESS.fullmatch(text) is not None
