"""Block lists: whether those that are asked for each client or sender list everybody, or nobody.

A list of addresses has 127.0.0.2 in it and not 127.0.0.1; a list of domains has TEST and not INVALID (RFC 5782, 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

from esmith.doctor.case import Case
from esmith.doctor.finding import OK, WARNING, Checking, Finding, by_hand, failing, listed, ok, skipped, warning
from esmith.doctor.resolver import OfflineError, UnansweredError
from esmith.names import counted
from esmith.printable import shell_word
from esmith.schema.load import Schema

#: The name below a list that must not be in it, and the one that must.
_OF_ADDRESSES = ("1.0.0.127", "2.0.0.127")
_OF_DOMAINS = ("invalid", "test")
_LISTED = ip_network("127.0.0.0/8")
#: Answers about the question and not about who is asked for: that it came from a public name server, for example
#: (https://www.spamhaus.org/faqs/dnsbl-usage/, read 2026-11-28).
_REFUSED = ip_network("127.255.255.0/24")
_RECORD = "qpsmtpd"
_SILENT = "does not answer"


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
    found: dict[str, Finding] = {}
    for entry in entries:
        zone = _zone(entry)
        fate = next((text for pattern, text in closed.items() if fnmatchcase(zone, pattern)), "")
        if fate:
            found[entry] = failing(f"{zone} of {prop} {fate}", "it is asked for nothing, or refuses everybody")
    asked = [entry for entry in entries if entry not in found]
    try:
        judged = _judge_all(case, prop, asked, names) if asked else {}
    except OfflineError as error:
        judged = {}
        yield skipped(f"{counted(len(asked), 'block list')} of {prop}", f"offline: {error.message}")
    dumb = [entry for entry, finding in judged.items() if finding.severity == WARNING]
    if len(dumb) > 1 and all(finding.what.endswith(_SILENT) for finding in judged.values()):
        # A line that is down: lists that do not like the name server say so.
        yield skipped(
            f"{counted(len(dumb), 'block list')} of {prop}", "offline: this name server gets no answer from any"
        )
        judged = {}
    elif len(dumb) > 1 and len(dumb) == len(judged):
        # They are of several operators, so it is not their fault.
        why = "it is a public one, or that of a provider, to which most lists give no answers"
        what = f"by this name server none of {counted(len(dumb), 'block list')} of {prop} gives its test entry"
        own = by_hand("ask by a name server of your own, as unbound")
        yield warning(what, why, own, "apt-get install unbound")
        judged = {}
    found |= judged
    bad = [entry for entry, finding in found.items() if finding.severity != OK]
    # All at once: a command for each would bring the others back.
    rest = shell_word(",".join(entry for entry in entries if entry not in bad))
    cures = (
        f"config setprop {_RECORD} {shell_word(prop)} {rest}",
        "signal-event email-update",
    )
    for entry, finding in found.items():
        yield finding if entry not in bad else replace(finding, cure=(*finding.cure, *cures))


def _zone(entry: str) -> str:
    return entry.partition(":")[0].strip().lower().strip(".")


def _judge_all(case: Case, prop: str, entries: Sequence[str], names: tuple[str, str]) -> dict[str, Finding]:
    """Ask for the two test entries of each list, and return what that shows.

    :raises OfflineError: when no name server answers.
    """
    resolver = case.resolver
    resolver.require_answers()
    answers = resolver.ask_all((f"{name}.{_zone(entry)}", "A") for entry in entries for name in names)
    return {
        entry: _judged(_zone(entry), prop, [answers[f"{name}.{_zone(entry)}", "A"] for name in names])
        for entry in entries
    }


def _judged(zone: str, prop: str, found: Sequence[list[str] | UnansweredError]) -> Finding:
    everybody, test = found
    if isinstance(everybody, UnansweredError) or isinstance(test, UnansweredError):
        error = everybody if isinstance(everybody, UnansweredError) else test
        assert isinstance(error, UnansweredError)
        why = f"each client waits for it, and nobody is refused: {error.message}"
        return warning(f"the block list {zone} of {prop} {_SILENT}", why)
    answers = [ip_address(text) for text in (*everybody, *test)]
    if any(answer in _REFUSED for answer in answers):
        shown = listed(everybody or test)
        why = f"it answers {shown}: it takes no questions from this name server, and finds nobody"
        own = by_hand("ask by a name server of your own, or take it out")
        return warning(f"the block list {zone} of {prop} refuses to answer", why, own)
    if everybody:
        return failing(f"the block list {zone} of {prop} lists everybody", "all mail is refused because of it")
    if not any(answer in _LISTED for answer in answers):
        why = "its test entry is not there: it holds no data, or this name server gets other answers"
        return warning(f"the block list {zone} of {prop} lists nobody", why)
    return ok(f"{zone} of {prop} answers as it should")


def _closed(case: Case, prop: str) -> dict[str, str]:
    """Return the lists that are closed, as patterns of zones, each with what became of it (``db/block-lists.toml``)."""
    record = Schema(case.layout).file("configuration", _RECORD)
    known = record.property(prop) if record else None
    return known.closed if known else {}


CHECKS: dict[str, Checking] = {"block lists of RBLList": check_clients, "block lists of SBLList": check_senders}
