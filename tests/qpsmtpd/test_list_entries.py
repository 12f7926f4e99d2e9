"""Entries of lists that mean more than they say, and those that cannot stand beside others; no program is asked."""

from __future__ import annotations

import pytest

from esmith.patterns.lists import list_lines, read_entry
from esmith.patterns.perl import refusal


def _written(name: str, entries: list[str]) -> tuple[list[str], list[str]]:
    warnings: list[str] = []
    return list_lines(name, entries, warnings.append), warnings


def test_expressions_that_do_not_stand_beside_others() -> None:
    """An expression that would take the end of the list for its own comment is left out; the others stay."""
    lines, warnings = _written("badhelo", ["(?x)foo#c", "^mx[.]sender", "!^ok"])
    assert refusal(lines[-1]) == ""
    assert "foo" not in lines[-1]
    assert "mx[.]sender" in lines[-1]
    assert len(warnings) == 1
    assert "'(?x)foo#c' is left out: it cannot stand among other expressions" in warnings[0]
    assert _written("badhelo", ["(?x)foo#c"]) == (["(?x)foo#c"], [])


@pytest.mark.parametrize(
    ("name", "entry", "meaning"),
    [
        ("badmailfrom", "//", "it matches every one"),
        ("badmailfrom", "^", "it matches every one"),
        ("badmailfrom", "*", "all senders: all mail from outside is refused"),
        ("badmailfrom", "*@*", "all senders: all mail from outside is refused"),
        ("badhelo", ".*", "it matches every one"),
        ("badmailfrom", "news@*.example.*", "all senders whose address has the form news@*.example.*"),
        ("whitelisthosts", "0.0.0.0/0", "every address: no client is checked any more"),
    ],
)
def test_entries_that_mean_everything_say_so(name: str, entry: str, meaning: str) -> None:
    """Whoever sets an entry that covers all mail reads that; a glob with a dot before its star is still one."""
    assert meaning in read_entry(name, entry).meaning


@pytest.mark.parametrize("name", ["dnsbl_zones", "rhsbl_zones", "uribl_zones"])
def test_zones_are_written_without_the_last_dot(name: str) -> None:
    """The plugins compare a zone with names that have no dot at their end."""
    assert _written(name, ["zen.spamhaus.org."])[0] == ["zen.spamhaus.org"]


@pytest.mark.parametrize("entry", ["٣", "٣.", "10.٣.0.0/16"])
def test_digits_are_those_of_ascii(entry: str) -> None:
    """Digits of other scripts make no address."""
    for name in ("relayclients", "whitelisthosts", "trusted_networks"):
        assert read_entry(name, entry).fault
