"""What Postfix 3.7 does with an address, by its manual pages: a small reader of its files.

Read are cleanup(8) and virtual(5) (the tables of names), regexp_table(5), transport(5), postconf(5), and local(8),
which hands what is left to ``dot-qmail``, as pipe(8) does for names with capitals: from there on mail goes as behind
qmail, whose reader this one is.
test_postfix.py compares the look-up with the real postmap.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.receivers.files import ASSIGN, Files
from tests.receivers.qmail import Assigned, End, Qmail, small

FOLDER = "/etc/postfix"
#: virtual_alias_recursion_limit is 1000; the tables need three.
_STEPS = 9
#: The signs of a name without quotes (RFC 5322, dot-atom).
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"@', re.DOTALL)
_REFERENCE = re.compile(r"\$(\$|[0-9])")


@dataclass(frozen=True)
class _Rule:
    """A line of regexp_table(5): an expression and what is written for it, or where a condition begins or ends."""

    kind: str
    negated: bool
    expression: re.Pattern[str]
    value: str


class Tables:
    """The tables of names and of transports.

    :param files: the generated files.
    """

    def __init__(self, files: Files) -> None:
        self.names = _pairs(files, "virtual")
        self.domains = _pairs(files, "virtual_domains")
        self.transport = _pairs(files, "transport")
        self.rules = [_rule(line) for line in files.lines(f"{FOLDER}/virtual_names")]
        main = (files.read(f"{FOLDER}/main.cf") or "").splitlines()
        settings = dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in main if re.match(r"[\w-]+ *=", line))
        self.relay_host: str = settings.get("relayhost", "")
        #: The accounts of the transports that are for one account: "user" of pipe(8).
        self.users = {
            found[1]: found[2]
            for found in re.finditer(
                r"^(\S+) unix .* pipe\n  flags=DFOR user=(\S+) ", files.read(f"{FOLDER}/master.cf") or "", re.MULTILINE
            )
            if settings.get(f"{found[1]}_destination_recipient_limit") == "1"
        }

    def look_up(self, key: str) -> str | None:
        """Return what virtual_alias_maps has for a key as it stands; None for nothing."""
        found = self.names.get(small(key))
        return found if found is not None else self.matched(key)

    def matched(self, key: str) -> str | None:
        """Return what the table of expressions has for a key."""
        skipped = 0  # how many conditions that do not hold the line is in
        for rule in self.rules:
            if rule.kind == "endif":
                skipped -= skipped > 0
            elif rule.kind == "if":
                skipped += bool(skipped) or bool(rule.expression.search(key)) == rule.negated
            elif not skipped and (found := rule.expression.search(key)):
                return _REFERENCE.sub(lambda dollar, match=found: _written(dollar[1], match), rule.value)  # type: ignore[misc]
        return None

    def expand(self, address: str) -> str:
        """Return what cleanup makes of a recipient: each address is looked up again, until it stays the same."""
        for _ in range(_STEPS):
            found = self.look_up(external(address))
            if found is None and external(address) != address:
                found = self.look_up(address)
            if found is None or small(internal(found)) == small(address):
                return address
            address = internal(found)
        raise AssertionError(f"goes round in circles: {address}")


def _written(sign: str, found: re.Match[str]) -> str:
    return "$" if sign == "$" else found[int(sign)]


def external(address: str) -> str:
    """Return an address with quotes where RFC 5322 wants them."""
    user, at, host = address.rpartition("@")
    if _ATOMS.fullmatch(user):
        return address
    return '"' + re.sub(r'(["\\])', r"\\\1", user) + '"' + at + host


def internal(address: str) -> str:
    """Return an address of a table without quotes; a table must have but one in its place."""
    found = _QUOTED.match(address)
    user = re.sub(r"\\(.)", r"\1", found[1]) if found else address.rpartition("@")[0]
    assert found or not re.search(r'[\s,"()<>;:\\@]', user), f"this would be no address, or several: {address}"
    return f"{user}@{address.rpartition('@')[2]}"


def _pairs(files: Files, name: str) -> dict[str, str]:
    """Return a table of texthash: the first line of a key counts, and keys are in small letters."""
    found: dict[str, str] = {}
    for line in files.lines(f"{FOLDER}/{name}"):
        key, _, value = line.partition(" ")
        found.setdefault(small(key), value.strip())
    return found


def _rule(line: str) -> _Rule:
    kind = "if" if line.startswith("if ") else "endif" if line == "endif" else "line"
    rest = line.removeprefix("if ").lstrip()
    negated = rest.startswith("!")
    found = re.match(r"!?/((?:[^\\/]|\\.)*)/\s*(.*)$", rest)
    assert found or kind == "endif", line
    expression = re.compile(found[1] if found else "", re.IGNORECASE | re.DOTALL | re.ASCII)
    return _Rule(kind, negated, expression, found[2] if found else "")


class Postfix(Qmail):
    """Postfix on the generated files; what becomes of a message in an account is what qmail would do with it.

    :param files: the files.
    :param alias: whether there is a unix account ``alias``.
    :param homes: other unix accounts, each with its home.
    """

    def __init__(self, files: Files, *, alias: bool = True, homes: Mapping[str, str] | None = None) -> None:
        super().__init__(files, alias=alias, homes=homes)
        self.tables = Tables(files)
        self._accounts = dict(self._homes)
        for line in (files.read(ASSIGN) or "").splitlines():
            if line[:1] in ("=", "+"):
                _, user, _, _, home, *_ = line.split(":")
                self._accounts[user] = home

    def _send(self, recipient: str, passed: tuple[str, ...]) -> set[End]:
        # dot-qmail writes to a name without a host at localhost.
        address = self.tables.expand(recipient if "@" in recipient else f"{recipient}@localhost")
        user, _, host = address.rpartition("@")
        name, mark, extension = user.partition("!")
        if small(host) in self.tables.domains:
            return {End("bounce", f"{address}: User unknown in virtual alias table")}
        if small(host) != "localhost":
            return {End("remote", f"{small(host)} via {self._route(small(host))}")}
        route = self.tables.transport.get(f"{small(name)}@localhost") or self.tables.transport.get(
            "localhost", "local:"
        )
        account = small(name) if route == "local:" else self.tables.users.get(route.removesuffix(":"))
        if account is None:
            return {End("bounce", f"{address}: {route}")}
        if account not in self._accounts:
            return {End("bounce", f"{address}: unknown user")}
        to = Assigned(account, 1, self._accounts[account], "-" if mark else "", extension)
        return self._deliver(to, user, host, passed)

    def _route(self, host: str) -> str:
        keys = [host, *(host[i:] for i, letter in enumerate(host) if letter == ".")]
        route = next((self.tables.transport[key] for key in keys if key in self.tables.transport), None)
        hop = self.tables.relay_host if route is None else route.removeprefix("smtp:")
        return re.sub(r"\[(.*?)\]", r"\1", hop)
