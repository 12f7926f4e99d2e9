"""``esmith setup``: makes a fresh Debian a mail server."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys

import click

from esmith.cli.output import print_report
from esmith.cli.program import root_option
from esmith.errors import EsmithError, UsageError
from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.setup.machine.names import check_length, check_name, doubt
from esmith.setup.machine.packages import QUEUES, ShippedLayout
from esmith.setup.machine.plan import Choices, Setup
from esmith.setup.machine.programs import Programs, own_command
from esmith.setup.machine.progress import Progress
from esmith.setup.machine.start import RUNIT, SYSTEMD, default_supervisor
from esmith.setup.machine.steps import run_steps, show_steps
from esmith.store import open_store, store_files

#: The records without properties that setup asks for, each with its option.
_ASKED = {"DomainName": "--domain", "SystemName": "--name"}


@click.command("setup")
@click.option("--domain", metavar="NAME", help="The primary domain (DomainName), e.g. example.com.")
@click.option("--name", metavar="NAME", help="The name of this host (SystemName), e.g. mail.")
@click.option(
    "--services",
    "supervisor",
    type=click.Choice([SYSTEMD, RUNIT]),
    help="What supervises the services; default: systemd where it runs, else runit.",
)
@click.option("--queue", type=click.Choice(sorted(QUEUES)), help="Whose queue mail goes to; default: what is there.")
@click.option("--without", multiple=True, metavar="SERVICE", help="A service that is left out; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Show all it would do, and change nothing.")
@root_option
@click.pass_obj
def setup_command(
    root: str | None,
    *,
    domain: str | None,
    name: str | None,
    supervisor: str | None,
    queue: str | None,
    without: tuple[str, ...],
    dry_run: bool,
) -> int:
    """Make a fresh Debian a mail server, or see to it that one still is.

    Installs Debian packages, the files of e-smith and the databases, accounts, a certificate and all files, starts the
    services, and tries the mail. It can be run again: what is done already is left as it is.

    \b
    Examples:
      esmith setup --dry-run --domain example.com --name mail
      esmith setup --domain example.com --name mail
    """
    layout = Layout.chosen(root)
    if not layout.is_machine:
        raise UsageError(
            "a root folder cannot be made a mail server: packages, accounts and services are those of the machine",
            hint="without --root and ESMITH_ROOT; for a folder: esmith init",
        )
    if os.geteuid() != 0 and not dry_run:
        raise UsageError(
            "only root can set up the machine", hint="run it as root; to see what it would do: esmith setup --dry-run"
        )
    names = _names(layout, {"DomainName": domain, "SystemName": name}, may_ask=not dry_run)
    progress = Progress.of_stdout(lambda line: print_report([line], cures=True))
    if text := doubt(names["DomainName"], names["SystemName"]):
        progress.say(text)
    choices = Choices(names["DomainName"], names["SystemName"], supervisor or default_supervisor(), queue, without)
    steps = Setup(layout, choices, Programs(layout, progress)).steps()
    if dry_run:
        show_steps(steps, progress)
        return 0
    run_steps(steps, progress, _again(choices))
    progress.say(f"{names['SystemName']}.{names['DomainName']} is a mail server. What comes next: docs/mail-server.md")
    return 0


def _names(layout: Layout, given: dict[str, str | None], *, may_ask: bool) -> dict[str, str]:
    """Return the names of the server: those given, those that are set, or the answers of whoever is at the terminal.

    :param may_ask: whether somebody is to be asked.
    :raises UsageError: when one is neither given nor set, and nobody can be asked.
    :raises RefusedError: when one cannot be such a name.
    """
    schema = Schema(ShippedLayout(layout.root))
    found: dict[str, str] = {}
    # All that was given, before anybody is asked.
    for key, option in _ASKED.items():
        if (name := given[key]) is not None:
            check_name(schema, key, name, option)
    for key, option in _ASKED.items():
        known = schema.record("configuration", key, None)
        default = known.value.default if known and known.value else None
        stored = _stored(layout, key)
        value = given[key]
        if value is None and may_ask and stored in (None, default) and sys.stdin.isatty():
            value = _asked(schema, key, option, known.help if known else key)
        if value is None and stored is None:
            raise UsageError(
                f"the setting {key} is not known",
                hint="name both, e.g. example.com and mail: esmith setup --domain DOMAIN --name NAME",
            )
        found[key] = stored or "" if value is None else value
    check_length(found["DomainName"], found["SystemName"])
    return found


def _asked(schema: Schema, key: str, option: str, question: str) -> str:
    """Ask for a name until it can be one."""

    def checked(answer: str) -> str:
        try:
            check_name(schema, key, answer.strip(), option)
        except EsmithError as error:
            raise click.UsageError(f"{error.message}{': ' if error.hint else ''}{error.hint}") from None
        return answer.strip()

    answer: str = click.prompt(question.rstrip("."), default=_guess(key) or None, value_proc=checked, err=True)
    return answer


def _stored(layout: Layout, key: str) -> str | None:
    """Return the value of a record without properties; None where there are no databases yet."""
    if not any(os.path.exists(file) for file in store_files(layout)):
        return None
    with open_store(layout).snapshot() as snapshot:
        return snapshot.type_of("configuration", key)


def _guess(key: str) -> str:
    """Return what the machine is called now, "" where that is no name of a mail server."""
    name, _, domain = socket.getfqdn().lower().partition(".")
    if not domain or domain == "localdomain":
        return "" if key == "DomainName" else "mail"
    return domain if key == "DomainName" else name


def _again(choices: Choices) -> str:
    """Return the command that goes on after a failure."""
    words = ["--domain", choices.domain or "", "--name", choices.name or "", "--services", choices.supervisor]
    words += ["--queue", choices.queue] if choices.queue else []
    words += [word for name in choices.without for word in ("--without", name)]
    # Before the links are made only its path finds it.
    program = "esmith" if shutil.which("esmith") else own_command()[0]
    return shlex.join([program, "setup", *words])
