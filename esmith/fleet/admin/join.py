"""``esmith fleet join``: becoming a member with an invitation.

What would change is found out by doing it, in a transaction that is taken back. Then the row is written to the journal
and the local store becomes a member's, both while the writer lock is held. Interrupted before the row nothing has
happened; after it the same invitation completes it, since the key of this server is on the disk before the row is sent.
"""

from __future__ import annotations

import contextlib
import os
import time

from esmith.errors import StoreError, UsageError
from esmith.fields import dataclass
from esmith.fleet import place
from esmith.fleet.admin import accounts
from esmith.fleet.admin.membership import Effect, become_member, effect_of, require_no_member, would_change
from esmith.fleet.admin.reading import Journal, row_after
from esmith.fleet.agent.claiming import take_over
from esmith.fleet.agent.remote import Remote
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.errors import DeniedError
from esmith.fleet.etcd.tls import Tls
from esmith.fleet.journal.chain import Head
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.place import FleetFiles
from esmith.fleet.replica.applying import Applied
from esmith.printable import shell_word, shown_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmith.fleet.journal.chain import Chain
    from esmith.fleet.journal.row import Row
    from esmith.fleet.journal.token import Invitation
    from esmith.layout import Layout
    from esmith.store.model import Author
    from esmith.store.protocol import Store, Transaction


@dataclass
class Joined:
    """What joining changes here.

    :param effect: in the databases.
    :param count: how many servers the fleet has.
    :param revision: the last row of its journal.
    """

    effect: Effect
    count: int
    revision: int


class Joining:
    """A server that joins.

    :param layout: its root.
    :param store: its databases, which can be written.
    :param invitation: what it was given.
    :param author: who has it join; the words must not hold the invitation.
    """

    def __init__(self, layout: Layout, store: Store, invitation: Invitation, author: Author) -> None:
        self._store, self._invitation, self._author = store, invitation, author
        self._layout, self._files = layout, FleetFiles(layout)

    def preview(self) -> Joined:
        """Return what would change here; nothing is changed, and nothing written.

        :raises UsageError: when the invitation cannot be used, or this server is in a fleet.
        :raises RowError: when the journal is not the one of the invitation, or a row of it does not fit.
        :raises StoreError: when etcd does not answer.
        """
        with self._store.snapshot() as snapshot:
            require_no_member(snapshot)
        own = self._own_key()
        with self._connect() as etcd:
            journal = self._read(etcd, own)
        count, revision = len(journal.chain.members), journal.chain.head.number
        if self._invitation.name not in journal.chain.members:
            # As if it had joined: its groups count.
            key = SigningKey.of_text(self._invitation.one_time_key).public
            states = journal.chain.members.apply(self._row(journal.chain, key))
            journal.applied.append(Applied(revision, journal.chain.head.hash, (), states))
        effect = would_change(self._store, self._author, lambda transaction: self._become(transaction, journal))
        return Joined(effect, count, revision)

    def join(self, step: Callable[[str], None] = lambda _: None) -> Joined:
        """Join, and return what changed here.

        :param step: is called before each step with what it does.
        :raises UsageError: when the invitation cannot be used, or this server is in a fleet.
        :raises RowError: when the journal is not the one of the invitation, or a row of it does not fit.
        :raises StoreError: when etcd or the store cannot be written; it can be done again with the same invitation.
        """
        with self._store.transaction(self._author) as transaction, contextlib.ExitStack() as stack:
            # Before any file is written: those of a member are its own.
            require_no_member(transaction)
            step("keys")
            own = self._write_keys(self._own_key())
            etcd = stack.enter_context(self._connect())
            step("journal")
            journal = self._read(etcd, own)
            if self._invitation.name not in journal.chain.members:
                one_time = SigningKey.of_text(self._invitation.one_time_key)
                journal.append(lambda chain: self._row(chain, own.public), one_time)
            # Whoever had the name before has it no more: its key and its password do not count.
            take_over(self._layout, journal.remote)
            step("databases")
            self._become(transaction, journal)
            found = Joined(effect_of(transaction), len(journal.chain.members), journal.chain.head.number)
            step("commit")
        return found

    def _become(self, transaction: Transaction, journal: Journal) -> None:
        become_member(transaction, journal, self._invitation.name, self._invitation.endpoints)

    def _own_key(self) -> SigningKey | None:
        """Return the key that an interrupted try has made, None when there is none.

        :raises UsageError: when the invitation has ended, or this server has the authority of another fleet.
        """
        invitation, files = self._invitation, self._files
        if files.has(place.AUTHORITY_KEY) and files.read(place.CA) != invitation.ca.encode():
            raise UsageError(
                "this server has the authority of another fleet",
                place=files.path(place.AUTHORITY_KEY),
                hint=f"if that fleet is not used any more, move it and {place.CA} away",
            )
        return SigningKey.load(files.path(place.SIGNING_KEY)) if files.has(place.SIGNING_KEY) else None

    def _write_keys(self, own: SigningKey | None) -> SigningKey:
        """Write what this server shows etcd, and the key that signs its rows, which is returned."""
        invitation, files = self._invitation, self._files
        contents = {
            place.CA: invitation.ca,
            place.KEY: invitation.key,
            place.CERTIFICATE: invitation.certificate,
            place.PASSWORD: f"{invitation.password}\n",
            place.FIRST_ROW: f"{invitation.first_hash}\n",
        }
        for name, content in contents.items():
            files.write(name, content.encode())
        if own is None:
            own = SigningKey.generate()
            own.save(files.path(place.SIGNING_KEY))
        return own

    @contextlib.contextmanager
    def _connect(self) -> Iterator[Etcd]:
        """Connect with what the invitation has; no file of it is needed for that.

        :raises DeniedError: when its password does not count: each invitation of a name has another one.
        """
        invitation = self._invitation
        with contextlib.ExitStack() as stack:
            paths = [stack.enter_context(_in_memory(text)) for text in _pem(invitation)]
            etcd = Etcd(
                invitation.endpoints,
                tls=Tls(*paths),
                user=invitation.user,
                password=invitation.password,
                timeout=accounts.TIMEOUT,
            )
            try:
                yield stack.enter_context(etcd)
            except DeniedError as error:
                name = shell_word(invitation.name)
                error.hint = (
                    "a newer invitation may have taken the place of this one, or it was withdrawn; for another, on the "
                    f"first server of the fleet: esmith fleet invite {name}"
                )
                raise

    def _read(self, etcd: Etcd, own: SigningKey | None) -> Journal:
        """Return the whole journal, which is that of the invitation; this server is in it, or invited.

        :raises UsageError: when the invitation is not open.
        """
        invitation = self._invitation
        known = {1: invitation.first_hash}
        if invitation.head:
            head = Head.parse(invitation.head)
            known[head.number] = head.hash
        # Nothing is signed with it but by a server that has one.
        key = own or SigningKey.of_text(invitation.one_time_key)
        journal = Journal.from_start(Remote(etcd, invitation.fleet, invitation.name, key), known)
        chain = journal.chain
        if chain.head.number < max(known):
            raise StoreError(
                f"etcd has {chain.head.number} rows of the journal of {invitation.fleet}, and the invitation is row "
                f"{max(known)}",
                hint="etcd was restored from a backup, or is another one; on the first server: esmith fleet status",
            )
        name, member = shell_word(invitation.name), chain.members.get(invitation.name)
        if member is None:
            self._require_open(chain)
        elif own is None or member.key != own.public:
            raise UsageError(
                f"the invitation has been used: {invitation.name} is in the fleet already",
                hint=f"if it was not this server, on the first server:\n    esmith fleet remove {name}\n"
                f"    esmith fleet invite {name}",
            )
        return journal

    def _require_open(self, chain: Chain) -> None:
        """Refuse an invitation that has ended, or that another one has replaced.

        :raises UsageError: says which.
        """
        invitation = self._invitation
        again = f"on the first server of the fleet: esmith fleet invite {shell_word(invitation.name)}"
        if invitation.until < time.time():
            raise UsageError(f"the invitation has ended, on {shown_time(invitation.until)}", hint=again)
        found = chain.members.invites.get(invitation.name)
        if found is None or found.key != SigningKey.of_text(invitation.one_time_key).public:
            raise UsageError("the invitation does not count any more: a newer one does, or none", hint=again)

    def _row(self, chain: Chain, key: str) -> Row:
        invitation = self._invitation
        self._require_open(chain)
        return row_after(
            chain, invitation.name, "join", self._author, name=invitation.name, key=key, groups=invitation.groups
        )


def _pem(invitation: Invitation) -> tuple[str, str, str]:
    return invitation.ca, invitation.certificate, invitation.key


@contextlib.contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """Yield the path of a file that is on no disk."""
    descriptor = os.memfd_create("fleet", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
