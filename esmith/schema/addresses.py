"""Mail addresses that settings hold: what keeps qmail from sending to one."""

from __future__ import annotations

import re

from esmith.schema.types import domain_refusal

#: The signs of a name that needs no quotes (RFC 5321, 4.1.2), also with dots anywhere, as qmail allows them.
_NAME = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+")
_ANGLE = re.compile(r".*<[^<>]*>")


def address_fault(text: str) -> str:
    """Return what is wrong with an address of another server, "" for nothing; it reads after the address.

    Names without an ``@`` are those of accounts, so nothing is wrong with them here.
    """
    name, at, domain = text.rpartition("@")
    if not at:
        return ""
    if not name:
        return "has no name before the @"
    if _ANGLE.fullmatch(text):
        return "has < and >; give the address alone"
    if not name.isascii():
        return "has letters that the name before the @ cannot have"
    if not _NAME.fullmatch(name) or name.startswith("&"):
        return "is no address such as jane@example.com; several are separated by blanks or commas"
    return domain_refusal(domain) or ""
