"""Whether all files agree on who gets mail: what is wrong, in words."""

from __future__ import annotations

from collections.abc import Iterator

from tests.receivers.files import CONTROL, HOMES, Files
from tests.receivers.office import Office, plain
from tests.receivers.postfix import Postfix
from tests.receivers.qmail import End, Qmail
from tests.receivers.qpsmtpd import TAKEN, Qpsmtpd, canonical

FOREIGN = "elsewhere.net"
#: Names that no office of the tests has, and names that lead to files of ~alias.
STRANGERS: tuple[str, ...] = (
    "ghost",
    "ghost-x",
    "alias",
    "alias-shared",
    "alias-localdelivery-tom",
    "shared",
    "shared-x",
)
STRANGERS += ("default", "devnull", "localdelivery-tom", "root", "postmaster", "-", "-tom", "everyone-x", "group1-")
EXTENSION = "-zz9-b"
#: Unix accounts of daemons that own their home, as on Debian: qmail would take them for people.
DAEMONS = {"man": "/var/cache/man", "postgres": "/var/lib/postgresql"}
#: What means the same address, or no address: quoted, with a route, with control characters.
ODD_FORMS = (
    '"{}"@{}',
    '"\\{}"@{}',
    "@relay.test,@two.test:{}@{}",
    '"{}\x07"@{}',
    "{}\0-x@{}",
    '"{} x"@{}',
    '"{}@y"@{}',
)


def disagreements(files: Files, office: Office) -> list[str]:
    """Return what the files have against one another, and against the settings.

    :param files: the generated files.
    :param office: the settings.
    """
    return list(Agreement(files, office).problems())


class Agreement:
    """What the files have against one another, and against the settings.

    :param files: the generated files.
    :param office: the settings.
    """

    def __init__(self, files: Files, office: Office) -> None:
        self._office = office
        #: Both say where a message ends, and follow the .qmail files.
        self._qmail = (Postfix if office.queue == "postfix" else Qmail)(files, homes=DAEMONS)
        self._outside = Qpsmtpd(files)
        self._inside = Qpsmtpd(files, "local", relay=True)
        self._files = files

    def problems(self) -> Iterator[str]:
        """Yield everything that is wrong."""
        yield from self._outgoing()
        for name in self._office.accounts:
            yield from self._configured(name)
            yield from self._forwards(name)
        for address in self.addresses():
            yield from self._accepted(address)
        yield from self._closed()
        yield from self._daemons()
        if self._office.owners("postmaster") and self._outside.answer("postmaster") != TAKEN:
            yield "postmaster: refused without a domain"
        for address in ("postmaster", "root", self._double_bounces()):
            if address == "devnull@localhost":
                continue  # where they are to be lost
            if address != "postmaster" or self._outside.answer(address) == TAKEN:
                yield from self._bad_ends(address)

    def addresses(self) -> Iterator[str]:
        """Yield the addresses that are tried: all names at all domains, in many forms."""
        office = self._office
        locals_ = {name.rpartition("@")[0] or name for name in office.accounts} | set(STRANGERS)
        names = dict.fromkeys(
            form
            for local in sorted(locals_)
            for form in (local, local.swapcase(), local + EXTENSION, local + "-", local[:-1])
            if form
        )
        hosts = dict.fromkeys([*office.domains, office.literal, office.me, FOREIGN])
        hosts |= dict.fromkeys(name.rpartition("@")[2] for name in office.accounts if "@" in name)
        # What comes to localhost from inside may be sent back; _closed asks from outside.
        for host in (host for host in hosts if host not in ("", "localhost")):
            for name in names:
                yield f"{name}@{host if name == name.lower() else host.upper()}"
            for local in sorted(locals_):
                yield from (form.format(local, host) for form in ODD_FORMS)

    def _accepted(self, address: str) -> Iterator[str]:
        """Whoever is accepted gets his mail, and nobody who may not be reached from outside is accepted there."""
        outside = self._outside.answer(address) == TAKEN
        if not outside and self._inside.answer(address) != TAKEN:
            return
        address = canonical(address) or address  # as qmail-queue gets it
        yield from self._bad_ends(address)
        if outside and (account := self._account_of(address)) is not None:
            if self._office.is_internal(account):
                yield f"{address}: from outside it reaches {account}, who is internal"
        elif outside and self._is_delivered_here(address):
            yield from self._wrong_owners(address, self._unknown_at(address))

    def _account_of(self, address: str) -> str | None:
        """Return the account whose address, with or without an extension, one is; None for an unknown one."""
        local, _, host = address.rpartition("@")
        name = self._office.lookup(local, plain(host))
        is_root = name == "admin" and local.lower().split("-")[0] == "root"
        return name if name and not (is_root and not self._office.owners(self._office.find("root"))) else None

    def _domain_of(self, address: str) -> str | None:
        host = address.rpartition("@")[2].lower()
        return host if host in self._office.domains else None

    def _is_delivered_here(self, address: str) -> bool:
        domain = self._domain_of(address)
        return domain is None or not self._office.server(domain)

    def _unknown_at(self, address: str) -> frozenset[str]:
        domain = self._domain_of(address)
        if domain and (handler := self._office.handler(domain)):
            return handler
        if address.lower().rpartition("@")[0].split("-")[0] == "root":
            return frozenset(["admin"])  # this machine's own name for its administrator
        return self._office.unknown

    def _bad_ends(self, address: str) -> Iterator[str]:
        ends = self._qmail.deliver(address)
        if not ends:
            yield f"{address}: accepted, and delivered to nobody"
        for end in sorted(ends):
            if end.kind not in ("mailbox", "remote"):
                yield f"{address}: accepted, but {end.kind}: {end.what}"
            elif end.kind == "remote":
                yield from self._wrong_way(address, end)

    def _wrong_way(self, address: str, end: End) -> Iterator[str]:
        host, _, via = end.what.partition(" via ")
        domain = self._domain_of(f"@{host}")
        wanted = self._office.server(domain) if domain else self._office.smart_host
        if host == self._office.literal or (not wanted if domain else host == self._office.me):
            yield f"{address}: it would be sent from this machine to itself"
        elif via != wanted:
            yield f"{address}: goes to {via or 'the MX'}, not to {wanted or 'the MX'}"

    def _configured(self, name: str) -> Iterator[str]:
        """Every receiver that is set up is accepted and gets the mail, the internal ones from inside."""
        office = self._office
        owners = office.owners(name)
        if not owners or name == "shared":
            return
        hosts = [*office.domains, office.literal] if "@" not in name else [name.rpartition("@")[2]]
        for host in filter(None, hosts):
            local = name.rpartition("@")[0] or name
            for address in (f"{local}@{host}", f"{local.swapcase()}{EXTENSION}@{host}"):
                if self._account_of(address) == name:
                    yield from self._receives(name, address, owners)

    def _receives(self, name: str, address: str, owners: frozenset[str]) -> Iterator[str]:
        domain = self._domain_of(address)
        if domain is None and address.rpartition("@")[2] != self._office.literal:
            return  # a pseudonym of a domain that is not ours: mail to it leaves, or is caught on its way
        answer = self._outside.answer(address)
        if self._office.is_internal(name):
            if answer == TAKEN:
                yield f"{address}: {name} is internal, and mail from outside is accepted"
        elif answer != TAKEN:
            yield f"{address}: {name} is a receiver, and mail from outside gets {answer}"
        answer = self._inside.answer(address)
        if answer != TAKEN:
            yield f"{address}: {name} is a receiver, and mail from inside gets {answer}"
        if domain and self._office.server(domain) and address.lower() != name.lower():
            return  # the other server knows who it is
        if domain and self._office.handler(domain) and address.lower() != name.lower():
            owners = self._office.handler(domain)
        yield from self._wrong_owners(address, owners)

    def _wrong_owners(self, address: str, owners: frozenset[str]) -> Iterator[str]:
        if self._office.has_forwards:
            return
        found = {_owner(end) for end in self._qmail.deliver(address)}
        if found != owners:
            yield f"{address}: goes to {sorted(found)}, not to {sorted(owners)}"

    def _forwards(self, name: str) -> Iterator[str]:
        """What a user's mail is sent on to, where that does not lead back, is in his file."""
        if self._office.type_of(name) != "user" or not self._office.owners(name):
            return
        lines = self._files.lines(f"{HOMES}/{name}/.qmail")
        for address in self._office.forwards(name):
            if f"&{address}" not in lines:
                yield f"{name}: mail is not sent on to {address}"

    def _closed(self) -> Iterator[str]:
        """From outside nobody reaches the names that only this machine uses, and no domain that gets no mail."""
        hosts = ["localhost", "LOCALHOST", *self._office.unserved, *(f"a{key}" for key in self._office.unserved)]
        for host in hosts:
            for name in (*STRANGERS, "tom", "group1"):
                if plain(host) not in self._office.domains and self._outside.answer(f"{name}@{host}") == TAKEN:
                    yield f"{name}@{host}: accepted from outside"

    def _daemons(self) -> Iterator[str]:
        """A unix account that is no account of the office gets no mail, from inside either."""
        for name, home in DAEMONS.items():
            for address in (name, f"{name}@localhost", f"{name.upper()}-x@localhost", f"alias-{name}@localhost"):
                ends = self._qmail.deliver(address)
                if not ends or any(end.kind == "mailbox" and end.what.startswith(f"{home}/") for end in ends):
                    yield f"{address}: goes to {sorted(ends)}"

    def _outgoing(self) -> Iterator[str]:
        """Mail of others leaves by the queue, and by no other way than smtproutes says."""
        queue = "queue/postfix" if self._office.queue == "postfix" else "queue/qmail-queue"
        for peers, side in (("0", self._outside), ("local", self._inside)):
            if side.queue() != queue:
                yield f"peers/{peers}: mail is handed to {side.queue() or 'nobody'}"
        if self._inside.answer(f"friend@{FOREIGN}") != TAKEN or self._outside.answer(f"friend@{FOREIGN}") == TAKEN:
            yield f"friend@{FOREIGN}: relayed for strangers, or not for those who may"

    def _double_bounces(self) -> str:
        return "@".join(self._files.first(f"{CONTROL}/{name}") for name in ("doublebounceto", "doublebouncehost"))


def _owner(end: End) -> str:
    """Return whose mailbox an end is; for other ends what they are."""
    if end.kind == "mailbox" and end.what.startswith(f"{HOMES}/"):
        return end.what.removeprefix(f"{HOMES}/").split("/")[0]
    return (
        "admin" if end.kind == "mailbox" and end.what.startswith("/home/e-smith/Maildir") else f"{end.kind} {end.what}"
    )
