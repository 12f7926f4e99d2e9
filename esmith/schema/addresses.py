"""Mail addresses and mail domains that settings hold: what keeps qmail from sending to one, or serving one."""

from __future__ import annotations

import re

from esmith.expressions import expression
from esmith.schema.types import domain_refusal

#: The signs of a name that needs no quotes (RFC 5321, 4.1.2), also with dots anywhere, as qmail allows them.
_NAME = expression(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+")
#: The name of a domain as qpsmtpd takes it after the @ (Qpsmtpd::Address of 0.94), with labels as DNS has them.
_LABEL = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
_SERVED = expression(rf"{_LABEL}(\.{_LABEL})*\.?", re.IGNORECASE | re.ASCII)
#: After & qmail-local takes all for one address; blanks may be in it, but a list of addresses it is never.
_FORWARD = expression(r"&\S((?!, ).)*|[^\s&+,][^\s,]*")
_ANGLE = expression(r".*<[^<>]*>")


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


def delivery_fault(line: str) -> str:
    """Return what is wrong with a line of dot-qmail(5), "" for nothing; it reads after the line.

    :param line: without its end; blanks at the end do not count.
    """
    text = line.rstrip(" \t")
    if "\0" in text or "\r" in text:
        return "has a control character"
    if not text or text[0] in "#|" or text == "+list":
        return ""
    is_path = text[0] in "./"
    if text.startswith("..") or not (is_path or _FORWARD.fullmatch(text)):
        return "is no comment, program, mailbox or address"
    return "" if is_path else address_fault(text.removeprefix("&"))


def mail_domain_fault(name: str) -> str:
    """Return why this server can receive no mail for a domain of this name, "" when it can.

    Capitals and a final dot are no fault: without them it is the same name. qpsmtpd and its plugins know no name that
    stands for those below it, and ``localhost`` leads to each address that is for use inside this machine only.
    """
    if name.startswith((".", "*.")):
        above = name.removeprefix("*")[1:]
        return f"make a domain for each name below {above} that is to get mail"
    if name.lower().removesuffix(".") == "localhost":
        return "qmail needs the name for itself"
    if not name.isascii():
        return "mail and DNS know no such letters"
    return "" if _SERVED.fullmatch(name) else "no mail can be addressed to such a name"
