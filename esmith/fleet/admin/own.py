"""This member as commands of an administrator act for it: its name, its keys, its place in the journal in etcd."""

from __future__ import annotations

from contextlib import suppress

from esmith.errors import StoreError, UsageError
from esmith.fields import dataclass, field, replace
from esmith.fleet import place
from esmith.fleet.admin import accounts
from esmith.fleet.admin.membership import require_member
from esmith.fleet.admin.reading import FIRST, Journal
from esmith.fleet.agent.claiming import Known, twin
from esmith.fleet.agent.remote import Remote
from esmith.fleet.journal.chain import START, Chain, Head
from esmith.fleet.journal.checking import is_hash
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.journal.members import Members
from esmith.fleet.place import FleetFiles
from esmith.fleet.replica import member
from esmith.fleet.replica.databases import left_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.etcd.client import Etcd
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot


@dataclass
class Own:
    """A member, as its store has it.

    :param files: its keys and passwords.
    :param fleet: the name of its fleet.
    :param host: its name there.
    :param endpoints: of etcd.
    :param head: the last row that it has applied.
    :param members: the members, as that row left them.
    :param first: the hash of row 1.
    :param left_out: the last row of each host that was left out, by the name of the host.
    :param has_stopped: whether another machine is this member, and was first.
    """

    files: FleetFiles
    fleet: str
    host: str
    endpoints: tuple[str, ...]
    head: Head
    members: Members
    first: str
    left_out: dict[str, int] = field(default_factory=dict)
    has_stopped: bool = False

    @classmethod
    def of(cls, layout: Layout, snapshot: Snapshot) -> Own:
        """Return this member.

        :raises UsageError: when this server is in no fleet.
        :raises StoreError: when what the store has of the fleet is damaged.
        """
        own, endpoints = require_member(snapshot), place.endpoints_of(snapshot)
        members = Members.from_states(own.name, dict(snapshot.states(member.TABLE)))
        return cls(
            FleetFiles(layout),
            own.name,
            own.host,
            endpoints,
            Head.parse(own.base),
            members,
            own.text(FIRST),
            left_out(snapshot),
            has_stopped=bool(Known.of(layout).other),
        )

    @classmethod
    def restored(cls, layout: Layout, snapshot: Snapshot) -> Own:
        """Return this member, or what a backup has brought back of it: its settings and its keys, and no row.

        Of one whose store has damaged rows there is as much.

        :raises UsageError: when this server is in no fleet, and no backup of a member was restored.
        """
        files, membership = FleetFiles(layout), member.Membership(snapshot)
        fleet, host = membership.name, membership.host
        if membership.is_member:
            with suppress(RowError):
                found = cls.of(layout, snapshot)
                return found if is_hash(found.first) else replace(found, first=files.text(place.FIRST_ROW))
        else:
            fleet, host, status = (
                snapshot.prop(place.DATABASE, place.RECORD, prop) or "" for prop in ("Name", "Host", "status")
            )
            if status != "enabled" or not all(files.has(name) for name in (*place.OF_A_MEMBER, place.CA)):
                return cls.of(layout, snapshot)
        first = files.text(place.FIRST_ROW)
        return cls(files, fleet, host, place.endpoints_of(snapshot), START, Members(fleet), first)

    def connect(self) -> Etcd:
        """Return a client of etcd with the rights of this member; nothing is sent yet.

        :raises UsageError: when no endpoint of etcd is set.
        :raises StoreError: when a certificate or the password cannot be read.
        """
        if not self.endpoints:
            raise UsageError(
                "no endpoint of etcd is set",
                place=f"{place.DATABASE} {place.RECORD} Endpoints",
                hint=place.SET_ENDPOINTS,
            )
        password = self.files.text(place.PASSWORD)
        return accounts.connect(self.files, self.endpoints, place.user_of(self.fleet, self.host), password)

    def remote(self, etcd: Etcd) -> Remote:
        """Return the journal in etcd, which this member may write.

        :raises StoreError: when the key that signs cannot be read.
        """
        return Remote(etcd, self.fleet, self.host, self.signing_key())

    def signing_key(self) -> SigningKey:
        """Return what signs the rows of this member.

        :raises StoreError: when it cannot be read.
        """
        return SigningKey.load(self.files.path(place.SIGNING_KEY))

    def journal(self, etcd: Etcd) -> Journal:
        """Return the journal from where this member is; rows are read when one is written.

        :raises StoreError: when the key that signs cannot be read.
        """
        chain = Chain(self.fleet, head=self.head, members=self.members.copy())
        return Journal(self.remote(etcd), chain, refusal=twin(self.host) if self.has_stopped else None)

    def require_lead(self, what: str) -> None:
        """Refuse what only the fleet's first server may do.

        :raises UsageError: names that server.
        """
        if self.members.lead != self.host:
            raise UsageError(f"only {self.members.lead}, the first server of the fleet, {what}", hint="run it there")

    def require_root(self) -> None:
        """Refuse where the password of etcd's root is not.

        :raises StoreError: says where it has to be.
        """
        if not self.files.has(place.ROOT_PASSWORD):
            raise StoreError(
                "the password of etcd's root is not on this server",
                place=self.files.path(place.ROOT_PASSWORD),
                hint="copy it from the server on which the fleet was made, with its mode 0600",
            )
