"""Whoever has the key of one member: what is tried with it, in whatever order, and what never succeeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from esmith.fleet.journal.chain import Chain, replay
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.members import Members
from esmith.fleet.journal.row import KINDS, hash_of
from tests.examples import examples
from tests.fleet.journal.journals import FLEET, NOW, Journal, data_of, forge, key_of
from tests.state_machines import play

#: Whose key is stolen; mail1 invites, mail3 and mail4 come and leave.
THIEF = "mail2"
HOSTS = ("mail1", "mail2", "mail3", "mail4", "mail5")
#: The keys that the thief has: the stolen one and some that are made for it. What others hold is not among them.
_THIEFS_KEYS = (THIEF, "fresh", "fresh-2")
_LAYERS = ("fleet", "group:mx", "host", "host:mail1", "host:mail2", "group:host:mail1")
#: What a member may write, by kind: the thief too, as long as it is one.
_OWN_KINDS = ("changes", "groups", "leave", "signal", "nothing")

_hosts = st.sampled_from(HOSTS)
_publics = st.sampled_from([*_THIEFS_KEYS, "mail1", "once-mail4", "once-mail5"]).map(lambda name: key_of(name).public)


class ThiefMachine(RuleBasedStateMachine):
    """The honest hosts go on as they do, and the thief tries rows in between."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = Journal("mail1", THIEF, "mail3")
        self.accepted = 0

    @property
    def members(self) -> Members:
        """Who is in the fleet."""
        return self.journal.chain.members

    @rule(host=st.sampled_from(["mail4", "mail5", "mail3", THIEF]))
    def honest_invitation(self, host: str) -> None:
        """The lead invites a host that is not there."""
        if host not in self.members:
            self.journal.invite(host, by="mail1")

    @rule(host=st.sampled_from(["mail4", "mail5", "mail3"]))
    def honest_join(self, host: str) -> None:
        """A host that was invited joins."""
        if host in self.members.invites:
            self.journal.join(host)

    @rule(host=st.sampled_from(["mail3", "mail4", "mail5"]))
    def honest_end(self, host: str) -> None:
        """A host leaves."""
        if host in self.members:
            self.journal.write(host, "leave")

    @rule(host=st.sampled_from(["mail1", "mail3", "mail4"]), kind=st.sampled_from(["nothing", "groups", "changes"]))
    def honest_row(self, host: str, kind: str) -> None:
        """A host writes what it may."""
        change = ("group:mx", "configuration", "qpsmtpd", "DNSBL", "enabled")
        every: dict[str, dict[str, Any]] = {"groups": {"groups": ("mx",)}, "changes": {"changes": (change,)}}
        fields = every.get(kind, {})
        if host in self.members:
            self.journal.write(host, kind, **fields)

    @rule()
    def removal(self) -> None:
        """The theft was noticed."""
        if THIEF in self.members and len(self.members) > 3:
            self.journal.write("mail1", "remove", name=THIEF)

    @rule(data=st.data())
    def forged_row(self, data: st.DataObject) -> None:
        """The thief writes a row of any kind, in anybody's name, with any of its keys."""
        kind = data.draw(st.sampled_from(sorted(KINDS)))
        host = data.draw(st.just(THIEF) | _hosts)
        layer = data.draw(st.sampled_from(_LAYERS))
        own: dict[str, Any] = {
            "name": data.draw(_hosts) if kind != "join" else data.draw(st.just(host) | _hosts),
            "key": data.draw(_publics),
            "until": NOW + 10_000,
            "groups": data.draw(st.sampled_from([[], ["mx"], ["mail1"]])),
            "event": "email-update",
            "hosts": data.draw(st.sampled_from([[], ["mail1"], ["mail9"]])),
            "changes": [[layer, "configuration", "SystemName", "", "stolen"]],
        }
        row = data_of(self.journal.rows[-1])
        for names in KINDS.values():
            for name in names:
                row.pop(name, None)
        row |= {"kind": kind, "host": host, "revision": self.journal.chain.head.number + 1}
        row |= {"previous": self.journal.chain.head.hash, "time": NOW + data.draw(st.sampled_from([0, 50, 10**9]))}
        row |= {name: own[name] for name in KINDS[kind]}
        signer = data.draw(st.sampled_from(_THIEFS_KEYS))
        may = (
            THIEF in self.members
            and (host, signer) == (THIEF, THIEF)
            and kind in _OWN_KINDS
            and (kind != "changes" or layer in ("fleet", "group:mx"))
            and (kind != "signal" or own["hosts"] != ["mail9"])
        )
        self._try(forge(row, key_of(signer)), may)

    @precondition(lambda self: len(self.journal.rows) > 5)
    @rule(data=st.data())
    def old_row_again(self, data: st.DataObject) -> None:
        """The thief repeats a row of anybody, as it was, or moved to the end with a signature of its own."""
        raw = data.draw(st.sampled_from(self.journal.rows))
        self._try(raw, may=False)
        moved = data_of(raw)
        if moved["host"] != THIEF:
            head = self.journal.chain.head
            moved |= {"revision": head.number + 1, "previous": head.hash}
            self._try(forge(moved, key_of(THIEF)), may=False)
            signature = raw.partition(b"\n")[0]
            self._try(signature + b"\n" + forge(moved, key_of(THIEF)).partition(b"\n")[2], may=False)

    def _try(self, raw: bytes, may: bool) -> None:
        """Offer a row to the fleet, which has to take it exactly when the thief may write it."""
        before, head = self.members.copy(), self.journal.chain.head
        if may:
            self.journal.chain.take(raw)
            self.journal.rows.append(raw)
            self.accepted += 1
            others = {name: self.members[name].key for name in self.members if name != THIEF}
            assert others == {name: before[name].key for name in before if name != THIEF}
            return
        with pytest.raises(RowError):
            self.journal.chain.take(raw)
        assert (self.members, self.journal.chain.head) == (before, head)

    @rule(data=st.data())
    def rewritten_past(self, data: st.DataObject) -> None:
        """The thief replaces a row of the past and all after it: those of others it cannot sign, and hashes differ."""
        place = data.draw(st.integers(0, len(self.journal.rows) - 1))
        forged = _rechained(self.journal.rows, place)
        rows = [*self.journal.rows[:place], *forged]
        seen = data.draw(st.integers(place + 1, len(self.journal.rows)))
        chain = Chain(FLEET, known={1: hash_of(self.journal.rows[0]), seen: hash_of(self.journal.rows[seen - 1])})
        with pytest.raises(RowError):
            list(replay(chain, rows))
            chain.require_known()
        assert chain.head.number < seen

    @invariant()
    def names_are_those_of_their_hosts(self) -> None:
        """Each name has the key of its host, whatever was tried, and nobody was invited but by the lead."""
        assert {name: self.members[name].key for name in self.members} == {
            name: key_of(name).public for name in self.members
        }
        assert "mail1" in self.members
        assert {one.by for one in self.members.invites.values()} <= {"mail1"}

    def teardown(self) -> None:
        """Whoever reads all rows at the end sees the same fleet, and signed by their hosts."""
        assert self.journal.replayed().members == self.members
        assert Members.from_states(FLEET, self.members.to_states()) == self.members


def _rechained(rows: list[bytes], place: int) -> Iterator[bytes]:
    """Yield rows from a place on with another content in the first one, each with the hash of the one before."""
    previous = hash_of(rows[place - 1]) if place else ""
    for raw in rows[place:]:
        data = data_of(raw) | {"previous": previous}
        data |= {"token": "f" * 32} if raw is rows[place] else {}
        # The thief signs what it can; else the old signature has to do.
        forged = forge(data, key_of(THIEF))
        if data["host"] != THIEF:
            forged = raw.partition(b"\n")[0] + forged[forged.index(b"\n") :]
        previous = hash_of(forged)
        yield forged


def test_a_stolen_key() -> None:
    """With one key nobody takes another's name, writes a host's layer or in another's name, or rewrites the past."""
    play(ThiefMachine, examples(40), 20)


@pytest.mark.long
def test_a_stolen_key_used_long() -> None:
    """The same, 60,000 steps."""
    play(ThiefMachine, 1500, 40)
