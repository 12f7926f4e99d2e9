"""Block lists: whether those that are asked for each client or sender list everybody, or nobody.

A list of addresses has 127.0.0.2 in it and not 127.0.0.1; a list of domains has TEST and not INVALID (RFC 5782, 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, failing, ok, skipped, warning
from esmith.doctor.resolver import OfflineError, UnansweredError
from esmith.names import counted
from esmith.schema.load import Schema

#: The name below a list that must not be in it, and the one that must.
_OF_ADDRESSES = ("1.0.0.127", "2.0.0.127")
_OF_DOMAINS = ("invalid", "test")
_LISTED = ip_network("127.0.0.0/8")
#: Answers about the question and not about who is asked for: that it came from a public name server, for example
#: (https://www.spamhaus.org/faqs/dnsbl-usage/, read 2026-11-28).
_REFUSED = ip_network("127.255.255.0/24")
_RECORD = "qpsmtpd"


def check_clients(case: Case) -> Iterator[Finding]:
    """Look at the lists of client addresses (RBLList)."""
    yield from _check(case, "DNSBL", "RBLList", _OF_ADDRESSES)


def check_senders(case: Case) -> Iterator[Finding]:
    """Look at the lists of sender domains (SBLList)."""
    yield from _check(case, "RHSBL", "SBLList", _OF_DOMAINS)


def _check(case: Case, switch: str, prop: str, names: tuple[str, str]) -> Iterator[Finding]:
    if case.prop(_RECORD, switch) != "enabled":
        yield skipped(f"block lists of {prop}", f"{switch} of {_RECORD} is disabled, so none is asked")
        return
    entries = [entry.strip() for entry in case.prop(_RECORD, prop).split(",") if entry.strip()]
    closed = _closed(case, prop)
    zones = []
    for entry in entries:
        zone = entry.partition(":")[0].strip().lower().strip(".")
        fate = next((text for pattern, text in closed.items() if fnmatchcase(zone, pattern)), "")
        if fate:
            yield failing(
                f"{zone} of {prop} {fate}",
                "it is asked for nothing, or refuses everybody",
                *_without(entries, entry, prop),
            )
        else:
            zones.append((entry, zone))
    if not zones:
        return
    resolver = case.resolver
    try:
        resolver.require_answers()
        answers = resolver.ask_all((f"{name}.{zone}", "A") for _, zone in zones for name in names)
    except OfflineError as error:
        yield skipped(f"{counted(len(zones), 'block list')} of {prop}", f"offline: {error.message}")
        return
    for asked, listing in zones:
        found = [answers[f"{name}.{listing}", "A"] for name in names]
        yield _judged(listing, prop, found, _without(entries, asked, prop))


def _judged(zone: str, prop: str, found: Sequence[list[str] | UnansweredError], cures: tuple[str, ...]) -> Finding:
    everybody, test = found
    if isinstance(everybody, UnansweredError) or isinstance(test, UnansweredError):
        error = everybody if isinstance(everybody, UnansweredError) else test
        assert isinstance(error, UnansweredError)
        why = f"each client waits for it, and nobody is refused: {error.message}"
        return warning(f"the block list {zone} of {prop} does not answer", why, *cures)
    answers = [ip_address(text) for text in (*everybody, *test)]
    if any(answer in _REFUSED for answer in answers):
        why = f"it answers {everybody or test}: it takes no questions from this name server, and finds nobody"
        return warning(
            f"the block list {zone} of {prop} refuses to answer", why, "ask by a name server of your own", *cures
        )
    if everybody:
        why = "all mail is refused, or counted as spam, because of it"
        return failing(f"the block list {zone} of {prop} lists everybody", why, *cures)
    if not any(answer in _LISTED for answer in answers):
        why = "its test entry is not there: it holds no data, or this name server gets other answers"
        return warning(f"the block list {zone} of {prop} lists nobody", why, *cures)
    return ok(f"{zone} of {prop} answers as it should")


def _without(entries: list[str], entry: str, prop: str) -> tuple[str, ...]:
    """Return the commands that take an entry out of its list."""
    others = ",".join(other for other in entries if other != entry)
    return (f"config setprop {_RECORD} {prop} '{others}'", "signal-event email-update")


def _closed(case: Case, prop: str) -> dict[str, str]:
    """Return the lists that are closed, as patterns of zones, each with what became of it (``db/block-lists.toml``)."""
    record = Schema(case.layout).file("configuration", _RECORD)
    known = record.property(prop) if record else None
    return known.closed if known else {}


CHECKS: dict[str, Checking] = {"block lists of RBLList": check_clients, "block lists of SBLList": check_senders}
