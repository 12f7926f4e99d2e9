"""What an office's settings mean: who is a receiver, who is internal, which server has the mail of a domain.

This is written from the settings, without a look at the templates, and knows nothing of qmail.
"""

from __future__ import annotations

import re
from functools import cached_property

from esmith.store.protocol import Snapshot

_RECEIVERS = ("user", "group", "pseudonym", "system")
#: What can stand before the @ without quotes (RFC 5321, 4.1.2), without what routes mail (% and !) and what qmail or
#: the lists of qpsmtpd read themselves.
_LOCAL_PART = re.compile(r"[A-Za-z0-9&'*+=?^_`{|}~$-][A-Za-z0-9&'*+=?^_`{|}~$.#-]*")
#: A domain that can get mail: labels of DNS, perhaps with underscores.
_SERVED = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*")
#: Files of ~alias that are no group's.
_NOT_FOR_GROUPS = re.compile(r"default|devnull|localdelivery(-.*)?|shared-.*|.*-default")
UNIX = ("tom", "jack", "john", "maillog")


class Office:
    """The settings of an office.

    :param snapshot: its databases.
    :param unix: the users who have a unix account.
    """

    def __init__(self, snapshot: Snapshot, unix: tuple[str, ...] = UNIX) -> None:
        self._unix = unix
        self.accounts = {
            record.key: (record.type, record.props)
            for record in snapshot.records("accounts")
            if record.type in _RECEIVERS
        }
        self._spellings: dict[str, list[str]] = {}
        for key in self.accounts:
            self._spellings.setdefault(key.lower(), []).append(key)
        records = {record.key: record.props for record in snapshot.records("domains", "domain")}
        self.domains = {
            name: records[name if name in records else min(key for key in records if plain(key) == name)]
            for name in dict.fromkeys(map(plain, records))
            if _SERVED.fullmatch(name) and name != "localhost"
        }
        #: Domains in the database that get no mail.
        self.unserved = [key for key in records if plain(key) not in self.domains]
        self._configuration = {
            key: snapshot.type_of("configuration", key) or ""
            for key in (
                *("DelegateMailServer", "SMTPSmartHost", "ExternalIP", "EmailUnknownUser", "SystemName"),
                *("LocalIP", "DomainName"),
            )
        }
        #: The program that delivers mail.
        self.queue = snapshot.prop("configuration", "qpsmtpd", "Queue") or "qmail"
        self.me = f"{self._configuration['SystemName']}.{self._configuration['DomainName']}"
        hosts = [record for record in snapshot.records("hosts", "host") if record.props.get("HostType") == "Self"]
        self._here = {"localhost", "127.0.0.1", "0.0.0.0", self.me, *(plain(host.key) for host in hosts)}
        self._here |= {self._configuration["ExternalIP"], self._configuration["LocalIP"]}
        self.literal = f"[{self._configuration['ExternalIP']}]" if self._configuration["ExternalIP"] else ""
        self.smart_host = self._configuration["SMTPSmartHost"].replace("off", "")

    def server(self, domain: str) -> str:
        """Return the server that delivers the mail of a domain of ours, "" when this one does."""
        server = self.domains[domain].get("MailServer") or self._configuration["DelegateMailServer"]
        return "" if plain(server.removesuffix(":25")).strip("[]") in self._here else server

    def type_of(self, name: str) -> str:
        """Return the type of an account."""
        return self.accounts.get(name, ("", {}))[0]

    def prop(self, name: str, prop: str) -> str:
        """Return a property of an account, "" when it is not set."""
        return self.accounts.get(name, ("", {}))[1].get(prop, "")

    def is_internal(self, name: str) -> bool:
        """Return whether nobody outside may write to an account."""
        return self.prop(name, "Visible") == "internal"

    def owners(self, name: str) -> frozenset[str]:
        """Return the users (or admin) who get mail for an account; none when it leads nowhere."""
        return self._owners(name, 2 if "@" in name else 1)

    def _owners(self, name: str, hops: int) -> frozenset[str]:
        kind = self.type_of(name)
        if not kind or not self._has_name(name):
            return frozenset()
        if kind == "pseudonym":
            goal = self.prop(name, "Account")
            if self.type_of(goal) == "pseudonym" and not hops:
                return frozenset()
            return self._owners(goal, hops - 1)
        if kind == "user":
            has_unix = name in self._unix
            has_number = name != "root" and (has_unix or self.queue == "qmail" and int(self.prop(name, "Uid") or 0) > 0)
            return frozenset([name]) if has_number else frozenset()
        if name == "shared":
            users = [user for user, (kind, _) in self.accounts.items() if kind == "user" or user == "admin"]
            users = [user for user in users if self.prop(user, "EveryoneEmail") != "no"]
            return frozenset().union(*(self._owners(user, 1) for user in users))
        if kind == "system":
            return frozenset(["admin"])
        if _NOT_FOR_GROUPS.fullmatch(name.lower()):
            return frozenset()
        return self._union(self._members(name))

    def _union(self, names: list[str]) -> frozenset[str]:
        return frozenset().union(*(self.address_owners(name) for name in names))

    def find(self, name: str) -> str:
        """Return the account that a name means, whatever its capitals; "" for none."""
        return min(self._spellings.get(name.lower(), [""]), key=lambda key: (key != key.lower(), key))

    def address_owners(self, address: str) -> frozenset[str]:
        """Return who gets mail for an account or an address: users, admin, and addresses of other servers."""
        goal = self.goal(address)
        if goal == "@":
            return frozenset([self._remote(address)])
        return self._owners(goal, 2 if "@" in goal else 1)

    def _remote(self, address: str) -> str:
        host = address.rpartition("@")[2].lower()
        return f"remote {host} via {self.server(plain(host)) if plain(host) in self.domains else self.smart_host}"

    def goal(self, address: str, *, nested: bool = False) -> str:
        """Return the account that gets mail for an account or an address, "@" for another server, "" for nobody.

        :param nested: any group is an account that gets mail, also one without members.
        """
        local, at, host = address.rpartition("@") if "@" in address else (address, "", "")
        domain = plain(host)
        if not at or domain == "localhost":
            return self.lookup(local, "", nested=nested) if domain or not at else ""
        if domain not in self.domains and host.lower() != self.literal:
            return "" if domain.strip("[]") in self._here or not _is_remote(address) else "@"
        if host.endswith(".") or not local:
            return ""
        if self._gets(key := self.find(f"{local}@{domain}"), nested=nested):
            return key
        if domain in self.domains:
            if self.server(domain):
                return "@"
            if handler := self._handler(domain, nested=nested):
                return handler
        return self.lookup(local, domain, nested=nested) or self._unknown(nested=nested)

    def lookup(self, local: str, domain: str, *, nested: bool = False) -> str:
        """Return the account whose name a local part is, with or without an extension; "" for none.

        :param domain: one of ours; "" for a name that only this machine writes to.
        """
        part = local.lower()
        while part:
            if part == "alias" or (part == "shared" and domain):
                return ""
            for name in (f"{part}@{domain}", part) if domain else (part,):
                if self._gets(key := self.find(name), nested=nested):
                    return key
                if name == "root":
                    return "admin"  # this machine's own name for its administrator
            part = part.rpartition("-")[0]
        return ""

    def _gets(self, name: str, *, nested: bool) -> bool:
        return bool(name) and ((nested and self._is_many(name)) or bool(self.owners(name)))

    def _unknown(self, *, nested: bool = False) -> str:
        name = self.find(self._configuration["EmailUnknownUser"])
        return "" if name in ("everyone", "shared") or not self._gets(name, nested=nested) else name

    def _handler(self, domain: str, *, nested: bool = False) -> str:
        to = self.domains[domain].get("EmailTo", "")
        name = self.find(to)
        if self._gets(name, nested=nested):
            return name
        group = self.find(to.removeprefix("alias-")) if to.startswith("alias-") else ""
        is_group = group == "shared" or self.type_of(group) == "group"
        return group if is_group and self._gets(group, nested=nested) else ""

    def forwards(self, name: str) -> list[str]:
        """Return the addresses that mail of a user, or of admin, is sent on to: all that do not lead back."""
        if self.prop(name, "EmailForward") not in ("forward", "both"):
            return []
        addresses = _words(self.prop(name, "ForwardAddress"))
        return [address for address in addresses if self.goal(address) and not self._leads_to(address, name, set())]

    def _leads_to(self, address: str, user: str, seen: set[str]) -> bool:
        if address in seen:
            return False
        seen.add(address)
        goal = self._end(self.goal(address))
        account = "admin" if self.type_of(goal) == "system" and goal != "shared" else goal
        if account in (user, "shared"):
            return True
        further = _words(self.prop(account, "Members")) if self.type_of(account) == "group" else []
        if self.prop(account, "EmailForward") in ("forward", "both"):
            further += _words(self.prop(account, "ForwardAddress"))
        return any(self._leads_to(one, user, seen) for one in further)

    def _end(self, name: str) -> str:
        for _ in range(4):
            if self.type_of(name) == "pseudonym":
                name = self.prop(name, "Account")
        return name

    def _members(self, group: str) -> list[str]:
        excluded = _words(self.prop(group, "EmailExcludeUsers").lower())
        for other in _words(self.prop(group, "EmailExcludeGroups")):
            excluded += _words(self.prop(other, "Members").lower())
        names = [name for name in _words(self.prop(group, "Members")) if name.lower() not in excluded]
        return [name for name in names if (goal := self.goal(name, nested=True)) and not self._is_many(goal)]

    def _is_many(self, name: str) -> bool:
        """Return whether an account is a group in the end, or everyone."""
        name = self._end(name)
        return self.type_of(name) == "group" or name == "shared"

    def _has_name(self, name: str) -> bool:
        """Return whether mail can be addressed to an account, and no other account has the same name."""
        low, local = name.lower(), name.rpartition("@")[0] or name
        if not _LOCAL_PART.fullmatch(local) or local.lower() == "alias" or local.lower().startswith("alias-"):
            return False
        whose = self.find(local[: -len("-junkmail")]) if low.endswith("-junkmail") else ""
        if whose == "admin" or self.type_of(whose) == "user":
            return False
        if local.lower() == "shared" and self.type_of(name) != "system":
            return False
        twins = [key for key in self.accounts if key.lower() == low and key != name]
        return low == name or not any(twin == low or twin < name for twin in twins)

    @cached_property
    def unknown(self) -> frozenset[str]:
        """The owners of mail for unknown names; none when it is refused."""
        return self.owners(self._unknown())

    def handler(self, domain: str) -> frozenset[str]:
        """Return the owners of all mail of a domain; none when each account has its own."""
        return self.owners(self._handler(domain))

    @cached_property
    def has_forwards(self) -> bool:
        """Whether mail of a user goes on to others."""
        return any(self.prop(name, "EmailForward") in ("forward", "both") for name in self.accounts)


def plain(name: str) -> str:
    """Return the one form of a domain's name: small letters, and no final dot."""
    return name.lower().removesuffix(".")


def _is_remote(address: str) -> bool:
    """Return whether another server could deliver mail for an address."""
    return (
        re.fullmatch(r"[A-Za-z0-9.'+=_/-]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.?)+|.*@\[[0-9.]+\]", address)
        is not None
    )


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]
