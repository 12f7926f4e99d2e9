"""``qpsmtpd-print-dns``: the DNS entries to publish for a domain (docs/commands.md#qpsmtpd-print-dns)."""

from __future__ import annotations

from typing import NoReturn

import click

from esmith.cli.output import print_lines
from esmith.cli.program import root_option, run_click, warn
from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.mail.dns import ADVICE, sample_entries, unsigned_because
from esmith.store import open_store


@click.command()
@root_option
@click.argument("domain", required=False)
@click.pass_obj
def _command(root: str | None, domain: str | None) -> int:
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
    run_click(_command, "qpsmtpd-print-dns")
