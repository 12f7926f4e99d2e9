"""The chain: only the next row fits, and a journal that was rewritten anywhere is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.fleet.journal.chain import START, Chain, Head, check_next, replay
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.members import Members
from esmith.fleet.journal.row import encode, hash_of
from tests.examples import examples
from tests.fleet.journal.journals import FLEET, Journal, data_of, forge, key_of


def _long() -> Journal:
    journal = Journal("mail1", "mail2", "mail3")
    for number in range(4):
        change = ("fleet", "configuration", "qpsmtpd", f"P{number}", "x")
        journal.write(f"mail{number % 3 + 1}", "changes", changes=(change,))
    journal.write("mail2", "signal", event="email-update", hosts=("mail1",), until=1)
    return journal


_JOURNAL = _long()
_ROWS = tuple(_JOURNAL.rows)


def test_a_replay_ends_where_the_journal_does() -> None:
    """Who reads all rows from the first one comes to the same head and the same members as who followed them."""
    chain = _JOURNAL.replayed(known={1: hash_of(_ROWS[0]), len(_ROWS): hash_of(_ROWS[-1])})
    assert chain.head == _JOURNAL.chain.head == Head(len(_ROWS), hash_of(_ROWS[-1]))
    assert chain.members == _JOURNAL.chain.members
    chain.require_known()


@settings(deadline=None, max_examples=examples(80))
@given(st.data())
def test_no_row_can_be_moved(data: st.DataObject) -> None:
    """Rows that are swapped, left out, repeated or put elsewhere are refused, at the first place that differs."""
    places = st.integers(0, len(_ROWS) - 1)
    one, other = data.draw(places), data.draw(places)
    rows = list(_ROWS)
    how = data.draw(st.sampled_from(["swap", "drop", "repeat", "move"]))
    if how == "swap":
        rows[one], rows[other] = rows[other], rows[one]
    elif how == "drop":
        del rows[one]
    elif how == "repeat":
        rows.insert(other, rows[one])
    else:
        rows.insert(other, rows.pop(one))
    chain = Chain(FLEET, known={len(_ROWS): hash_of(_ROWS[-1])})
    same = 0
    while same < min(len(rows), len(_ROWS)) and rows[same] == _ROWS[same]:
        same += 1
    if tuple(rows) == _ROWS:
        return
    with pytest.raises(RowError) as caught:
        list(replay(chain, rows))
        chain.require_known()
    assert chain.head.number == same
    assert caught.value.revision == min(same + 1, len(_ROWS) + 1)


def test_a_row_that_does_not_fit_changes_nothing() -> None:
    """After a refused row the chain is where it was, and takes the right one."""
    chain = Chain(FLEET)
    for raw in _ROWS[:5]:
        chain.take(raw)
    before, head = chain.members.copy(), chain.head
    for wrong in (_ROWS[6], _ROWS[0], b"", _ROWS[5] + b" "):
        with pytest.raises(RowError):
            chain.take(wrong)
    assert (chain.members, chain.head) == (before, head)
    chain.take(_ROWS[5])


def test_the_journal_of_others() -> None:
    """A row of another fleet does not fit, though it is right in its own."""
    with pytest.raises(RowError, match="of the fleet mail, not of web"):
        Chain("web").take(_ROWS[0])


def test_another_first_row() -> None:
    """Who has the hash of row 1 by an invitation takes no other one: anybody could begin a fleet of that name."""
    other = Journal("mail2", "mail1")
    with pytest.raises(RowError, match="row 1 .* by host mail2, .* another row than this host knows"):
        Chain(FLEET, known={1: hash_of(_ROWS[0])}).take(other.rows[0])


def test_another_end_is_noticed() -> None:
    """A host that knows a row notices another one in its place, and a journal that ends before it."""
    with pytest.raises(RowError, match="row 8 .*another row than this host knows"):
        list(replay(Chain(FLEET, known={8: "0" * 64}), _ROWS))
    chain = Chain(FLEET, known={len(_ROWS): hash_of(_ROWS[-1])})
    list(replay(chain, _ROWS[:-2]))
    with pytest.raises(RowError, match=f"row {len(_ROWS)} .*ends at row {len(_ROWS) - 2}"):
        chain.require_known()


def test_the_message_names_row_host_and_reason() -> None:
    """What stops at a row says which one, whose it says it is, and why."""
    head, members = _JOURNAL.chain.head, _JOURNAL.chain.members
    raw = encode(_JOURNAL.next("mail3", "leave"), key_of("mail2"))
    with pytest.raises(RowError) as caught:
        check_next(head, raw, members)
    error = caught.value
    assert (error.revision, error.host, error.why) == (
        head.number + 1,
        "mail3",
        "its signature is not that of its host",
    )
    message = f"row {head.number + 1} of the fleet's journal, by host mail3, does not fit: {error.why}"
    assert error.message == message


def test_the_place_counts_not_what_the_row_says() -> None:
    """A row that gives itself another number is named by its place."""
    data = data_of(encode(_JOURNAL.next("mail3", "leave"), key_of("mail3"))) | {"revision": 77}
    with pytest.raises(RowError, match="has the number 77, and is at the place of row") as caught:
        check_next(_JOURNAL.chain.head, forge(data, key_of("mail3")), _JOURNAL.chain.members)
    assert caught.value.revision == _JOURNAL.chain.head.number + 1


def test_going_on_from_what_a_store_keeps() -> None:
    """A host that kept head and members goes on in the middle as one that read all rows."""
    chain = Chain(FLEET)
    list(replay(chain, _ROWS[:6]))
    states = chain.members.to_states()
    again = Chain(FLEET, head=Head.parse(str(chain.head)), members=Members.from_states(FLEET, states))
    for raw in _ROWS[6:]:
        again.take(raw)
        states |= {name: value for name, value in again.changed.items() if value is not None}
        assert states == again.members.to_states()
    assert again.head == _JOURNAL.chain.head


@pytest.mark.parametrize("text", ["", "0 "])
def test_the_head_of_an_empty_journal(text: str) -> None:
    """Before the first row there is no head, or one of the number 0."""
    assert Head.parse(text) == START


@pytest.mark.parametrize(
    "text", ["1", "1 x", f"0 {'0' * 64}", f"01 {'0' * 64}", f"-1 {'0' * 64}", f"1  {'0' * 64}", "²"]
)
def test_what_is_no_head(text: str) -> None:
    """A head that is not a number and a hash, written the one way, is refused."""
    with pytest.raises(RowError):
        Head.parse(text)
    for right in (f"12 {'a' * 64}", f"{10**12 - 1} {'0' * 64}"):
        assert str(Head.parse(right)) == right
