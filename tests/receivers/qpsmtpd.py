"""What qpsmtpd 0.94 answers to a recipient, by the source of its plugins: a small reader of its files.

The plugins are badrcptto and rcpt_ok of Debian's qpsmtpd, and check_goodrcptto and check_smtp_forward of ``plugins/``.
tests/qpsmtpd/test_receivers.py compares this reader with the program.
"""

from __future__ import annotations

import re

from tests.receivers.files import CONFIG, CONTROL, Files

_PATTERN = re.compile(r"[/^$*+!%?\\]")
_DOMAIN = re.compile(r"\[(\d{1,3}(\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]+)\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_ATOM = re.compile(r"[a-zA-Z0-9!#%&*+=?^_`{|}~$'\-/]")
_QUOTED = re.compile(r'"((?:[\x01-\x08\x0b\x0c\x0e-\x1f\x21\x23-\x5b\x5d-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*)"')
_ROUTE = re.compile(r"@[A-Za-z0-9.-]+(,@[A-Za-z0-9.-]+)*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: The name of a host that queue/smtp-forward takes; it dies of any other, and then there is no qpsmtpd.
_FORWARD_HOST = re.compile(r"[.\w-]+")
TAKEN, REFUSED, LATER = 250, 550, 450


def canonical(recipient: str) -> str | None:
    """Return the address that qpsmtpd makes of a recipient (Qpsmtpd::Address): without its route and quotes.

    :return: None for what it takes for no address.
    """
    path = _ROUTE.sub("", recipient, count=1) if recipient.startswith("@") else recipient
    if path.lower() == "postmaster":
        return "postmaster"
    user, _, host = path.rpartition("@")
    if not _DOMAIN.fullmatch(host):
        return None
    if _ATOM.match(user):
        return f"{user}@{host}"
    quoted = _QUOTED.fullmatch(user)
    return re.sub(r"\\(.)", r"\1", quoted[1]) + f"@{host}" if quoted else None


class Qpsmtpd:
    """qpsmtpd on the generated files.

    :param files: the files.
    :param peers: the list of plugins, ``0`` for strangers and ``local``.
    :param relay: whether the client may relay: by its address, or since it has logged in.
    """

    def __init__(self, files: Files, peers: str = "0", *, relay: bool = False) -> None:
        self._files = files
        self._relay = relay
        self._plugins = [line.split() for line in files.lines(f"{CONFIG}/peers/{peers}")]
        self._hosts = [line.lower() for name in ("me", "rcpthosts") for line in self._config(name)]
        self._good = {line.lower() for line in self._config("goodrcptto")}
        bad = [line.split()[0].lower() for line in self._config("badrcptto")]
        self._bad = {line for line in bad if not _PATTERN.search(line)}
        self._bad_patterns = [re.compile(line, re.IGNORECASE) for line in bad if _PATTERN.search(line)]

    def _config(self, name: str) -> list[str]:
        """Return a file of the configuration directory; what is missing there is looked for in qmail's."""
        where = CONFIG if self._files.read(f"{CONFIG}/{name}") is not None else CONTROL
        return [line.strip() for line in self._files.lines(f"{where}/{name}")]

    def answer(self, recipient: str) -> int:
        """Return the code of the answer to ``RCPT TO:<recipient>``."""
        address = canonical(recipient)
        if address is None:
            return REFUSED
        user, _, host = address.rpartition("@") if "@" in address else (address, "", "")
        checks = {
            "address_characters": lambda user, host, _: REFUSED if _CONTROL.search(user + host) else None,
            "badrcptto": self._badrcptto,
            "check_goodrcptto": self._check_goodrcptto,
            "rcpt_ok": self._rcpt_ok,
        }
        for plugin, *arguments in self._plugins:
            check = checks.get(plugin)
            code = check(user.lower(), host.lower(), arguments) if check else None
            if code is not None:
                return code
        return LATER  # no plugin has taken it

    def queue(self) -> str:
        """Return where the mail that is taken goes: the plugin and its arguments."""
        queues = [words for words in self._plugins if words[0].startswith("queue/")]
        for plugin, *arguments in queues:
            if plugin == "queue/smtp-forward":
                assert arguments and _FORWARD_HOST.fullmatch(arguments[0]), f"Bad data in smtp server: {arguments}"
        return " ".join(queues[0]) if queues else ""

    def _badrcptto(self, user: str, host: str, _arguments: list[str]) -> int | None:
        if self._relay or not host or not user:
            return None
        address = f"{user}@{host}"
        wrong = address in self._bad or f"@{host}" in self._bad
        return REFUSED if wrong or any(pattern.search(address) for pattern in self._bad_patterns) else None

    def _check_goodrcptto(self, user: str, host: str, arguments: list[str]) -> int | None:
        if host and not self._is_local(host):
            return None
        if not self._good:
            return LATER
        if not host:
            return None if user in self._good else REFUSED
        separator = dict(zip(arguments[::2], arguments[1::2], strict=True)).get("extn", "")
        names = [user]
        while separator and separator in names[-1] and names[-1].rpartition(separator)[0]:
            names.append(names[-1].rpartition(separator)[0])
        if f"@{host}" in self._good or any(f"{name}@{host}" in self._good for name in names):
            return None
        return REFUSED

    def _rcpt_ok(self, _user: str, host: str, _arguments: list[str]) -> int:
        return TAKEN if self._relay or not host or self._is_local(host) else REFUSED

    def _is_local(self, host: str) -> bool:
        return any(known == host or known[:1] == "." and host.endswith(known) for known in self._hosts)
