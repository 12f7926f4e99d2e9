"""A default stands once, in the schema: a shipped fragment has no literal for a property that is not stored."""

from __future__ import annotations

import pytest

from tests.content.fallbacks import Fallback, fallbacks, numbers, reading_of, shipped_fallbacks, shipped_numbers

#: Literals besides the empty text that stay in fragments, by the value they stand for, and why.
ALLOWED = {
    ("spamassassin.TagLevel", "5"): "custom without TagLevel is a mistake, and a warning says so",
    ("spamassassin.TagLevel", "unset"): "custom without TagLevel is a mistake, and a warning says so",
    ("account.Uid", "0"): "an account without a number gets no mail",
    ("DelegateMailServer", "localhost"): "empty means here; in another place of the templates it means none",
    ("Or.gid", "root"): "not a property: there is no such Unix account",
    ("Call", "qmail"): "not a property: /etc/init.d/qmail names qmail where nothing queues mail",
}


def _is_wrong(found: Fallback) -> bool:
    """Return whether a literal repeats the schema, or stands where the schema should say something."""
    if any(reading_of(cell) is not None for cell in found.cells):
        return True
    return found.literal != "" and (found.code, found.literal) not in ALLOWED


def test_no_shipped_fragment_has_a_literal_that_the_schema_could_have() -> None:
    """A shipped fragment has no literal for a property with a default, and no other one but those of the table."""
    wrong = [found for found in shipped_fallbacks() if _is_wrong(found)]
    assert wrong == [], "give the property a default or unset in its schema file, and remove the literal"


def test_every_reason_is_still_needed() -> None:
    """Each row of the table of literals is about one that a fragment has."""
    assert ALLOWED.keys() <= {(found.code, found.literal) for found in shipped_fallbacks()}


def test_no_shipped_fragment_has_a_number_that_the_schema_has() -> None:
    """``int`` and ``float`` take the default for what is not a number, so no fragment gives them one of its own."""
    assert [found for found in shipped_numbers() if any(reading_of(cell) for cell in found.cells)] == []


def test_a_new_number_is_found() -> None:
    """A number for what is not a number is found, with the property it stands for."""
    (found,) = numbers("10new", "{{ pop3.TCPPort | int(110) }}")
    assert found.cells == (("configuration", "pop3", "TCPPort"),)
    assert reading_of(found.cells[0]) == "110"


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("{{ clamav.MaxFiles or '1500' }}", [("configuration", "clamav", "MaxFiles")]),
        ("{{ clamav.MaxFiles | default(1500) }}", [("configuration", "clamav", "MaxFiles")]),
        ("{{ clamav['MaxFiles'] | d('1500') }}", [("configuration", "clamav", "MaxFiles")]),
        ("{{ (qpsmtpd.VirusScan or smtpd.VirusScan) or 'enabled' }}", [("configuration", "smtpd", "VirusScan")]),
        ("{{ db.configuration['clamav'].MaxFiles or '1' }}", [("configuration", "clamav", "MaxFiles")]),
        (
            "{% for u in records('accounts:user') if (u.Filter or 'yes') %}{% endfor %}",
            [("accounts", "@user", "Filter")],
        ),
        ("{{ m(clamav.MaxFiles or '1') }}", [("configuration", "clamav", "MaxFiles")]),
        ("{% macro m(a) %}{{ clamav.MaxFiles or '1' }}{% endmacro %}", [("configuration", "clamav", "MaxFiles")]),
        ("{{ record.Filter or 'yes' }}", [("accounts", "@user", "Filter")]),
        ("{{ EmailUnknownUser or 'returntosender' }}", [("configuration", "EmailUnknownUser", "")]),
    ],
)
def test_a_new_literal_is_found(text: str, cells: list[tuple[str, str, str]]) -> None:
    """Each way to write a fallback is found, with the property it stands for, and refused."""
    (found,) = fallbacks("10new", text, "accounts:user")
    assert list(found.cells) == cells
    assert _is_wrong(found)


def test_a_literal_without_schema_is_found() -> None:
    """A literal for a property that has no default in the schema needs one there, or a reason."""
    (found,) = fallbacks("10new", "{{ qpsmtpd.NoSuchThing or 'x' }}")
    assert found.cells == (("configuration", "qpsmtpd", "NoSuchThing"),)
    assert _is_wrong(found)
