"""``qpsmtpd-print-dns``: the DNS entries a mail domain should publish: its DKIM key, its SPF and its DMARC policy."""

from __future__ import annotations

from typing import NoReturn

import click

from esmith.cli.output import print_lines, warn
from esmith.cli.program import root_option, run_click
from esmith.doctor.published import published_key, unsigned_because
from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.store import open_store

ADVICE = (
    "Here are sample DNS entries you should add in your public DNS",
    "The DKIM entry can be copied as is, but others will probably need to be adjusted to your need.",
    "For example, you should either change the reporting email address for DMARC (or create the needed pseudonym)",
)
#: A TXT entry is made of strings of at most so many characters.
_LONGEST_STRING = 255


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
