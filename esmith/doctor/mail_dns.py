"""The DNS of each mail domain: MX, SPF, DKIM, DMARC; and the names of the address that sends.

What an entry has to be: RFC 5321 (MX), RFC 7208 (SPF), RFC 6376 (DKIM), RFC 7489 (DMARC). Of a server's address other
servers want a name that leads to it again (RFC 1912, 2.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address

from esmith.doctor.case import Case
from esmith.doctor.finding import (
    Checking,
    Finding,
    by_hand,
    failing,
    is_host,
    listed,
    ok,
    shown_host,
    skipped,
    warning,
)
from esmith.doctor.published import published_key, unsigned_because
from esmith.doctor.resolver import OfflineError, UnansweredError
from esmith.errors import EsmithError
from esmith.names import counted, in_dns
from esmith.printable import shell_word

#: Names that no server on the internet has (RFC 2606, RFC 6761, RFC 6762, RFC 9476).
_RESERVED = re.compile(r"(.*\.)?(example(\.(com|net|org))?|test|invalid|localhost|local|lan|localdomain|internal|alt)")
_NAMELESS = ("the name is not one of the internet; set your own", "config set DomainName YOUR.DOMAIN")
_ENTRIES = "qpsmtpd-print-dns"

_Answers = Mapping[tuple[str, str], list[str] | UnansweredError]


class _UnknownError(EsmithError):
    """One question was not answered; the others are about something else."""


def check_domains(case: Case) -> Iterator[Finding]:
    """Look at the entries of each domain of this server."""
    resolver = case.resolver
    domains, nameless = _domains(case)
    if nameless:
        yield skipped(f"the DNS of {listed(nameless)}", *_NAMELESS)
    if not domains:
        return
    try:
        resolver.require_answers()
        found = dict(resolver.ask_all(question for domain in domains for question in _questions(case, domain)))
        hosts = {host for domain in domains for host in _mail_hosts(found, domain)}
        found |= resolver.ask_all((host, kind) for host in sorted(hosts) for kind in ("A", "AAAA"))
    except OfflineError as error:
        yield skipped(f"the DNS of {counted(len(domains), 'domain')}", f"offline: {error.message}")
        return
    host = _own_name(case)
    unsigned = []
    for domain in domains:
        for look in (_mx, _spf, _dmarc):
            yield from _looked(look, found, domain, host)
        reason = unsigned_because(case.layout, case.settings, domain)
        if reason:
            unsigned.append(domain)
        else:
            yield from _dkim(case, found, domain)
    if unsigned:
        reason = unsigned_because(case.layout, case.settings, unsigned[0]).partition("\n")[0]
        yield skipped(f"DKIM of {listed(unsigned)}", f"mail from there is not signed: {reason}")


def _domains(case: Case) -> tuple[list[str], list[str]]:
    """Return the domains as DNS has them, and those that it cannot have."""
    names = [case.value("DomainName"), *(record.key for record in case.settings.records("domains", "domain"))]
    names = list(dict.fromkeys(name.lower().strip(".") for name in names if name))
    known = [dns for name in names if (dns := in_dns(name)) and "." in dns and not _is_reserved(case, dns)]
    return known, [name for name in names if in_dns(name) not in known]


def _is_reserved(case: Case, name: str) -> bool:
    """Return whether no server on the internet has a name; one that is asked on purpose may know it."""
    return not case.given_resolver and bool(_RESERVED.fullmatch(name))


def _questions(case: Case, domain: str) -> Iterator[tuple[str, str]]:
    yield from ((domain, kind) for kind in ("MX", "A", "AAAA", "TXT"))
    yield from ((f"_dmarc.{name}", "TXT") for name in _above(domain))
    selector = _selector(case, domain)
    if selector:
        yield f"{selector}._domainkey.{domain}", "TXT"


def _above(domain: str) -> list[str]:
    """Return a domain and those it is part of, whose DMARC counts where it has none of its own (RFC 7489, 6.6.3)."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def _selector(case: Case, domain: str) -> str:
    try:
        return published_key(case.layout, domain).selector
    except EsmithError:
        return ""


def _answer(found: _Answers, name: str, kind: str) -> list[str]:
    answer = found.get((name, kind), [])
    if isinstance(answer, UnansweredError):
        raise _UnknownError(f"the {kind} of {name}: {answer.message}")
    return answer


def _looked(
    look: Callable[[_Answers, str, str], Iterator[Finding]], found: _Answers, domain: str, host: str
) -> Iterator[Finding]:
    try:
        yield from look(found, domain, host)
    except _UnknownError as error:
        what, _, reason = str(error).partition(": ")
        yield skipped(what, reason)


def _mail_hosts(found: _Answers, domain: str) -> list[str]:
    """Return the hosts that take the mail of a domain, the first ones first; none where that is not known."""
    answer = found.get((domain, "MX"), [])
    if isinstance(answer, UnansweredError):
        return []
    entries = sorted((int(number), host.rstrip(".").lower()) for number, _, host in (e.partition(" ") for e in answer))
    return [host for _, host in entries]


def _publish(name: str, kind: str, host: str = "") -> tuple[str, ...]:
    """Return as a cure an entry that is to be published; none where a name of it is not that of a host.

    :param kind: with all that stands before the host.
    :param host: what the entry leads to; "" for an address that only the administrator knows.
    """
    if not all(map(is_host, filter(None, (name, host)))):
        return ()
    return (by_hand(f"publish in the DNS: {name}. IN {kind} {f'{host}.' if host else 'ADDRESS'}"),)


def _mx(found: _Answers, domain: str, host: str) -> Iterator[Finding]:
    entries = _answer(found, domain, "MX")
    publish = _publish(domain, "MX 10", host)
    if not entries:
        has_address = _answer(found, domain, "A") or _answer(found, domain, "AAAA")
        if has_address:
            why = "mail goes to the address of the domain, which is perhaps that of a web server"
            yield warning(f"{domain} has no MX", why, *publish)
        else:
            yield failing(f"{domain} has neither an MX nor an address", "nobody can send mail to it", *publish)
        return
    hosts = _mail_hosts(found, domain)
    if hosts == [""]:
        yield failing(f"{domain} publishes that it takes no mail (MX 0 .)", "nobody sends mail to it", *publish)
        return
    nowhere = [host for host in hosts if not (_answer(found, host, "A") or _answer(found, host, "AAAA"))]
    if nowhere:
        found_as = failing if len(nowhere) == len(hosts) else warning
        why = "mail waits at the sender and comes back"
        yield found_as(
            f"the MX of {domain} names {listed([*map(shown_host, nowhere)])}, which has no address",
            why,
            *_publish(nowhere[0], "A"),
        )
    else:
        yield ok(f"{domain}: MX {listed([*map(shown_host, hosts)])}")


def _records(found: _Answers, name: str, mark: str) -> list[str]:
    return [
        text for text in _answer(found, name, "TXT") if text.lower().partition(";")[0].split(" ")[0].strip() == mark
    ]


def _spf(found: _Answers, domain: str, _host: str) -> Iterator[Finding]:
    records = _records(found, domain, "v=spf1")
    cure = f"{_ENTRIES} {shell_word(domain)}"
    if not records:
        yield warning(
            f"{domain} has no SPF", "others can send in its name, and large providers refuse mail from it", cure
        )
    elif len(records) > 1:
        yield failing(
            f"{domain} has {len(records)} SPF entries", "only one may be there: servers take them for none", cure
        )
    elif "+all" in records[0].lower().split() or "all" in records[0].lower().split():
        yield warning(f"the SPF of {domain} allows everybody (+all)", "it protects from nothing", cure)
    else:
        yield ok(f"{domain}: SPF")


def _dmarc(found: _Answers, domain: str, _host: str) -> Iterator[Finding]:
    each = (_records(found, f"_dmarc.{name}", "v=dmarc1") for name in _above(domain))
    records = next(filter(None, each), [])
    cure = f"{_ENTRIES} {shell_word(domain)}"
    if not records:
        yield warning(f"{domain} has no DMARC", "large providers refuse mail from it, or sort it out as spam", cure)
    elif len(records) > 1:
        yield warning(f"{domain} has {len(records)} DMARC entries", "servers take them for none", cure)
    else:
        yield ok(f"{domain}: DMARC")


def _dkim(case: Case, found: _Answers, domain: str) -> Iterator[Finding]:
    cure = f"{_ENTRIES} {shell_word(domain)}"
    try:
        key = published_key(case.layout, domain)
    except EsmithError as error:
        yield failing(
            f"there is no DKIM key for {domain}: {error.message}",
            "its mail goes out without a signature",
            "signal-event email-update",
        )
        return
    name = f"{key.selector}._domainkey.{domain}"
    try:
        texts = _answer(found, name, "TXT")
    except _UnknownError as error:
        yield skipped(*str(error).split(": ", 1))
        return
    published = [_tag(text, "p") for text in texts]
    if not texts:
        yield failing(
            f"the DKIM key of {domain} is not published ({name})",
            "its mail is signed, and nobody can verify that",
            cure,
        )
    elif key.text in published:
        yield ok(f"{domain}: DKIM, the key of this server at {key.selector}")
    elif published == [""]:
        yield failing(
            f"the DKIM key of {domain} is published as withdrawn ({name})", "the signatures of its mail are wrong", cure
        )
    else:
        yield failing(
            f"another DKIM key than ours is published for {domain} ({name})",
            "the signatures of its mail are wrong",
            cure,
        )


def _tag(text: str, tag: str) -> str:
    """Return a value of a list of tags (RFC 6376, 3.2), without white space; "" for none."""
    pairs = (part.partition("=") for part in text.split(";"))
    return next(("".join(value.split()) for name, _, value in pairs if name.strip() == tag), "")


def check_address(case: Case) -> Iterator[Finding]:
    """Look at the name of the address that sends: from it to the address, and back."""
    resolver = case.resolver
    if case.prop("smtp-auth-proxy", "status") == "enabled" or case.value("SMTPSmartHost") not in ("", "off"):
        yield skipped("the name of our address", "the server of the provider sends our mail")
        return
    host = _own_name(case)
    if _is_reserved(case, host):
        yield skipped("the name of our address", *_NAMELESS)
        return
    try:
        resolver.require_answers()
        address = case.value("ExternalIP") or next(iter(resolver.ask(host, "A")), "")
        if not address:
            why = "mail programs do not find it, and other servers refuse mail from a server without a name"
            yield failing(f"{host} has no address", why, *_publish(host, "A"))
            return
        if not (ip_address(address).is_global or case.given_resolver):
            yield skipped("the name of our address", f"{address} is not an address of the internet")
            return
        yield from _reverse(case, host, address)
    except OfflineError as error:
        yield skipped("the name of our address", f"offline: {error.message}")
    except UnansweredError as error:
        yield skipped("the name of our address", error.message)


def _own_name(case: Case) -> str:
    """Return the name of this server, as DNS has it."""
    domain = in_dns(case.value("DomainName").lower())
    return f"{case.value('SystemName').lower() or 'mail'}.{domain}"


def _reverse(case: Case, host: str, address: str) -> Iterator[Finding]:
    names = [name.rstrip(".").lower() for name in case.resolver.ask(ip_address(address).reverse_pointer, "PTR")]
    ask = by_hand(f"have your provider set the PTR of {ip_address(address)} to {host}")
    cures = (ask,) if is_host(host) and "%" not in address else ()
    if not names:
        yield failing(f"our address {address} has no name (PTR)", "most servers refuse mail from it", *cures)
        return
    kind = "A" if ip_address(address).version == 4 else "AAAA"
    if not any(address in case.resolver.ask(name, kind) for name in names[:3]):
        why = "many servers refuse mail from it, or count it as spam"
        yield warning(f"the name of {address} ({shown_host(names[0])}) does not lead to it again", why, *cures)
    else:
        yield ok(f"{address} has the name {shown_host(names[0])}, which leads to it")


CHECKS: dict[str, Checking] = {"DNS of the domains": check_domains, "the name of our address": check_address}
