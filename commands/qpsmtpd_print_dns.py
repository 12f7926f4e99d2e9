"""``qpsmtpd-print-dns``: the DNS entries a mail domain should publish: its DKIM key, its SPF and its DMARC policy."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass
from typing import NoReturn

import click

from esmith.cli.output import print_lines, warn
from esmith.cli.program import root_option, run_click
from esmith.errors import EsmithError, UsageError
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.protocol import Snapshot

#: Where the key pairs are: a directory each, named for its domain, and one for all the others.
KEYS = "/home/e-smith/dkim_keys"
DEFAULT = "default"

ADVICE = (
    "Here are sample DNS entries you should add in your public DNS",
    "The DKIM entry can be copied as is, but others will probably need to be adjusted to your need.",
    "For example, you should either change the reporting email address for DMARC (or create the needed pseudonym)",
)
#: A TXT entry is made of strings of at most so many characters.
_LONGEST_STRING = 255
_DOMAIN = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?)*")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", re.DOTALL)


@dataclass(frozen=True)
class PublishedKey:
    """A DKIM key as it is published.

    :param selector: the name it is published under.
    :param text: the public key in base64, on one line.
    """

    selector: str
    text: str


def sample_entries(layout: Layout, domain: str) -> list[str]:
    """Return the entries for a domain, as lines of a zone file.

    :raises UsageError: when that is no domain name.
    :raises EsmithError: when there is no key, or it is damaged.
    """
    key = published_key(layout, domain)
    return [
        f"{key.selector}._domainkey IN TXT {txt(f'v=DKIM1;p={key.text}')}",
        # Not in an SPF record as well: RFC 7208 withdrew that type.
        '@ IN TXT "v=spf1 mx a -all"',
        f'_dmarc IN TXT "v=DMARC1; p=none; adkim=s; aspf=r; rua=mailto:dmarc-feedback@{domain}; pct=100"',
    ]


def txt(text: str) -> str:
    """Return the data of a TXT entry: quoted strings, with nothing between them."""
    strings = [text[start : start + _LONGEST_STRING] for start in range(0, len(text), _LONGEST_STRING)]
    return '"' + '""'.join(strings) + '"'


def published_key(layout: Layout, domain: str) -> PublishedKey:
    """Return the key that signs a domain's mail: its own, else the default one.

    :raises UsageError: when that is no domain name.
    :raises EsmithError: when there is no key, or it is damaged.
    """
    if not _DOMAIN.fullmatch(domain):
        raise UsageError(f"{domain!r} is not a domain name", hint="qpsmtpd-print-dns DOMAIN, e.g. example.com")
    directory = f"{KEYS}/{domain if _has_own_key(layout, domain) else DEFAULT}"
    if not os.path.exists(layout.under(directory)):
        raise EsmithError(
            f"there is no DKIM key for {domain}",
            place=layout.under(directory),
            hint="to make one:\n    config setprop qpsmtpd DKIMSigning enabled\n    signal-event email-update",
        )
    return PublishedKey(_selector(layout, directory), _public_key(layout, directory))


def unsigned_because(layout: Layout, snapshot: Snapshot, domain: str) -> str:
    """Return why the mail of a domain is not signed; "" when it is."""
    if snapshot.prop("configuration", "qpsmtpd", "DKIMSigning") != "enabled":
        return "DKIMSigning of qpsmtpd is not enabled"
    if snapshot.prop("domains", domain, "DKIMSigning") == "disabled":
        return f"DKIMSigning of the domain {domain} is disabled"
    if snapshot.type_of("domains", domain) != "domain" and not _has_own_key(layout, domain):
        cure = f"to make it one: db domains set {domain} domain"
        return f"it is not a domain of this server and has no key of its own\n  {cure}"
    return ""


def _has_own_key(layout: Layout, domain: str) -> bool:
    # The template of config/dkim chooses by the same rule.
    return all(os.path.exists(layout.under(f"{KEYS}/{domain}/{part}")) for part in ("private", "selector"))


def _selector(layout: Layout, directory: str) -> str:
    place = f"{directory}/selector"
    selector = _read(layout, place, f"write its name into it: echo default > {place}").partition("\n")[0].strip()
    if not _DOMAIN.fullmatch(selector):
        raise EsmithError(
            f"{selector!r} cannot be a selector", place=layout.under(place), hint=f"echo default > {place}"
        )
    return selector


def _public_key(layout: Layout, directory: str) -> str:
    place = f"{directory}/public"
    cure = f"make it of the private key: openssl rsa -in {directory}/private -out {place} -pubout"
    found = _PEM.search(_read(layout, place, cure))
    text = "".join(found.group(1).split()) if found else ""
    try:
        valid = bool(base64.b64decode(text, validate=True))
    except binascii.Error:
        valid = False
    if not valid:
        raise EsmithError("holds no public key in PEM format", place=layout.under(place), hint=cure)
    return text


def _read(layout: Layout, path: str, cure: str) -> str:
    try:
        return layout.disk().read(layout.under(path)).decode("utf-8", "replace")
    except FileNotFoundError:
        raise EsmithError("is missing", place=layout.under(path), hint=cure) from None
    except OSError as error:
        raise EsmithError(
            f"cannot be read: {error.strerror}", place=layout.under(path), hint="run the command as root"
        ) from error


@click.command()
@root_option
@click.argument("domain", required=False)
@click.pass_obj
def command(root: str | None, domain: str | None) -> int:
    """Print sample DNS entries for DOMAIN: its DKIM key, its SPF and its DMARC policy.

    They are formatted for a zone file of bind. Without DOMAIN those of the primary domain are printed.

    \b
    Examples:
      qpsmtpd-print-dns
      qpsmtpd-print-dns domain.net
    """
    layout = Layout.chosen(root)
    with open_store(layout).snapshot() as snapshot:
        domain = domain or snapshot.type_of("configuration", "DomainName")
        if not domain:
            raise EsmithError("there is no primary domain", hint="config set DomainName example.com")
        entries = sample_entries(layout, domain)
        reason = unsigned_because(layout, snapshot, domain)
    print_lines([*ADVICE, "", "", *entries])
    if reason:
        warn(f"mail from {domain} is not signed yet: {reason}")
    return 0


def main() -> NoReturn:
    """Run ``qpsmtpd-print-dns`` on the arguments of this process."""
    run_click(command, "qpsmtpd-print-dns")


if __name__ == "__main__":
    main()
