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
#: Files of ~alias that are no group's.
_NOT_FOR_GROUPS = re.compile(r"default|devnull|localdelivery(-.*)?|shared-.*|.*-default")
UNIX = ("tom", "jack", "john", "maillog")


class Office:
    """The settings of an office.

    :param snapshot: its databases.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.accounts = {
            record.key: (record.type, record.props)
            for record in snapshot.records("accounts")
            if record.type in _RECEIVERS
        }
        self.domains = {record.key: record.props for record in snapshot.records("domains", "domain")}
        self._configuration = {
            key: snapshot.type_of("configuration", key) or ""
            for key in ("DelegateMailServer", "SMTPSmartHost", "ExternalIP", "EmailUnknownUser", "SystemName")
        }
        self.me = f"{self._configuration['SystemName']}.{snapshot.type_of('configuration', 'DomainName')}"
        self.literal = f"[{self._configuration['ExternalIP']}]" if self._configuration["ExternalIP"] else ""
        self.smart_host = self._configuration["SMTPSmartHost"].replace("off", "")

    def server(self, domain: str) -> str:
        """Return the server that delivers the mail of a domain of ours, "" when this one does."""
        server = self.domains[domain].get("MailServer") or self._configuration["DelegateMailServer"]
        return "" if server in ("localhost", "127.0.0.1") else server

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
            has_number = name != "root" and (name in UNIX or int(self.prop(name, "Uid") or 0) > 0)
            return frozenset([name]) if has_number else frozenset()
        if name == "shared":
            users = [user for user, (kind, _) in self.accounts.items() if kind == "user" or user == "admin"]
            return self._union([user for user in users if self.prop(user, "EveryoneEmail") != "no"])
        if kind == "system":
            return frozenset(["admin"])
        if _NOT_FOR_GROUPS.fullmatch(name.lower()):
            return frozenset()
        return self._union(self._members(name))

    def _union(self, names: list[str]) -> frozenset[str]:
        return frozenset().union(*(self._owners(name, 1) for name in names))

    def _members(self, group: str) -> list[str]:
        excluded = _words(self.prop(group, "EmailExcludeUsers"))
        for other in _words(self.prop(group, "EmailExcludeGroups")):
            excluded += _words(self.prop(other, "Members"))
        return [m for m in _words(self.prop(group, "Members")) if m not in excluded and not self._is_many(m)]

    def _is_many(self, name: str) -> bool:
        """Return whether an account is a group in the end, or everyone."""
        for _ in range(4):
            if self.type_of(name) == "pseudonym":
                name = self.prop(name, "Account")
        return self.type_of(name) in ("group", "pseudonym") or name == "shared"

    def _has_name(self, name: str) -> bool:
        """Return whether mail can be addressed to an account, and no other account has the same name."""
        low, local = name.lower(), name.rpartition("@")[0] or name
        if not _LOCAL_PART.fullmatch(local) or local.lower() == "alias" or local.lower().startswith("alias-"):
            return False
        if local.lower() == "shared" and self.type_of(name) != "system":
            return False
        twins = [key for key in self.accounts if key.lower() == low and key != name]
        return low == name or not any(twin == low or twin < name for twin in twins)

    @cached_property
    def unknown(self) -> frozenset[str]:
        """The owners of mail for unknown names; none when it is refused."""
        name = self._configuration["EmailUnknownUser"]
        return frozenset() if name in ("everyone", "shared") else self.owners(name)

    def handler(self, domain: str) -> frozenset[str]:
        """Return the owners of all mail of a domain; none when each account has its own."""
        return self.owners(self.domains[domain].get("EmailTo", ""))

    @cached_property
    def has_forwards(self) -> bool:
        """Whether mail of a user goes on to others."""
        return any(self.prop(name, "EmailForward") in ("forward", "both") for name in self.accounts)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]
