"""``esmith fleet invite``, ``leave``, ``remove`` and ``groups``: who is in the fleet, and of what."""

from __future__ import annotations

import time

from esmith.errors import StoreError, UsageError
from esmith.fields import dataclass
from esmith.fleet import place
from esmith.fleet.admin import accounts
from esmith.fleet.admin.authority import authority_of
from esmith.fleet.admin.membership import end_membership, require_member
from esmith.fleet.admin.own import Own
from esmith.fleet.admin.reading import row_after
from esmith.fleet.agent.claiming import forget
from esmith.fleet.etcd.errors import AwayError, DeniedError
from esmith.fleet.journal.certificates import make_certificate
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.journal.token import Invitation
from esmith.fleet.names import require_host_name
from esmith.fleet.place import FleetFiles
from esmith.printable import shell_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.fleet.journal.chain import Chain
    from esmith.fleet.journal.row import Row
    from esmith.layout import Layout
    from esmith.store.model import Author
    from esmith.store.protocol import Snapshot, Store

_HOUR = 3600


@dataclass
class Removed:
    """What became of a server that was removed.

    :param was_member: whether the journal had it as a member, or invited.
    :param had_user: whether etcd had its user.
    """

    was_member: bool
    had_user: bool


def invite(
    layout: Layout, snapshot: Snapshot, host: str, groups: Sequence[str], hours: int, author: Author
) -> Invitation:
    """Invite a server, and return what it needs to join: a secret.

    :param hours: how long it may be used.
    :raises UsageError: when there is a member of that name, or this is not the server that may invite.
    :raises StoreError: when etcd does not answer.
    """
    require_host_name(host)
    own = Own.of(layout, snapshot)
    own.require_lead("invites")
    authority = authority_of(layout)
    own.require_root()
    pair, one_time, password = make_certificate(authority, host=host), SigningKey.generate(), accounts.new_password()
    until = int(time.time()) + hours * _HOUR

    def next_row(chain: Chain) -> Row:
        if host in chain.members:
            raise UsageError(
                f"{host} is in the fleet already", hint=f"for it to join again: esmith fleet remove {shell_word(host)}"
            )
        return row_after(chain, own.host, "invite", author, name=host, key=one_time.public, until=until)

    with accounts.connect_as_root(own.files, own.endpoints) as root, own.connect() as etcd:
        journal = own.journal(etcd)
        # The row first: from then on no earlier invitation counts, so no member has the password that is replaced.
        journal.append(next_row)
        accounts.add_host(root, own.fleet, host, password)
    return Invitation(
        fleet=own.fleet,
        name=host,
        endpoints=own.endpoints,
        ca=authority.certificate.decode(),
        certificate=pair.certificate.decode(),
        key=pair.key.decode(),
        user=place.user_of(own.fleet, host),
        password=password,
        one_time_key=one_time.secret(),
        first_hash=own.first,
        until=until,
        head=str(journal.chain.head),
        groups=tuple(groups),
    )


def set_groups(own: Own, groups: Sequence[str], author: Author) -> int:
    """Have this member be in other groups, and return the fleet revision of the row that says so.

    :raises StoreError: when etcd does not answer.
    """
    with own.connect() as etcd:
        journal = own.journal(etcd)
        return journal.append(lambda chain: row_after(chain, own.host, "groups", author, groups=tuple(groups))).revision


def remove(own: Own, host: str, author: Author) -> Removed:
    """Remove another server, and its user in etcd; one that is not there any more is no error.

    :raises UsageError: when it is this one, or this is not the server that may remove.
    :raises StoreError: when etcd does not answer; it can be done again.
    """
    require_host_name(host)
    if host == own.host:
        raise UsageError("this server is removed by itself", hint="run: esmith fleet leave")
    own.require_lead("removes")
    own.require_root()
    fault = None
    with own.connect() as etcd:
        journal = own.journal(etcd)
        try:
            journal.read_on()
            is_known = host in journal.chain.members or host in journal.chain.members.invites
            if is_known:
                # Before its user is deleted: so its agent sees it, and says so there.
                journal.append(lambda chain: _removal(chain, own.host, host, author))
        except RowError as error:
            # Whoever has stolen it may have written that; it is to write nothing any more.
            fault, is_known = error, False
    with accounts.connect_as_root(own.files, own.endpoints) as root:
        had_user = accounts.remove_host(root, own.fleet, host)
    if fault is not None:
        fault.hint = "its user in etcd is deleted; take the rows out that do not fit: esmith fleet resync --cut"
        raise fault
    return Removed(is_known, had_user)


def _removal(chain: Chain, own: str, host: str, author: Author) -> Row:
    if host not in chain.members and host not in chain.members.invites:
        raise UsageError(f"{host} has left the fleet this moment", hint="look: esmith fleet status")
    return row_after(chain, own, "remove", author, name=host)


def leave(layout: Layout, store: Store, author: Author, *, only_here: bool) -> None:
    """Leave the fleet: the settings stay, and are this server's own.

    :param only_here: leave without etcd.
    :raises UsageError: when this server is in no fleet.
    :raises StoreError: when etcd does not answer; nothing was changed here then.
    """
    if not only_here:
        with store.snapshot() as snapshot:
            own = Own.of(layout, snapshot)
        _write_leave(own, author)
    with store.transaction(author) as transaction:
        require_member(transaction)
        end_membership(transaction)
    forget(layout)
    # The certificate of the authority stays where its key is.
    files = FleetFiles(layout)
    kept = files.has(place.AUTHORITY_KEY)
    files.remove(place.OF_A_MEMBER if kept else (*place.OF_A_MEMBER, place.CA))


def _write_leave(own: Own, author: Author) -> None:
    if own.host not in own.members:
        # It was removed, and knows it.
        return
    try:
        with own.connect() as etcd:
            journal = own.journal(etcd)
            journal.read_on()
            # Where it is no member any more an interrupted try has written it.
            if own.host in journal.chain.members:
                journal.append(lambda chain: row_after(chain, own.host, "leave", author))
    except DeniedError as error:
        error.hint = "if this server was removed from the fleet: esmith fleet leave --here"
        raise
    except AwayError as error:
        error.hint = "to leave without it: esmith fleet leave --here"
        raise


def others_need(own: Own) -> StoreError | None:
    """Return why the first server should not leave yet: the others would have no authority; None when it may."""
    others = [name for name in own.members if name != own.host]
    if own.members.lead != own.host or not others:
        return None
    names = f"{place.AUTHORITY_KEY} and {place.ROOT_PASSWORD}"
    return StoreError(
        "this is the first server of the fleet, and only it can invite and remove",
        hint=f"the next one is {min(others, key=lambda name: own.members[name].joined)}: copy {names} of "
        f"{own.files.folder} there first, with mode 0600; then give --yes",
    )
