"""What qmail 1.03 does with an address, by its manual pages: a small reader of its files.

Read are qmail-send(8) (locals, virtualdomains, percenthack, envnoathost), qmail-users(5) and qmail-lspawn(8) (the
assignment), qmail-getpw(8), dot-qmail(5), qmail-local(8), and qmail-remote(8) (smtproutes).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tests.receivers.files import ALIAS, ASSIGN, CONTROL, Files

#: A message that has passed so many addresses goes round in circles; qmail-local notices at the first it meets again.
_LONGEST_WAY = 20
_LOOKUP = re.compile(r"\| to=\$\(LC_ALL=C awk .*exec condredirect \"\$to\" true")
_REDIRECT = re.compile(r"\| ?condredirect (\S+) \S*headermatch '[^']*'")
_REFUSES = "| bouncesaying 'Recipient unknown'"
_MAKES_FOLDER = "| [ -d ./Maildir/.junkmail/ ] || "
_EXIT = re.compile(r"\| ?exit ([0-9]+)")
#: Exit codes of programs: some refuse the message, one ends the delivery, 0 goes on; with any other the message waits.
_CODES_OF_REFUSAL = frozenset({64, 65, 70, 76, 77, 78, 100, 112})
_CODE_OF_END = 99
#: Longer names qmail-getpw does not look up, in bytes.
_LONGEST_USER = 31
#: Nobody but the owner may be able to write; in a sticky home the user is changing his files.
_WRITABLE, _STICKY = 0o002, 0o1000
#: A .qmail file with this mode may only forward.
_ONLY_FORWARDS = 0o100
#: qmail knows no other capitals than these.
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


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
class Assigned:
    """Whose address a local one is: a unix account, its home, and which of its .qmail files is followed.

    :param user: the account.
    :param number: its number.
    :param home: its home.
    :param dash: what stands behind ``.qmail`` in the name of the file.
    :param extension: what follows that.
    """

    user: str
    number: int
    home: str
    dash: str
    extension: str


@dataclass(frozen=True)
class _Instructions:
    """A .qmail file: what it says, what "default" in its name stands for, and its permissions."""

    text: str
    default: str = ""
    mode: int = 0o644


class Qmail:
    """qmail on the generated files.

    :param files: the files.
    :param alias: whether there is a unix account ``alias``, which gets what no other account has.
    :param homes: other unix accounts that own their home, each with it; not root, which gets no mail.
    """

    def __init__(self, files: Files, *, alias: bool = True, homes: Mapping[str, str] | None = None) -> None:
        self.files = files
        self._alias = alias
        self._homes = {**({"alias": ALIAS} if alias else {}), **(homes or {})}
        self._delivered: dict[str, set[End]] = {}
        me = files.first(f"{CONTROL}/me")  # what qmail-send takes when there is no locals or no envnoathost
        known = [me] if files.read(f"{CONTROL}/locals") is None else files.lines(f"{CONTROL}/locals")
        self._locals = {small(line) for line in known}
        self._percent = {small(line) for line in files.lines(f"{CONTROL}/percenthack")}
        self._virtual = dict(_pairs(files.lines(f"{CONTROL}/virtualdomains")))
        self._routes = dict(_pairs(files.lines(f"{CONTROL}/smtproutes")))
        self._no_host = files.first(f"{CONTROL}/envnoathost") or me or "envnoathost"
        self._exact: dict[str, Assigned] = {}
        self._begins: dict[str, Assigned] = {}
        # qmail-newu keeps these last letters as they are written, and qmail-lspawn looks for small ones.
        self._wild: set[str] = set()
        self._read_assign()
        self._known = {small(line.split(":")[0]) for line in (files.read(ASSIGN) or "").split("\n")}
        self._known |= {small(line.split(":")[0]) for line in files.lines(f"{CONTROL}/virtualdomains")}

    def _read_assign(self) -> None:
        """Read users/assign as qmail-newu does: six colons are needed, and what follows them does not count."""
        lines = (self.files.read(ASSIGN) or "").split("\n")
        for number, line in enumerate(lines, 1):
            if line.startswith("."):
                return
            head, colon, tail = line.partition(":")
            fields = tail.split(":", 6)
            if not head or not colon or len(fields) < 7 or "\0" in line or number == len(lines):
                raise AssertionError(f"qmail-newu refuses users/assign: {line!r}")
            user, uid, _, home, dash, extension, _ = fields
            digits = uid[: len(uid) - len(uid.lstrip(string.digits))]
            to = Assigned(user, int(digits or 0), home, dash, extension)
            if head[0] == "+":
                self._begins.setdefault(small(head[1:]), to)
                self._wild.add(head[1:][-1:])
            else:
                self._exact.setdefault(small(head[1:]), to)
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
        while small(host) in self._percent and "%" in user:
            user, _, host = user.rpartition("%")
        if small(host) in self._locals:
            return self._local(user, host, passed)
        prefix = self._prefix_of(user, host)
        if prefix:
            return self._local(f"{prefix}-{user}", host, passed)
        return {End("remote", f"{small(host)} via {self._route(small(host))}")}

    def _prefix_of(self, user: str, host: str) -> str:
        """Return what virtualdomains has for an address, "" for none: the address, its domain, domains above, all."""
        keys = [f"{user}@{host}", host, *(host[i:] for i, letter in enumerate(host) if letter == "."), ""]
        return next((self._virtual[key] for key in map(small, keys) if key in self._virtual), "")

    def _route(self, host: str) -> str:
        keys = [host, *(host[i:] for i, letter in enumerate(host) if letter == "."), ""]
        return next((self._routes[key] for key in keys if key in self._routes), "")

    def assigned(self, local: str) -> Assigned | None:
        """Return whose address a local one is by users/assign; None when it has no line for it."""
        low = small(local)
        if low in self._exact:
            return self._exact[low]
        for end in range(len(low), -1, -1):
            if low[:end] in self._begins and (end == 0 or low[end - 1] in self._wild):
                found = self._begins[low[:end]]
                return replace(found, extension=found.extension + local[end:])
        return None

    def _of_unix(self, local: str) -> Assigned | None:
        """Return whose address a local one is by qmail-getpw; None when there is no unix account alias either."""
        for end in range(len(local), -1, -1):
            is_name = end == len(local) or local[end] == "-"
            if is_name and len(local[:end].encode()) <= _LONGEST_USER and (user := small(local[:end])) in self._homes:
                return Assigned(user, 1, self._homes[user], local[end : end + 1], local[end + 1 :])
        return Assigned("alias", 1, ALIAS, "-", local) if self._alias else None

    def _local(self, local: str, host: str, passed: tuple[str, ...]) -> set[End]:
        to = self.assigned(local) or self._of_unix(local)
        if to is None:
            return {End("later", f"{local}: there is no unix account alias")}
        if not to.number:
            return {End("later", f"{local}: qmail-lspawn delivers nothing as root")}
        if self.files.mode(to.home) & (_WRITABLE | _STICKY):
            return {End("later", f"{to.home}: others may write to it, or it is sticky")}
        return self._deliver(to, local, host, passed)

    def _deliver(self, to: Assigned, local: str, host: str, passed: tuple[str, ...]) -> set[End]:
        """Return where the copies of a message end that an account gets; it follows its .qmail file."""
        # As it stands in Delivered-To: qmail-local compares the bytes.
        address = f"{local}@{host}".replace("\n", "_")
        if address in passed or len(passed) > _LONGEST_WAY:
            return {End("bounce", f"{address}: this message is looping")}
        found = self._dot_qmail(to)
        if found is None and to.dash:
            return {End("bounce", f"{local}: no mailbox here by that name")}
        if found is not None and found.mode & _WRITABLE:
            return {End("later", f"{to.home}: others may write to .qmail")}
        if found is None or not found.text:  # what qmail-start was given
            return {End("mailbox", f"{to.home}/Maildir/")}
        return set(self._follow(to, host, found, (*passed, address)))

    def _dot_qmail(self, to: Assigned) -> _Instructions | None:
        """Return the delivery instructions for an address, None without any."""
        name = small(to.extension).replace(".", ":")
        start = f"{to.home}/.qmail{to.dash}"
        if (text := self.files.read(start + name)) is not None:
            default = to.extension[-7:] if name.endswith("default") else ""
            return _Instructions(text, default, self.files.mode(start + name))
        for end in range(len(name), -1, -1):
            path = f"{start}{name[:end]}default"
            if (end == 0 or name[end - 1] == "-") and (text := self.files.read(path)) is not None:
                return _Instructions(text, to.extension[end:], self.files.mode(path))
        return None

    def addressee(self, local: str) -> Assigned:
        """Return whose address a local one is."""
        found = self.assigned(local) or self._of_unix(local)
        assert found is not None, "there is no unix account alias"
        return found

    def instructions(self, local: str) -> tuple[Assigned, list[tuple[str, str]]] | None:
        """Return whose address a local one is, and what qmail-local -n prints for it; None for no mailbox."""
        to = self.addressee(local)
        found = self._dot_qmail(to)
        if found is None and to.dash:
            return None
        lines = _lines((found.text if found else "") or "./Maildir/")
        return to, [_printed(line) for line in lines if line and line[0] not in "#+"]

    def _follow(self, to: Assigned, host: str, found: _Instructions, passed: tuple[str, ...]) -> Iterator[End]:
        lines = _lines(found.text)
        if not lines[0]:
            yield End("later", f"{to.home}: the first line of .qmail is empty")
            return
        ends = 0
        forwards = []  # sent after the last instruction, and not at all when the delivery fails before
        only_forwards = bool(found.mode & _ONLY_FORWARDS)
        for line in filter(None, lines):
            if line[0] in "#+":
                only_forwards |= line == "+list"
                continue
            if line[0] in "|./" and only_forwards:
                yield End("later", f"{passed[-1]}: {line}, though the file may only forward")
                return
            if line[0] == "|":
                copies, code = self._program(line, host, found.default, passed)
                yield from copies
                if code in _CODES_OF_REFUSAL:
                    yield End("bounce", f"{passed[-1]}: {'Recipient unknown' if line == _REFUSES else line}")
                    return
                if code not in (0, _CODE_OF_END):
                    yield End("later", f"{passed[-1]}: {line}")
                    return
                if code:
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

    def _program(self, line: str, host: str, default: str, passed: tuple[str, ...]) -> tuple[set[End], int]:
        """Return where a program line sends a message, and its exit code."""
        if line == _REFUSES:
            return set(), 100
        if _LOOKUP.match(line):
            goal = self.looked_up(default, host)
            return (self.deliver(goal, passed), _CODE_OF_END) if goal else (set(), 0)
        if match := _REDIRECT.match(line):
            # The message is spam, or is not: both have to arrive.
            return self.deliver(match[1], passed), 0
        if match := _EXIT.fullmatch(line):
            return set(), int(match[1])
        assert line.startswith(_MAKES_FOLDER), f"what does this program do? {line}"
        return set(), 0

    def looked_up(self, local: str, host: str) -> str:
        """Return where .qmail-localdelivery-default sends mail for a local part; "" where it does not know it.

        test_the_lookup_is_the_one_of_the_shell compares this with the program itself.
        """
        name, host = small(local), small(host)
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


def small(text: str) -> str:
    """Return a text in small letters as qmail and the C locale know them: those of ASCII."""
    return text.translate(_SMALL)


def _lines(text: str) -> list[str]:
    """Return the lines of a .qmail file without blanks at their ends: only a newline ends one."""
    return [line.rstrip(" \t") for line in text.removesuffix("\n").split("\n")]


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
            yield small(key), value
