"""``smtp-auth-proxy``: the service that hands outgoing mail to the provider; its run script starts it."""

from __future__ import annotations

from typing import NoReturn

import click

from esmith.cli.program import root_option, run_click
from esmith.layout import Layout
from esmith.proxy.daemon import run

#: What it is to do, a generated file.
SETTINGS = "/etc/smtp-auth-proxy.conf"


@click.command("smtp-auth-proxy")
@click.option("--user", default="", metavar="NAME", help="The unix account to become, when root starts it.")
@root_option
@click.pass_obj
def command(root: str | None, user: str) -> int:
    """Pass outgoing mail on to the provider's server, with encryption and a login.

    Listens on 127.0.0.1, as /etc/smtp-auth-proxy.conf says, until it gets TERM; the mails that have begun are passed on
    before it ends. The service smtp-auth-proxy starts it.
    """
    layout = Layout.chosen(root)
    path = layout.under(SETTINGS)
    layout.trust.require(path)
    run(path, user)
    return 0


def main() -> NoReturn:
    """Run ``smtp-auth-proxy`` on the arguments of this process."""
    run_click(command, "smtp-auth-proxy")
