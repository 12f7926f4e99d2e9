"""Who is in the fleet, and what each may write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from esmith.fields import replace
from esmith.fleet.journal.chain import check_next
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.journal.members import Invite, Member, Members
from esmith.fleet.journal.row import Row, decode, encode
from tests.fleet.journal.journals import FLEET, NOW, Journal, key_of


def test_a_fleet_grows_and_shrinks() -> None:
    """The members are who joined and neither left nor was removed; who joins uses up the invitation."""
    journal = Journal("mail1", "mail2")
    assert list(journal.chain.members) == ["mail1", "mail2"]
    journal.invite("mail3")
    assert list(journal.chain.members) == ["mail1", "mail2"]
    assert list(journal.chain.members.invites) == ["mail3"]
    journal.join("mail3", groups=("mx", "office"))
    assert journal.chain.members["mail3"] == Member("mail3", key_of("mail3").public, ("mx", "office"), "0.1.0", 5)
    assert not journal.chain.members.invites
    journal.write("mail2", "leave")
    journal.write("mail1", "remove", name="mail3")
    assert list(journal.chain.members) == ["mail1"]
    assert journal.replayed().members == journal.chain.members


def test_groups_are_those_of_the_host_that_signs() -> None:
    """A row of groups sets the groups of its own host, in their order."""
    journal = Journal("mail1", "mail2")
    journal.write("mail2", "groups", groups=("office", "mx"))
    journal.write("mail1", "groups", groups=("mx",))
    assert journal.chain.members["mail2"].groups == ("office", "mx")
    assert journal.chain.members.in_group("mx") == ["mail1", "mail2"]
    assert journal.chain.members.in_group("office") == ["mail2"]
    journal.write("mail2", "groups", groups=())
    assert journal.chain.members.in_group("office") == []


def test_the_version_of_a_host_is_that_of_its_last_row() -> None:
    """Each row of a host says which version it has now."""
    journal = Journal("mail1", "mail2")
    journal.write("mail2", "nothing", program="0.2.0")
    assert [journal.chain.members[name].program for name in ("mail1", "mail2")] == ["0.1.0", "0.2.0"]


def test_the_lead_is_who_has_been_there_longest() -> None:
    """Who invites and removes is the first host; after it left, the one that joined next; a return begins again."""
    assert Members(FLEET).lead == ""
    journal = Journal("mail3", "mail1", "mail2")
    assert journal.chain.members.lead == "mail3"
    journal.write("mail3", "leave")
    assert journal.chain.members.lead == "mail1"
    journal.invite("mail3", by="mail1")
    journal.join("mail3")
    assert journal.chain.members.lead == "mail1"


def test_a_name_that_was_left_can_be_taken_again() -> None:
    """After a host left or was removed its name can be invited, with a new key: a machine that was set up again."""
    journal = Journal("mail1", "mail2", "mail3")
    journal.write("mail2", "leave")
    journal.write("mail1", "remove", name="mail3")
    for name in ("mail2", "mail3"):
        journal.invite(name)
        journal.join(name, key=key_of(f"new-{name}").public)
        assert journal.chain.members[name].key == key_of(f"new-{name}").public


def test_the_old_key_of_a_removed_host_is_worth_nothing() -> None:
    """A removed host writes nothing more, neither under its name nor after the name was taken again."""
    journal = Journal("mail1", "mail2")
    journal.write("mail1", "remove", name="mail2")
    _refuse(journal, journal.next("mail2", "nothing"), key_of("mail2"), "its host is no member")
    journal.invite("mail2")
    journal.join("mail2", key=key_of("new").public)
    _refuse(journal, journal.next("mail2", "nothing"), key_of("mail2"), "its signature is not that of its host")


def test_invitations_go_with_who_invited() -> None:
    """When the lead leaves, what it invited is no invitation any more; so is what the lead takes back."""
    journal = Journal("mail1", "mail2")
    journal.invite("mail3")
    journal.invite("mail4")
    journal.write("mail1", "remove", name="mail4")
    assert list(journal.chain.members.invites) == ["mail3"]
    journal.write("mail1", "leave")
    assert not journal.chain.members.invites
    assert journal.chain.changed == {"member/mail1": None, "invite/mail3": None}


def test_a_second_invitation_replaces_the_first() -> None:
    """A lead that invites a host again makes the earlier one worthless: it may have been lost."""
    journal = Journal("mail1")
    journal.invite("mail2")
    key = key_of("second")
    journal.write("mail1", "invite", name="mail2", key=key.public, until=NOW + 1000)
    row = journal.next("mail2", "join", name="mail2", key=key_of("mail2").public)
    _refuse(journal, row, key_of("once-mail2"), "its signature is not that of its host")
    journal.add(row, key)


def _refuse(journal: Journal, row: Row, key: SigningKey, why: str) -> None:
    """Expect that a row is refused with a reason, before and after it is signed, unless the signature is wrong."""
    raw = encode(row, key)
    head, members = journal.chain.head, journal.chain.members
    with pytest.raises(RowError, match=why):
        check_next(head, raw, members)
    if "signature" not in why:
        with pytest.raises(RowError, match=why):
            members.check(row)


_PUBLIC = key_of("new").public


@pytest.mark.parametrize(
    ("host", "kind", "fields", "why"),
    [
        ("mail9", "nothing", {}, "its host is no member"),
        ("mail2", "invite", {"name": "mail9", "key": _PUBLIC, "until": NOW + 99}, "only mail1, .* invites"),
        ("mail2", "remove", {"name": "mail3"}, "only mail1, .* removes"),
        ("mail2", "remove", {"name": "mail1"}, "only mail1, .* removes"),
        ("mail2", "remove", {"name": "mail2"}, "only mail1, .* removes"),
        ("mail1", "invite", {"name": "mail9", "key": _PUBLIC, "until": NOW + 7}, "ends before it begins"),
        ("mail1", "remove", {"name": "mail1"}, "does not remove itself"),
        ("mail1", "remove", {"name": "mail9"}, "neither a member nor invited"),
        ("mail1", "invite", {"name": "mail2", "key": _PUBLIC, "until": NOW + 99}, "is a member already"),
        ("mail1", "invite", {"name": "mail9", "key": _PUBLIC, "until": NOW}, "ends before it begins"),
        ("mail1", "invite", {"name": "mail9", "key": key_of("mail2").public, "until": NOW + 99}, "another host"),
        ("mail1", "invite", {"name": "mail9", "key": key_of("once-mail4").public, "until": NOW + 99}, "invitation"),
        ("mail2", "signal", {"event": "email-update", "hosts": ("mail9",), "until": 1}, "mail9 is no member"),
        ("mail2", "join", {"name": "mail2", "key": _PUBLIC}, "is a member already"),
        ("mail9", "join", {"name": "mail9", "key": _PUBLIC}, "no open invitation"),
        ("mail2", "join", {"name": "mail4", "key": _PUBLIC}, "joins for itself"),
    ],
)
def test_what_nobody_may_write(host: str, kind: str, fields: dict[str, Any], why: str) -> None:
    """Rows that their host may not write are refused though their signature is right, and so before they are signed."""
    journal = Journal("mail1", "mail2", "mail3")
    journal.invite("mail4")
    _refuse(journal, journal.next(host, kind, **fields), key_of(host), why)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda row: replace(row, time=row.until + NOW + 2000), "not open at the time"),
        (lambda row: replace(row, time=NOW - 1), "not open at the time"),
        (lambda row: replace(row, key=key_of("mail1").public), "that of another host"),
        (lambda row: replace(row, key=key_of("once-mail2").public), "that of another host"),
        (lambda row: replace(row, host="mail3", name="mail3"), "no open invitation for mail3"),
    ],
)
def test_a_join_that_does_not_fit_its_invitation(change: Callable[[Row], Row], why: str) -> None:
    """A host joins while its invitation is open, by its own clock, with a key of its own, under the name invited."""
    journal = Journal("mail1")
    journal.invite("mail2")
    row = journal.next("mail2", "join", name="mail2", key=key_of("mail2").public)
    _refuse(journal, change(row), key_of("once-mail2"), why)
    journal.add(row, key_of("once-mail2"))


@pytest.mark.parametrize("time", [NOW + 2, NOW + 1000])
def test_the_whole_time_of_an_invitation(time: int) -> None:
    """An invitation is open from the second in which it was made to the one in which it ends."""
    journal = Journal("mail1")
    journal.invite("mail2")
    assert journal.chain.members.invites["mail2"].time == NOW + 2
    journal.join("mail2", time=time)


def test_a_join_with_another_key() -> None:
    """Without the one-time key nobody joins, not even with the key of a member or of the lead."""
    journal = Journal("mail1", "mail2")
    journal.invite("mail3")
    row = journal.next("mail3", "join", name="mail3", key=key_of("mail3").public)
    for name in ("mail3", "mail1", "mail2", "once-mail2"):
        _refuse(journal, row, key_of(name), "its signature is not that of its host")


def test_the_first_row_is_a_join() -> None:
    """A fleet begins with the join of its first host, signed with the key that it names."""
    journal = Journal()
    for kind, fields in (("nothing", {}), ("changes", {"changes": (("fleet", "a", "b", "", "c"),)})):
        _refuse(journal, journal.next("mail1", kind, **fields), key_of("mail1"), "its host is no member")
    row = journal.next("mail1", "join", name="mail1", key=key_of("mail1").public)
    _refuse(journal, row, key_of("mail2"), "its signature is not that of its host")
    journal.add(row, key_of("mail1"))


def test_a_fleet_without_members_is_at_its_end() -> None:
    """After the last host left nobody can write a row, not even begin again."""
    journal = Journal("mail1")
    journal.write("mail1", "leave")
    row = journal.next("mail1", "join", name="mail1", key=_PUBLIC)
    _refuse(journal, row, key_of("new"), "no open invitation")


def test_what_a_store_keeps() -> None:
    """Members and invitations come back from the rows that a store keeps; others of that table are passed over."""
    journal = Journal("mail1", "mail2")
    journal.write("mail2", "groups", groups=("mx",))
    journal.invite("mail3")
    states = journal.chain.members.to_states()
    assert sorted(states) == ["invite/mail3", "member/mail1", "member/mail2"]
    again = Members.from_states(FLEET, states | {"host": b"mail2", "revision": b"5 x", "first": b"y"})
    assert again == journal.chain.members
    assert again.invites["mail3"] == Invite("mail3", key_of("once-mail3").public, "mail1", NOW + 5, NOW + 1000)
    assert again != Members(FLEET)
    assert again != "mail"


def test_what_each_row_changes_in_a_store() -> None:
    """What a row changed, put over what the store keeps, is what it keeps then."""
    journal = Journal("mail1")
    kept: dict[str, bytes] = journal.chain.members.to_states()

    def step(raw: bytes) -> None:
        assert raw
        for name, value in journal.chain.changed.items():
            kept.pop(name, None)
            if value is not None:
                kept[name] = value
        assert kept == journal.chain.members.to_states()

    step(journal.invite("mail2"))
    step(journal.join("mail2"))
    step(journal.write("mail2", "groups", groups=("a",)))
    step(journal.invite("mail3"))
    step(journal.write("mail2", "nothing", program="9"))
    step(journal.write("mail1", "remove", name="mail3"))
    step(journal.invite("mail4"))
    step(journal.write("mail1", "remove", name="mail2"))
    step(journal.write("mail1", "leave"))
    assert kept == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("member/mail1", b""),
        ("member/mail1", b"\xff"),
        ("member/mail1", b"[]"),
        ("member/mail1", b"{}"),
        ("member/mail1", b"[" * 100_000),
        ("member/-", b'{"key":"%s","groups":[],"program":"1","joined":1}' % _PUBLIC.encode()),
        ("member/mail1", b'{"key":"%s","groups":["A"],"program":"1","joined":1}' % _PUBLIC.encode()),
        ("member/mail1", b'{"key":"%s","groups":[],"program":"1","joined":0}' % _PUBLIC.encode()),
        ("invite/mail1", b'{"key":"%s","by":"mail2","time":1}' % _PUBLIC.encode()),
        ("invite/mail1", b'{"key":"%s","by":"mail2","time":"1","until":2}' % _PUBLIC.encode()),
        ("invite/mail1", b'{"key":"%s","by":"mail2","time":1,"until":-2}' % _PUBLIC.encode()),
        ("invite/mail1", b'{"key":"%s","by":"","time":1,"until":2}' % _PUBLIC.encode()),
        ("invite/mail1", b'{"key":"x","by":"mail2","time":1,"until":2}'),
        ("member/mail1", b'{"key":"%s","groups":[],"program":"","joined":1}' % _PUBLIC.encode()),
    ],
)
def test_damage_in_a_store_is_named(name: str, value: bytes) -> None:
    """What a store keeps and no row can have made is an error that names it, with the cure."""
    with pytest.raises(RowError, match=f"{name} is damaged") as caught:
        Members.from_states(FLEET, {name: value})
    assert "esmith fleet resync" in caught.value.hint


def test_copies_go_on_by_themselves() -> None:
    """What is taken over in a copy of the members does not show in the others."""
    journal = Journal("mail1", "mail2")
    copy = journal.chain.members.copy()
    copy.apply(decode(encode(journal.next("mail2", "leave"), key_of("mail2"))))
    assert list(copy) == ["mail1"]
    assert list(journal.chain.members) == ["mail1", "mail2"]
    assert repr(copy) == "Members(mail: mail1)"
