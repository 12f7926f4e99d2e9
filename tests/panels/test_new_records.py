"""Making records by a form: the key, what has to be there, and that all of it is refused at once."""

from __future__ import annotations

import pytest

from esmith.panels.change import FormError
from esmith.schema.check import NotAllowedError
from tests.panels.kit import Desk, cells

_USERS = "collaboration/users"
_NAMES = {"FirstName": "Ann", "LastName": "Lee"}


def _message(desk: Desk, page: str, key: str) -> str:
    """Return why a key is refused; nothing is changed then."""
    overlay = desk.overlay()
    with pytest.raises(FormError) as caught:
        desk.create(desk.panel(page), overlay, key, _NAMES)
    assert overlay.changes == []
    return caught.value.fields["key"].message


def test_a_user_is_made_with_all_values(desk: Desk) -> None:
    """A new user has the type of the page, the values that were filled in and no others, and is in his groups."""
    overlay = desk.overlay()
    desk.create(desk.panel(_USERS), overlay, "ann", {**_NAMES, "EmailForward": "both", "groups": ["group2"]})
    assert cells(overlay.changes) == {
        "accounts ann": "user",
        "accounts ann FirstName": "Ann",
        "accounts ann LastName": "Lee",
        "accounts ann EmailForward": "both",
        "accounts group2 Members": "john,ann",
    }


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("", "a name is needed here"),
        ("  ", "a name is needed here"),
        ("john", "there is one of this name already, of type user"),
        ("group1", "there is one of this name already, of type group"),
        ("admin", "there is one of this name already, of type system"),
        ("server-common", "there is one of this name already, of type url"),
        ("a b", "it would get no mail: no mail can be addressed to such a name"),
        ("a/b", "it would get no mail: no mail can be addressed to such a name"),
        ("alias", "it would get no mail: qmail needs the name for itself"),
        ("a:b", "it would get no mail: qmail allows no ':' in a name"),
        ("4711", "no unix account can be called so"),
        ("x" * 33, "no unix account can be called so"),
        ("Ann", "capital letters are not allowed: ann"),
        ("a\nb", "it would get no mail"),
    ],
)
def test_names_that_no_user_can_have(desk: Desk, key: str, message: str) -> None:
    """A name that is taken, reserved, or that no account can have is refused with the reason."""
    assert _message(desk, _USERS, key).startswith(message)


def test_the_longest_name_is_a_setting(desk: Desk) -> None:
    """A name of more characters than maxAcctNameLength is refused for users and groups, not for pseudonyms."""
    overlay = desk.overlay(("configuration", "maxAcctNameLength", "", "12"))
    for page in (_USERS, "collaboration/groups"):
        with pytest.raises(FormError) as caught:
            desk.create(desk.panel(page), overlay, "x" * 13, {**_NAMES, "Description": "d", "Members": ["john"]})
        assert "13 characters; 12 are allowed" in caught.value.fields["key"].message
    desk.create(desk.panel("collaboration/pseudonyms"), overlay, "x" * 13, {"Account": "john"})
    assert overlay.type_of("accounts", "x" * 13) == "pseudonym"


@pytest.mark.parametrize(
    ("page", "key", "values"),
    [
        ("collaboration/pseudonyms", "a/b", {"Account": "john"}),
        ("configuration/domains", "exa mple.com", {}),
        ("security/localnetworks", "192.168.1", {"Mask": "255.255.255.0"}),
    ],
)
def test_the_rule_of_the_key_is_that_of_the_schema(desk: Desk, page: str, key: str, values: dict[str, str]) -> None:
    """What the schema requires of a key is refused with its words."""
    overlay = desk.overlay()
    with pytest.raises(FormError) as caught:
        desk.create(desk.panel(page), overlay, key, values)
    assert list(caught.value.fields) == ["key"]
    assert overlay.changes == []


def test_what_has_to_be_there_is_named_with_everything_else(desk: Desk) -> None:
    """Fields that need a value, values that are refused and the key are refused all at once."""
    overlay = desk.overlay()
    with pytest.raises(FormError) as caught:
        desk.create(desk.panel(_USERS), overlay, "john", {"FirstName": ""})
    assert caught.value.fields.keys() == {"key", "FirstName", "LastName"}
    with pytest.raises(FormError) as caught:
        desk.create(desk.panel(_USERS), overlay, "ann", {"FirstName": "Ann", "LastName": "  ", "EmailForward": "x"})
    assert caught.value.fields.keys() == {"LastName", "EmailForward"}
    assert overlay.changes == []


def test_no_records_are_made_elsewhere(desk: Desk) -> None:
    """A page that is a form of settings makes no records."""
    with pytest.raises(NotAllowedError):
        desk.create(desk.panel("configuration/email"), desk.overlay(), "x", {})
