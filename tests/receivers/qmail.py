"""What qmail 1.03 does with an address, by its manual pages: a small reader of its files.

Read are qmail-send(8) (locals, virtualdomains, percenthack, envnoathost), qmail-users(5) and qmail-lspawn(8) (the
assignment), qmail-getpw(8), dot-qmail(5), qmail-local(8), and qmail-remote(8) (smtproutes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.receivers.files import ALIAS, ASSIGN, CONTROL, Files

#: A message that has passed so many addresses goes round in circles; qmail-local notices at the first it meets again.
_LONGEST_WAY = 20
_LOOKUP = re.compile(r"\| to=\$\(LC_ALL=C awk .*exec condredirect \"\$to\" true")
_REDIRECT = re.compile(r"\| ?condredirect (\S+) \S*headermatch '[^']*'")
_REFUSES = "| bouncesaying 'Recipient unknown'"
_MAKES_FOLDER = "| [ -d ./Maildir/.junkmail/ ] || "


@dataclass(frozen=True, order=True)
class End:
    """Where a copy of a message ends.

    :param kind: ``mailbox``, ``remote``, ``bounce``, ``later`` (kept in the queue, and sent back in the end) or
        ``lost`` (dropped without a word).
    :param what: the mailbox, ``domain via server``, or the reason.
    """

    kind: str
    what: str


@dataclass(frozen=True)
class _Assigned:
    user: str
    home: str
    dash: str
    extension: str


class Qmail:
    """qmail on the generated files.

    :param files: the files.
    :param alias: whether there is a unix account ``alias``, which gets what users/assign does not know.
    """

    def __init__(self, files: Files, *, alias: bool = True) -> None:
        self.files = files
        self._alias = alias
        self._delivered: dict[str, set[End]] = {}
        me = files.lines(f"{CONTROL}/me")[:1]  # what qmail-send takes when there is no locals or no envnoathost
        known = me if files.read(f"{CONTROL}/locals") is None else files.lines(f"{CONTROL}/locals")
        self._locals = {line.lower() for line in known}
        self._percent = {line.lower() for line in files.lines(f"{CONTROL}/percenthack")}
        self._virtual = dict(_pairs(files.lines(f"{CONTROL}/virtualdomains")))
        self._routes = dict(_pairs(files.lines(f"{CONTROL}/smtproutes")))
        self._no_host = (files.lines(f"{CONTROL}/envnoathost") or me or ["envnoathost"])[0]
        self._exact: dict[str, _Assigned] = {}
        self._begins: dict[str, _Assigned] = {}
        self._begins_as_written: set[str] = set()
        self._read_assign()
        self._known = {line.split(":")[0].lower() for line in (files.read(ASSIGN) or "").splitlines()}
        self._known |= {line.split(":")[0].lower() for line in files.lines(f"{CONTROL}/virtualdomains")}
        # qmail-newu keeps these letters as they are written, and qmail-lspawn looks for small ones.
        self._wild = {name[-1:] for name in self._begins_as_written}

    def _read_assign(self) -> None:
        for line in _lines(self.files.read(ASSIGN) or ""):
            if line.startswith("."):
                return
            assert line[:1] in ("=", "+"), f"qmail-newu refuses users/assign: {line!r}"
            name, user, uid, gid, home, dash, extension, rest = line[1:].split(":")
            assert uid.isdigit() and gid.isdigit() and rest == "", f"qmail-newu refuses users/assign: {line!r}"
            table = self._exact if line[0] == "=" else self._begins
            if line[0] == "+":
                self._begins_as_written.add(name)
            table.setdefault(name.lower(), _Assigned(user, home, dash, extension))
        raise AssertionError("qmail-newu refuses users/assign: the last line is no dot")

    def deliver(self, recipient: str, passed: tuple[str, ...] = ()) -> set[End]:
        """Return where the copies of a message to a recipient of the envelope end.

        :param passed: the addresses it was delivered to before, which are in its Delivered-To lines.
        """
        if not passed:
            if recipient not in self._delivered:
                self._delivered[recipient] = self._send(recipient, passed)
            return self._delivered[recipient]
        return self._send(recipient, passed)

    def _send(self, recipient: str, passed: tuple[str, ...]) -> set[End]:
        if "@" not in recipient:
            recipient = f"{recipient}@{self._no_host}"
        user, _, host = recipient.rpartition("@")
        while host.lower() in self._percent and "%" in user:
            user, _, host = user.rpartition("%")
        if host.lower() in self._locals:
            return self._local(user, host, passed)
        prefix = self._prefix_of(user, host)
        if prefix:
            return self._local(f"{prefix}-{user}", host, passed)
        return {End("remote", f"{host.lower()} via {self._route(host.lower())}")}

    def _prefix_of(self, user: str, host: str) -> str:
        """Return what virtualdomains has for an address, "" for none: the address, its domain, domains above, all."""
        keys = [f"{user}@{host}", host, *(host[i:] for i, letter in enumerate(host) if letter == "."), ""]
        return next((self._virtual[key.lower()] for key in keys if key.lower() in self._virtual), "")

    def _route(self, host: str) -> str:
        keys = [host, *(host[i:] for i, letter in enumerate(host) if letter == "."), ""]
        return next((self._routes[key] for key in keys if key in self._routes), "")

    def assigned(self, local: str) -> _Assigned | None:
        """Return whose address a local one is; None for that of the user alias."""
        low = local.lower()
        if low in self._exact:
            return self._exact[low]
        for end in range(len(low), -1, -1):
            if low[:end] in self._begins and (end == 0 or low[end - 1] in self._wild):
                found = self._begins[low[:end]]
                return _Assigned(found.user, found.home, found.dash, found.extension + local[end:])
        return None

    def _local(self, local: str, host: str, passed: tuple[str, ...]) -> set[End]:
        address = f"{local}@{host}".lower()
        if address in passed or len(passed) > _LONGEST_WAY:
            return {End("bounce", f"{address}: this message is looping")}
        to = self.assigned(local)
        if to is None:
            if not self._alias:
                return {End("later", f"{local}: there is no unix account alias")}
            to = _Assigned("alias", ALIAS, "-", local)
        text, default = self._dot_qmail(to)
        if text is None and to.dash:
            return {End("bounce", f"{local}: no mailbox here by that name")}
        if not text:  # none, or an empty one: what qmail-start was given
            return {End("mailbox", f"{to.home}/Maildir/")}
        return set(self._follow(to, host, text, default, (*passed, address)))

    def _dot_qmail(self, to: _Assigned) -> tuple[str | None, str]:
        """Return the delivery instructions, None without any, and what "default" in the file's name stands for."""
        name = to.extension.lower().replace(".", ":")
        start = f"{to.home}/.qmail{to.dash}"
        text = self.files.read(start + name)
        if text is not None:
            return text, to.extension[-7:] if name.endswith("default") else ""
        for end in range(len(name), -1, -1):
            if end == 0 or name[end - 1] == "-":
                text = self.files.read(f"{start}{name[:end]}default")
                if text is not None:
                    return text, to.extension[end:]
        return None, ""

    def addressee(self, local: str) -> _Assigned:
        """Return whose address a local one is, that of the user alias when users/assign does not know it."""
        return self.assigned(local) or _Assigned("alias", ALIAS, "-", local)

    def instructions(self, local: str) -> tuple[_Assigned, list[tuple[str, str]]] | None:
        """Return whose address a local one is, and what qmail-local -n prints for it; None for no mailbox."""
        to = self.addressee(local)
        text = self._dot_qmail(to)[0]
        if text is None and to.dash:
            return None
        lines = [line.rstrip(" \t") for line in _lines(text or "./Maildir/")]
        return to, [_printed(line) for line in lines if line and line[0] not in "#+"]

    def _follow(self, to: _Assigned, host: str, text: str, default: str, passed: tuple[str, ...]) -> Iterator[End]:
        lines = [line.rstrip(" \t") for line in _lines(text)]
        if not lines[0]:
            yield End("later", f"{to.home}: the first line of .qmail is empty")
            return
        ends = 0
        forwards = []  # sent after the last instruction, and not at all when a program refuses the message
        for line in filter(None, lines):
            if line[0] in "#+":
                continue
            if line.startswith("|"):
                found, stops = self._program(line, host, default, passed)
                yield from found
                if line == _REFUSES:
                    return
                if stops:
                    ends += 1
                    break
                continue
            ends += 1
            if line[0] in "./":
                yield End("mailbox", f"{to.home}/{line.removeprefix('./')}" if line[0] == "." else line)
            else:
                forwards.append(line.removeprefix("&"))
        for forward in forwards:
            yield from self.deliver(forward, passed)
        if not ends:
            yield End("lost", f"{passed[-1]}: no instruction but comments")

    def _program(self, line: str, host: str, default: str, passed: tuple[str, ...]) -> tuple[set[End], bool]:
        """Return where a program line sends a message, and whether it ends the delivery."""
        if line == _REFUSES:
            return {End("bounce", f"{passed[-1]}: Recipient unknown")}, True
        if _LOOKUP.match(line):
            goal = self.looked_up(default, host)
            return (self.deliver(goal, passed), True) if goal else (set(), False)
        if match := _REDIRECT.match(line):
            # The message is spam, or is not: both have to arrive.
            return self.deliver(match[1], passed), False
        assert line.startswith(_MAKES_FOLDER), f"what does this program do? {line}"
        return set(), False

    def looked_up(self, local: str, host: str) -> str:
        """Return where .qmail-localdelivery-default sends mail for a local part; "" where it does not know it.

        test_the_lookup_is_the_one_of_the_shell compares this with the program itself.
        """
        name, host = local.lower(), host.lower()
        known = self._known
        part = name
        while part:
            if f"{part}@{host}" in known:
                return "" if part == name else f"{part}@{host}"
            if part in ("alias", "shared"):
                return ""
            if (f"={part}" if part == name else f"+{part}-") in known:
                return f"{local}@localhost"
            part = part.rpartition("-")[0]
        return ""


def _lines(text: str) -> list[str]:
    """Return the lines of a file as qmail reads it: only a newline ends one."""
    return text.removesuffix("\n").split("\n")


def _printed(line: str) -> tuple[str, str]:
    """Return the kind of an instruction and what follows, as qmail-local -n prints them."""
    if line[0] == "|":
        return "program", line[1:]
    if line[0] in "./":
        return ("maildir" if line.endswith("/") else "mbox"), line
    return "forward", line.removeprefix("&")


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what stands before and behind the first colon of each line."""
    for line in lines:
        key, colon, value = line.partition(":")
        if colon:
            yield key.lower(), value
