"""Delivery instructions, as dot-qmail(5) states them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from esmith.checks.own.file import File, Findings

#: After & qmail-local takes all for one address; blanks may be in it, but a list of addresses it is never.
_ADDRESS = re.compile(r"&\S((?!, ).)*|[^\s&+,][^\s,]*")

#: An address in < and >, one without a name or a domain, and one whose domain has an empty part.
_LEADS_NOWHERE = re.compile(r"&(.*<.*>|@.*|.*@|.*@(\.[^@]*|[^@]*\.\.[^@]*))")


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
        elif _LEADS_NOWHERE.fullmatch(text):
            yield number, f"{text!r} has no address that qmail can send to"


def _is_known(text: str) -> bool:
    if text[0] in "#|" or text == "+list":
        return True
    if text[0] in "./":
        return not text.startswith("..")
    return _ADDRESS.fullmatch(text) is not None
