"""Questions to the name server, each with a time limit; after some without an answer no more are asked."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

from esmith.errors import EsmithError, UsageError

if TYPE_CHECKING:
    import dns.resolver

#: Seconds that one server has for an answer, and that a question takes at most with all of them.
_SERVER_SECONDS, _QUESTION_SECONDS = 1.5, 3.0
#: So many questions without an answer mean that there will be none.
_MOST_SILENT = 4
_AT_ONCE = 16
_PORT = 53


class OfflineError(EsmithError):
    """No name server answers."""


class UnansweredError(EsmithError):
    """A name server gave no answer to one question, or refused it."""


class Resolver:
    """The name server.

    :param address: the server, as ``192.0.2.1`` or ``192.0.2.1:5300``; "" for those of a file.
    :param file: that file, a resolv.conf(5) of this disk.
    :raises UsageError: when the address is none.
    :raises OfflineError: when no server is named.
    :raises EsmithError: when the library that asks is missing.
    """

    def __init__(self, address: str, file: str) -> None:
        try:
            import dns.resolver
        except ImportError:
            from esmith.libraries import library_command

            cure = library_command("dnspython")
            raise EsmithError("the Python package dnspython is missing", hint=f"install it: {cure}") from None
        resolver = dns.resolver.Resolver(configure=False)
        if address:
            resolver.nameservers, resolver.port = _server(address)
        else:
            try:
                resolver.read_resolv_conf(file)
            except (OSError, dns.resolver.NoResolverConfiguration) as error:
                raise OfflineError(f"no name server is named in {file}", hint=f"cat {file}") from error
        resolver.timeout, resolver.lifetime = _SERVER_SECONDS, _QUESTION_SECONDS
        self._resolver: dns.resolver.Resolver = resolver
        self._servers = ", ".join(map(str, resolver.nameservers))
        self._lock = Lock()
        self._silent = 0

    def require_answers(self) -> None:
        """Ask for the name servers of the root, which each server knows that works.

        :raises OfflineError: when nothing, or a failure, comes back.
        """
        try:
            self.ask(".", "NS")
        except UnansweredError as error:
            raise OfflineError(f"no name server answers ({self._servers}: {error.message})") from error

    def ask(self, name: str, kind: str) -> list[str]:
        """Return the answers to one question, as zone files have them, sorted; none where there is no such entry.

        The strings of a TXT entry are joined, as who reads one does (RFC 7208, 3.3).

        :param name: the whole name.
        :param kind: ``A``, ``MX``, ``TXT`` and so on.
        :raises UnansweredError: when no answer comes in time, or a server refuses to give one.
        :raises OfflineError: when earlier questions got none, either.
        """
        import dns.exception
        import dns.resolver

        if self._silent >= _MOST_SILENT:
            raise OfflineError(f"the name server does not answer any more ({self._servers})")
        try:
            answer = self._resolver.resolve(f"{name.rstrip('.')}.", kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except dns.resolver.LifetimeTimeout:
            with self._lock:
                self._silent += 1
            raise UnansweredError(f"no answer within {_QUESTION_SECONDS:g} s") from None
        except dns.resolver.NoNameservers as error:
            raise UnansweredError(_unreached(error) or "the name server answers with a failure") from None
        except dns.exception.DNSException as error:
            raise UnansweredError(f"{error}") from error
        self._silent = 0
        return sorted(_text(item) for item in answer.rrset or ())

    def ask_all(self, questions: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[str] | UnansweredError]:
        """Ask many questions side by side, and return what came of each.

        :param questions: pairs of name and kind.
        :raises OfflineError: when the server stops to answer.
        """
        wanted = list(dict.fromkeys(questions))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(self._tried, wanted), strict=True))

    def _tried(self, question: tuple[str, str]) -> list[str] | UnansweredError:
        try:
            return self.ask(*question)
        except UnansweredError as error:
            return error


def _unreached(error: dns.resolver.NoNameservers) -> str:
    """Return why no server could be asked; "" where one was."""
    tried = error.kwargs.get("errors") or ()
    faults = [word for one in tried for word in one if isinstance(word, Exception)]
    reasons = [fault.strerror or str(fault) for fault in faults if isinstance(fault, OSError)]
    return reasons[0].lower() if reasons and len(reasons) == len(faults) else ""


def _text(item: object) -> str:
    strings = getattr(item, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "surrogateescape")
    return str(item)


def _server(address: str) -> tuple[list[str], int]:
    """Return the address and the port of a server."""
    from ipaddress import ip_address

    host, colon, port = address.rpartition(":")
    if not colon or ":" in host and not host.endswith("]"):
        host, port = address, str(_PORT)
    try:
        found = [str(ip_address(host.strip("[]")))], int(port)
    except ValueError:
        raise UsageError(
            f"{address!r} is not the address of a name server", hint="name one, e.g. --resolver 192.0.2.1"
        ) from None
    return found
