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
    given = {"EmailForward": "both", "ForwardAddress": "ann@example.net", "groups": ["group2"]}
    desk.create(desk.panel(_USERS), overlay, "ann", {**_NAMES, **given})
    assert cells(overlay.changes) == {
        "accounts ann": "user",
        "accounts ann FirstName": "Ann",
        "accounts ann LastName": "Lee",
        "accounts ann EmailForward": "both",
        "accounts ann ForwardAddress": "ann@example.net",
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
        ("a\nb", "it would get no mail"),
        ("Ann", "small letters are needed here"),
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


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("info@nowhere.example", "nowhere.example is no domain of this server"),
        ("Info", "small letters are needed here"),
    ],
)
def test_names_that_no_pseudonym_can_have(desk: Desk, key: str, message: str) -> None:
    """A pseudonym that no mail could reach is refused: the domain of an address has to be one of this server."""
    assert _message(desk, "collaboration/pseudonyms", key) == message


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("TEST.com", "for mail the same name as test.com"),
        ("-x.com", "no mail can be addressed to such a name"),
    ],
)
def test_names_that_no_domain_can_have(desk: Desk, key: str, message: str) -> None:
    """A domain that mail takes for another one, or cannot be addressed to, is refused."""
    assert message in _message(desk, "configuration/domains", key)


@pytest.mark.parametrize(
    ("key", "mask", "router", "field", "message"),
    [
        ("172.16.7.5", "255.255.255.0", "", "key", "it is the address of a machine in the network 172.16.7.0"),
        ("192.168.1.128", "255.255.255.128", "", "key", "it is local already, in the network 192.168.1.0/24"),
        ("10.0.5.0", "255.255.255.0", "", "key", "it is local already, in the network 10.0.0.0/16"),
        ("0.0.0.0", "0.0.0.0", "", "key", "these are all addresses of the internet"),
        ("172.16.7.0", "255.255.255.0", "172.16.7.1", "Router", "it is not in the network of this server"),
    ],
)
def test_networks_that_cannot_be(desk: Desk, key: str, mask: str, router: str, field: str, message: str) -> None:
    """A network that is local already, or whose router the server does not reach, is refused beside its field."""
    overlay = desk.overlay()
    with pytest.raises(FormError) as caught:
        desk.create(desk.panel("security/localnetworks"), overlay, key, {"Mask": mask, "Router": router})
    assert list(caught.value.fields) == [field]
    assert caught.value.fields[field].message.startswith(message)
    assert overlay.changes == []


def test_what_is_wrong_already_does_not_stop_other_changes(desk: Desk) -> None:
    """Of a network that is changed only what was filled in is looked at; its mask cannot make it another one's part."""
    panel = desk.panel("security/localnetworks")
    overlay = desk.overlay(
        ("networks", "10.0.0.0", "Router", "192.0.2.1"), ("networks", "10.0.0.0", "Mask", "255.0.0.0")
    )
    desk.change(panel, overlay, "10.0.0.0", {"Mask": "255.255.0.0"})
    assert set(desk.refused(panel, overlay, "10.0.0.0", {"Router": "192.0.2.2"})) == {"Router"}
    assert set(desk.refused(panel, overlay, "10.0.0.0", {"Mask": "0.0.0.0"})) == {"Mask"}
