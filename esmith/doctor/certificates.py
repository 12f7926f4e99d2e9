"""The certificate of the mail server: when it ends, whose names it has, and whether its key belongs to it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, by_hand, failing, listed, ok, skipped, warning
from esmith.services.certificate import PATH, find_ending
from esmith.services.program import run_for_text

_SECONDS = 10.0
_RENEW = ("signal-event ssl-update",)
_HASHES = 2
#: The names that the event puts into one of our own making, and how many (``events/actions/self-signed-certificate``).
_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_MOST_NAMES = 100


def check_end(case: Case) -> Iterator[Finding]:
    """Look whether it has ended, or ends soon."""
    path = case.layout.under(PATH)
    if not os.path.exists(path):
        if not case.layout.is_machine:
            yield skipped("the certificate", "there is none in this folder")
        elif case.is_enabled("qpsmtpd"):
            why = "passwords and mail of clients go over the network in the clear, or not at all"
            yield failing(f"there is no certificate: {PATH}", why, *_RENEW)
        return
    if not os.access(path, os.R_OK):
        yield skipped(f"the certificate {PATH}", "it may not be read by this user: run it as root")
        return
    found = find_ending(case.layout, now=case.now)
    if found is None:
        yield ok(f"{PATH} is valid for longer than two weeks")
        return
    cures = found.cure or (by_hand("renew it as you got it"), *_RENEW)
    severity, why = (warning, "clients refuse it then") if found.is_valid else (failing, "clients refuse it")
    yield severity(f"{PATH}: {found.trouble}", why, *cures, about=f"{PATH} {'ends' if found.is_valid else 'is bad'}")


def check_names(case: Case) -> Iterator[Finding]:
    """Look whether it has the name of the server, and one of our own making those of all domains."""
    path = case.layout.under(PATH)
    if not os.access(path, os.R_OK):
        return
    argv = ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-issuer_hash", "-subject_hash", "-in", path]
    code, printed = run_for_text(argv, package="openssl", timeout=_SECONDS, place=PATH)
    hashes = re.findall(r"(?m)^[0-9a-f]{8}$", printed)
    if code != 0 or len(hashes) != _HASHES:
        # The other check says so.
        return
    names = [name.lower() for name in re.findall(r"DNS:([^,\s]+)", printed)]
    is_own, own = hashes[0] == hashes[1], (f"rm {case.pasted(PATH)}", *_RENEW)
    domain = case.value("DomainName")
    server = f"{case.value('SystemName') or 'mail'}.{domain}".lower()
    server = server if _NAME.fullmatch(server) else ""
    if server and not any(_covers(name, server) for name in names):
        why = f"mail programs that connect to {server} refuse it; it is for {listed(names) or 'no name'}"
        cures = own if is_own else (by_hand(f"get one for {server}, then"), *_RENEW)
        yield warning(f"the certificate does not have the name of this server, {server}", why, *cures)
        return
    domains = [name for name in map(str.lower, case.settings.keys("domains")) if _NAME.fullmatch(name)]
    others = [name for name in domains if not any(_covers(one, name) for one in names)]
    if is_own and others and len(names) < _MOST_NAMES:
        why = "a new one of our own making would have their names"
        yield warning(f"the certificate does not have the domains {listed(others)}", why, *own)
        return
    signed = "signed by nobody else, so clients ask before they take it" if is_own else "signed by an authority"
    yield ok(f"it has the name {server or 'of no server'}, and is {signed}")


def _covers(pattern: str, name: str) -> bool:
    """Return whether a name of a certificate stands for a name: ``*.`` for one label (RFC 6125, 6.4.3)."""
    return pattern == name or pattern.startswith("*.") and name.partition(".")[2] == pattern[2:]


CHECKS: dict[str, Checking] = {"end of the certificate": check_end, "names of the certificate": check_names}
