"""The key that signs a domain's mail, as it is published in the DNS (RFC 6376)."""

from __future__ import annotations

import base64
import binascii
import os
import re
from dataclasses import dataclass

from esmith.errors import EsmithError, UsageError
from esmith.layout import Layout
from esmith.printable import shell_word
from esmith.store.protocol import Records

#: Where the key pairs are: a directory each, named for its domain, and one for all the others.
KEYS = "/home/e-smith/dkim_keys"
DEFAULT = "default"
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


def unsigned_because(layout: Layout, settings: Records, domain: str) -> str:
    """Return why the mail of a domain is not signed; "" when it is."""
    if settings.prop("configuration", "qpsmtpd", "DKIMSigning") != "enabled":
        return "DKIMSigning of qpsmtpd is not enabled"
    if settings.prop("domains", domain, "DKIMSigning") == "disabled":
        return f"DKIMSigning of the domain {domain} is disabled"
    if settings.type_of("domains", domain) != "domain" and not _has_own_key(layout, domain):
        cure = f"to make it one: db domains set {shell_word(domain)} domain"
        return f"it is not a domain of this server and has no key of its own\n  {cure}"
    return ""


def _has_own_key(layout: Layout, domain: str) -> bool:
    # The template of config/dkim chooses by the same rule.
    return all(os.path.exists(layout.under(f"{KEYS}/{domain}/{part}")) for part in ("private", "selector"))


def _selector(layout: Layout, directory: str) -> str:
    place = f"{directory}/selector"
    cure = f"echo default > {shell_word(layout.under(place))}"
    selector = _read(layout, place, f"write its name into it: {cure}").partition("\n")[0].strip()
    if not _DOMAIN.fullmatch(selector):
        raise EsmithError(f"{selector!r} cannot be a selector", place=layout.under(place), hint=cure)
    return selector


def _public_key(layout: Layout, directory: str) -> str:
    place = f"{directory}/public"
    private = shell_word(layout.under(f"{directory}/private"))
    cure = f"make it of the private key: openssl rsa -in {private} -out {shell_word(layout.under(place))} -pubout"
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
