"""The files of /var/qmail/control, as qmail-control(5) and the manuals it names state them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from esmith.checks.own import one_line
from esmith.checks.own.file import File, Findings
from esmith.checks.own.pairs import pairs

_INTEGERS = (
    "concurrencylocal",
    "concurrencyremote",
    "databytes",
    "queuelifetime",
    "timeoutconnect",
    "timeoutremote",
    "timeoutsmtpd",
)
_HOSTS = (
    "bouncehost",
    "defaultdomain",
    "defaulthost",
    "doublebouncehost",
    "envnoathost",
    "helohost",
    "idhost",
    "localiphost",
    "me",
    "plusdomain",
)
_NAMES = ("bouncefrom", "doublebounceto")
#: A name, or an address in brackets.
_HOST = re.compile(r"[^\s:/@]+|\[[^\s/@]+\]")
#: What a line has to be, each with how to say so.
_LINES = {
    "locals": (_HOST, "one host name"),
    "percenthack": (_HOST, "one host name"),
    "rcpthosts": (_HOST, "one host name, or .host for all names below it"),
    "virtualdomains": (re.compile(r"[^\s:]*:\S*"), "domain:prefix"),
    "smtproutes": (re.compile(r"[^\s:]*:(\[[0-9.]+\]|[^\s:\[\]]*)(:\d{1,5})?"), "domain:relay or domain:relay:port"),
}


def rule_for(path: str) -> Callable[[File], Findings] | None:
    """Return the rule for a control file; None for one that is not known."""
    name = os.path.basename(path)
    if name in _INTEGERS:
        return lambda file: Findings.of("qmail", one_line.integer(file))
    if name in _HOSTS:
        return lambda file: Findings.of("qmail", _host(file))
    if name in _NAMES:
        return lambda file: Findings.of("qmail", one_line.text(file, blanks=False))
    if name == "smtpgreeting":
        return lambda file: Findings.of("qmail", one_line.text(file, blanks=True))
    if name == "badmailfromto":
        return lambda file: Findings.of("qpsmtpd", pairs(file))
    if name in _LINES:
        return lambda file: Findings.of("qmail", _lines(file, *_LINES[name]))
    return None


def _host(file: File) -> Iterator[tuple[int, str]]:
    yield from one_line.text(file, blanks=False)
    for number, line in file.lines()[:1]:
        if re.search(r"[/@,;]", line):
            yield number, f"{line!r} is no host name"


def _lines(file: File, pattern: re.Pattern[str], what: str) -> Iterator[tuple[int, str]]:
    for number, line in file.lines():
        text = line.rstrip(" \t")
        if text and not text.startswith("#") and not (pattern.fullmatch(text) and text.isprintable()):
            yield number, f"{text!r} is not {what}"
