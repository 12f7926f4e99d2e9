"""``esmith fleet init``: the first server of a fleet.

Its steps may be interrupted at any moment, and each is done again without harm: the keys are on the disk before etcd
knows of them, etcd's users are made or get their passwords again, and what the journal has is not written twice.
The local store becomes a member's in one transaction, at the end. Of two servers that begin at once in one new etcd the
last that sets the password of its root goes on; where both know it, the one that writes row 1.
"""

from __future__ import annotations

from esmith.errors import UsageError
from esmith.fields import dataclass, field
from esmith.fleet import place
from esmith.fleet.admin import accounts
from esmith.fleet.admin.authority import authority_of
from esmith.fleet.admin.membership import become_member, require_no_member
from esmith.fleet.admin.reading import Journal, changes_after, row_after
from esmith.fleet.agent.remote import Remote
from esmith.fleet.etcd.errors import DeniedError
from esmith.fleet.journal.certificates import make_certificate
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.names import FLEET, require_fleet_name, require_host_name
from esmith.fleet.place import FleetFiles
from esmith.fleet.replica.databases import check_names
from esmith.fleet.replica.scope import Scopes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from esmith.fleet.journal.chain import Chain
    from esmith.fleet.journal.row import Change, Row
    from esmith.layout import Layout
    from esmith.store.model import Author
    from esmith.store.protocol import Snapshot, Store


@dataclass
class Sharing:
    """The settings of a root that become the fleet's, and those that stay.

    :param shared: the cells that become the fleet's, as changes of its layer.
    :param own: database, key and property of the cells that stay: of one machine by nature, and secrets.
    """

    shared: list[Change] = field(default_factory=list)
    own: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Plan:
    """What the first server is to be.

    :param fleet: the name of the fleet.
    :param host: the name of this server in it.
    :param endpoints: of etcd.
    :param groups: of this server, the nearest first.
    """

    fleet: str
    host: str
    endpoints: Sequence[str]
    groups: Sequence[str] = ()

    def require(self) -> None:
        """Refuse what cannot be.

        :raises UsageError: says what it may be.
        """
        require_fleet_name(self.fleet)
        require_host_name(self.host)
        if not self.endpoints:
            raise UsageError("no endpoint is named", hint="as here: --endpoints https://10.0.0.1:2379")
        for endpoint in self.endpoints:
            if not endpoint.startswith("https://"):
                raise UsageError(
                    f"{endpoint!r} is not an address of etcd with TLS", hint="as here: https://10.0.0.1:2379"
                )


def sharing_of(layout: Layout, snapshot: Snapshot) -> Sharing:
    """Return which settings of a root would become the fleet's, and which would stay."""
    scopes, sharing = Scopes(layout, snapshot), Sharing()
    for database in snapshot.databases():
        for record in snapshot.records(database):
            for prop, value in {"": record.type, **record.props}.items():
                if scopes.is_host(database, record.key, prop):
                    sharing.own.append((database, record.key, prop))
                else:
                    sharing.shared.append((FLEET, database, record.key, prop, value))
    return sharing


def init_fleet(
    layout: Layout, store: Store, plan: Plan, author: Author, *, step: Callable[[str], None] = lambda _: None
) -> Sharing:
    """Make this server the first one of a fleet, and return what became the fleet's.

    :param step: is called before each step with what it does.
    :raises UsageError: when this server is in a fleet, or etcd has one of that name.
    :raises StoreError: when etcd or the store cannot be written; it can be done again.
    """
    plan.require()
    files = FleetFiles(layout)
    # Open from the start, so a second try at the same time waits, and sees what became of the first.
    with store.transaction(author) as transaction:
        require_no_member(transaction)
        step("keys")
        _make_keys(layout, files, plan.host)
        signing = SigningKey.load(files.path(place.SIGNING_KEY))
        journal = _begin(files, plan, signing, author, step)
        files.write(place.FIRST_ROW, f"{journal.first}\n".encode())
        user = place.user_of(plan.fleet, plan.host)
        with accounts.connect(files, plan.endpoints, user, files.text(place.PASSWORD)) as etcd:
            journal.remote = Remote(etcd, plan.fleet, plan.host, signing)
            sharing = sharing_of(layout, transaction)
            step("settings")
            _share(journal, plan.host, author, sharing.shared)
            step("databases")
            become_member(transaction, journal, plan.host, plan.endpoints)
    return sharing


def _make_keys(layout: Layout, files: FleetFiles, host: str) -> None:
    """Make the keys and passwords of this server; those that are there stay."""
    authority = authority_of(layout)
    if not files.has(place.CERTIFICATE):
        pair = make_certificate(authority, host=host)
        files.write(place.KEY, pair.key)
        files.write(place.CERTIFICATE, pair.certificate)
    if not files.has(place.SIGNING_KEY):
        SigningKey.generate().save(files.path(place.SIGNING_KEY))
    for name in (place.ROOT_PASSWORD, place.PASSWORD):
        if not files.has(name):
            files.write(name, f"{accounts.new_password()}\n".encode())


def _begin(files: FleetFiles, plan: Plan, signing: SigningKey, author: Author, step: Callable[[str], None]) -> Journal:
    """Make the users of etcd, and return the journal, which begins with this server.

    :raises UsageError: when another server began it.
    :raises DeniedError: when another server has made users in this etcd.
    """
    with accounts.connect_as_root(files, plan.endpoints) as root:
        try:
            step("users of etcd")
            accounts.enable(root, files.text(place.ROOT_PASSWORD))
            accounts.add_fleet(root, plan.fleet)
            step("journal")
            journal = _begun(Remote(root, plan.fleet, plan.host, signing), plan, signing, author)
            step("user of this server")
            # Now, since the row has decided: a server that did not begin the fleet takes nobody's password away.
            accounts.add_host(root, plan.fleet, plan.host, files.text(place.PASSWORD))
        except DeniedError as error:
            raise accounts.not_ours(error, files) from error
    return journal


def _begun(remote: Remote, plan: Plan, signing: SigningKey, author: Author) -> Journal:
    journal = Journal.from_start(remote)
    if journal.chain.head.number == 0:
        journal.append(lambda chain: _first_row(chain, plan, signing, author))
    own = journal.chain.members.get(plan.host)
    if own is None or own.key != signing.public or len(journal.chain.members) > 1:
        raise UsageError(
            f"etcd has a fleet {plan.fleet} already, which this server did not begin",
            hint="take another name, or join it: on the server that began it, esmith fleet invite NAME",
        )
    return journal


def _first_row(chain: Chain, plan: Plan, signing: SigningKey, author: Author) -> Row:
    if chain.head.number:
        raise UsageError(
            f"another server has begun the fleet {plan.fleet} this moment",
            hint="join it: on that server, esmith fleet invite NAME",
        )
    return row_after(chain, plan.host, "join", author, name=plan.host, key=signing.public, groups=tuple(plan.groups))


def _share(journal: Journal, host: str, author: Author, shared: list[Change]) -> None:
    """Have the layer of the fleet be what this server has; what an interrupted try wrote is not written twice."""
    has: dict[tuple[str, str, str, str], str | None] = {}
    for applied in journal.applied:
        for layer, database, key, prop, value in applied.changes:
            has[layer, database, key, prop] = value
    check_names(change[1] for change in shared)
    wanted = {change[:4] for change in shared}
    gone: list[Change] = [
        (layer, database, key, prop, None)
        for (layer, database, key, prop), value in has.items()
        if value is not None and (layer, database, key, prop) not in wanted
    ]
    changes = [change for change in shared if has.get(change[:4]) != change[4]]
    if changes or gone:
        journal.append(lambda chain: changes_after(chain, host, author, [*changes, *gone]))
