"""Names of accounts that no mail reaches: the hint at ``set``, and the warning of an event."""

from __future__ import annotations

import os

import pytest

from tests.commands import Root

PLACE = "signal-event: /var/qmail/users/assign: user "
NAMES = {
    "a:b": "qmail allows no ':' in a name",
    "percent%x": "no mail can be addressed to such a name",
    "alias-x": "qmail needs the name for itself",
    "alias": "qmail needs the name for itself",
    "shared": "qmail needs the name for itself",
    ".jane": "no mail can be addressed to such a name",
    "j#jane": "",
    "jürgen": "no mail can be addressed to such a name",
    "a+b&d'e~f$g^h*i?j{k}l|m`n_o.p-q": "",
    "Aliasx": "",
    "a" * 200: "",
    "-jane": "",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_mail_reaches(office: Root, name: str) -> None:
    """The hint at set gives the reason that the event gives; a name without a hint gets mail."""
    reason = NAMES[name]
    hint = f"db: accounts {name}: it gets no mail: {reason} (stored as given)\n" if reason else ""
    assert office.db("accounts", "set", name, "user", "Uid", "5999", "Gid", "5999").err == hint
    warnings = [line for line in office.signal("email-update").err.splitlines() if f"user {name} gets no mail" in line]
    assert warnings == ([f"{PLACE}{name} gets no mail: {reason}"] if reason else [])


@pytest.mark.parametrize(("length", "is_long"), [(200, False), (201, True), (300, True)])
def test_a_long_group_stops_no_event(office: Root, length: int, is_long: bool) -> None:
    """A name that is stored by force, and for which no file can be named, gets no mail; all else is done."""
    office.db("--force", "accounts", "set", "g" * length, "group", "Members", "admin")
    assert ("gets no mail: it is longer" in office.signal("email-update").err) == is_long
    names = os.listdir(office.file("/var/qmail/alias"))
    assert (f".qmail-{'g' * length}" in names) != is_long


def test_an_address_and_other_types(office: Root) -> None:
    """A pseudonym that is an address is judged by the part before the @; an i-bay may have any name."""
    assert office.db("accounts", "set", "boss@test.com", "pseudonym", "Account", "admin").err == ""
    fault = "it gets no mail: no mail can be addressed to such a name"
    assert fault in office.db("accounts", "set", "a%b@test.com", "pseudonym", "Account", "admin").err
    assert office.db("accounts", "set", "alias-x", "ibay").err == ""


def test_an_account_without_a_record(office: Root) -> None:
    """Where no record of an account of the system is left, the warning about it names it as one with a record."""
    for key in office.db("accounts", "keys").out.split():
        office.db("accounts", "delete", key)
    assert f"{PLACE.removesuffix('user ')}account shared gets no mail" in office.signal("email-update").err


def test_spam_of_a_name_with_a_plus_is_sorted(office: Root) -> None:
    """A sign that means nothing to the shell does not keep spam from being sorted; one that does is warned of."""
    for name, is_sorted in (("me+you", True), ("o'neill", False)):
        office.db("accounts", "set", name, "user", "Uid", "5999", "Gid", "5999", "SortSpam", "enabled")
        warned = f"spam for {name} is not sorted" in office.signal("email-update").err
        lines = office.lines(f"/home/e-smith/files/users/{name}/.qmail")
        assert any(line.startswith(f"| condredirect {name}-junkmail ") for line in lines) == is_sorted
        assert warned != is_sorted
