"""Who is in the fleet, who is invited, and what each may write: what the rows of the journal make of it.

The same rows give the same members on every host, so all hosts refuse the same row. A replica keeps them in its store
(:meth:`Members.to_states`), so that it needs no replay to go on.

The rights (docs/fleet.md#rights):

- Each member writes the layers of the fleet and of groups, its own groups, signals, and that it leaves.
- Who invites and removes is the member that has been there longest, the lead: at first the first host, which has the
  authority of the certificates too. So whoever has the key of another host takes no name, and removes nobody.
- A host joins with the one-time key of an open invitation for its name. A name that is there is never joined again.
- What was invited by a host that is not there any more is no invitation any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from esmith.fields import dataclass, replace
from esmith.fleet.journal.checking import (
    check_groups,
    check_name,
    check_number,
    check_program,
    check_public,
    check_time,
)
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.keys import verify
from esmith.fleet.journal.row import Row, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MEMBER, INVITE = "member/", "invite/"


@dataclass(frozen=True)
class Member:
    """A host of the fleet.

    :param name: its name.
    :param key: its public key.
    :param groups: its groups, nearest layer first.
    :param program: version of the program that made its last row.
    :param joined: the revision with which it joined.
    """

    name: str
    key: str
    groups: tuple[str, ...]
    program: str
    joined: int


@dataclass(frozen=True)
class Invite:
    """An invitation that nobody has used yet; it may have ended.

    :param name: of the host that may join.
    :param key: the one-time public key.
    :param by: the host that invited.
    :param time: when, in seconds since 1970 by the clock of that host.
    :param until: when it ends, in seconds since 1970.
    """

    name: str
    key: str
    by: str
    time: int
    until: int


class Members(Mapping[str, Member]):
    """The members of a fleet at one revision, by their names.

    :param fleet: name of the fleet.
    """

    def __init__(self, fleet: str) -> None:
        self.fleet = fleet
        self._members: dict[str, Member] = {}
        #: Open invitations by the name of the host.
        self.invites: dict[str, Invite] = {}

    def __getitem__(self, name: str) -> Member:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._members))

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"Members({self.fleet}: {', '.join(self)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Members):
            return NotImplemented
        mine, others = (self.fleet, self._members, self.invites), (other.fleet, other._members, other.invites)
        return mine == others

    __hash__ = None  # type: ignore[assignment]

    @property
    def lead(self) -> str:
        """The member that has been there longest, which invites and removes; "" before row 1."""
        return min(self._members.values(), key=lambda one: one.joined).name if self._members else ""

    def in_group(self, group: str) -> list[str]:
        """Return the members in a group."""
        return [name for name in self if group in self._members[name].groups]

    def copy(self) -> Members:
        """Return the same members, which can go on by themselves."""
        other = Members(self.fleet)
        other._members, other.invites = dict(self._members), dict(self.invites)
        return other

    def check(self, row: Row, raw: bytes | None = None) -> None:
        """Refuse a row that its signer may not write.

        :param row: what is to come next, decoded.
        :param raw: the bytes it came as, for its signature; None for a row of this host that is not signed yet.
        :raises RowError: with the reason.
        """
        try:
            if row.fleet != self.fleet:
                raise RowError(f"it is of the fleet {row.fleet}, not of {self.fleet}")
            key = self._key_for(row)
            if raw is not None:
                signature, body = split(raw)
                if not verify(key, body, signature):
                    raise RowError("its signature is not that of its host")
            self._check_rights(row)
        except RowError as error:
            raise error.at(row.revision, row.host) from None

    def apply(self, row: Row) -> dict[str, bytes | None]:
        """Take over what a row that was checked changes in the members.

        :return: the rows of a store that differ now, as :meth:`to_states` has them; None where there is none any more.
        """
        name = row.name
        touched = [MEMBER + row.host]
        if row.kind == "join":
            self._members[name] = Member(name, row.key, row.groups, row.program, row.revision)
            touched += self._withdraw([name])
        elif row.kind == "invite":
            self.invites[name] = Invite(name, row.key, row.host, row.time, row.until)
            touched.append(INVITE + name)
        elif row.kind in ("remove", "leave"):
            gone = name or row.host
            self._members.pop(gone, None)
            touched.append(MEMBER + gone)
            touched += self._withdraw([gone, *(key for key, one in self.invites.items() if one.by == gone)])
        if row.host in self._members:
            member = replace(self._members[row.host], program=row.program)
            self._members[row.host] = replace(member, groups=row.groups) if row.kind == "groups" else member
        return {state: self._state(state) for state in touched}

    def _withdraw(self, names: list[str]) -> list[str]:
        """Take away the invitations for hosts, and return the names of the rows they had."""
        return [INVITE + name for name in names if self.invites.pop(name, None) is not None]

    def _state(self, state: str) -> bytes | None:
        """Return what a row of a store holds, None when there is none."""
        kind, _, name = state.partition("/")
        data: dict[str, Any]
        if f"{kind}/" == MEMBER:
            one = self._members.get(name)
            if one is None:
                return None
            data = {"key": one.key, "groups": list(one.groups), "program": one.program, "joined": one.joined}
        else:
            invite = self.invites.get(name)
            if invite is None:
                return None
            data = {"key": invite.key, "by": invite.by, "time": invite.time, "until": invite.until}
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()

    def _key_for(self, row: Row) -> str:
        """Return the public key that has to have signed a row."""
        if row.kind != "join":
            if row.host not in self._members:
                raise RowError("its host is no member")
            return self._members[row.host].key
        if row.name != row.host:
            raise RowError(f"a host joins for itself, not for {row.name}")
        if row.revision == 1:
            if self._members:
                raise RowError("the fleet has members already")
            return row.key
        if row.name in self._members:
            raise RowError(f"{row.name} is a member already")
        invite = self.invites.get(row.name)
        if invite is None:
            raise RowError(f"there is no open invitation for {row.name}")
        return invite.key

    def _check_rights(self, row: Row) -> None:
        if row.kind == "join":
            self._check_join(row)
        elif row.kind in ("invite", "remove"):
            if row.host != self.lead:
                what = "invites" if row.kind == "invite" else "removes"
                raise RowError(f"only {self.lead}, the host that has been there longest, {what}")
            self._check_lead(row)
        elif row.kind == "signal":
            for name in row.hosts:
                if name not in self._members:
                    raise RowError(f"{name} is no member")

    def _check_join(self, row: Row) -> None:
        if row.revision == 1:
            return
        invite = self.invites[row.name]
        if not invite.time <= row.time <= invite.until:
            raise RowError(f"the invitation for {row.name} is not open at the time of the row")
        self._check_new_key(row)

    def _check_lead(self, row: Row) -> None:
        if row.kind == "remove":
            if row.name == row.host:
                raise RowError("a host does not remove itself, it leaves")
            if row.name not in self._members and row.name not in self.invites:
                raise RowError(f"{row.name} is neither a member nor invited")
            return
        if row.name in self._members:
            raise RowError(f"{row.name} is a member already")
        if row.until <= row.time:
            raise RowError("the invitation ends before it begins")
        self._check_new_key(row)

    def _check_new_key(self, row: Row) -> None:
        """Refuse a key that somebody has: what one signs could be taken for what the other does."""
        others = [one.key for one in self._members.values()]
        others += [one.key for one in self.invites.values() if one.name != row.name or row.kind == "join"]
        if row.key in others:
            raise RowError("its key is that of another host or invitation")

    def to_states(self) -> dict[str, bytes]:
        """Return the rows that a store keeps, value by name: ``member/NAME`` and ``invite/NAME``."""
        names = [*(MEMBER + name for name in self), *(INVITE + name for name in sorted(self.invites))]
        return {name: self._state(name) or b"" for name in names}

    @classmethod
    def from_states(cls, fleet: str, states: Mapping[str, bytes]) -> Members:
        """Return the members that a store keeps.

        :param states: rows by their names; others than ``member/NAME`` and ``invite/NAME`` are left out.
        :raises RowError: when one of them is damaged.
        """
        members = cls(fleet)
        for state, text in sorted(states.items()):
            kind, _, name = state.partition("/")
            if f"{kind}/" not in (MEMBER, INVITE):
                continue
            try:
                members._take_state(kind, name, json.loads(text))
            except (ValueError, TypeError, LookupError, RecursionError, RowError):
                hint = "run 'esmith fleet resync'"
                raise RowError(f"what this host keeps of {state} is damaged", host=fleet, hint=hint) from None
        return members

    def _take_state(self, kind: str, name: str, data: dict[str, Any]) -> None:
        check_name(name, "name")
        check_public(data["key"])
        if f"{kind}/" == MEMBER:
            check_groups(data["groups"])
            check_program(data["program"])
            check_number(data["joined"])
            member = Member(name, data["key"], tuple(data["groups"]), data["program"], data["joined"])
            self._members[name] = member
            return
        check_name(data["by"], "host")
        check_time(data["time"], "time")
        check_time(data["until"], "until")
        self.invites[name] = Invite(name, data["key"], data["by"], data["time"], data["until"])
