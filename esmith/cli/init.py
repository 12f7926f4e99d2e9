"""``esmith init`` and ``esmith initialize-databases``."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass

import click

from esmith import __version__
from esmith.accounts.system import make_system_accounts
from esmith.apply.replacing import Replacement
from esmith.cli.json_output import json_text
from esmith.cli.left_out import warn_of_faults
from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.program import root_option
from esmith.cli.prompt_files import prompt_files
from esmith.cli.upgrade import find_outdated, upgrade_data, upgrade_lines
from esmith.directories import make_directory
from esmith.errors import InstallError, StoreError, UsageError
from esmith.events import LOCK_TIMEOUT
from esmith.events.lock import EventLock
from esmith.events.recover import REPLACING, recovering
from esmith.events.session import Session
from esmith.events.trusted import require_all
from esmith.fragments.perl.migrations import PerlMigrations
from esmith.layout import Layout
from esmith.overrides.record import record_bases, record_installed
from esmith.overrides.upgrade import Upgrade, replaced
from esmith.plan.host import DiskHost
from esmith.schema.initialize import Initialized, initialize_each
from esmith.schema.load import Schema
from esmith.schema.remembered import RememberedFiles
from esmith.schema.settings import set_record
from esmith.setup.arrange import Arrangement, arrange_services
from esmith.setup.shipped import ProductFiles
from esmith.setup.supervision import DEFAULT_FOLDER, SCANNING, SUPERVISORS, known_services
from esmith.setup.version import add_version, installed_version
from esmith.store import open_store
from esmith.store.model import Author, Change
from esmith.store.protocol import Store


@click.command("init")
@click.option("--domain", metavar="NAME", help="The primary domain (DomainName), e.g. example.com.")
@click.option("--name", metavar="NAME", help="The name of this host (SystemName), e.g. mail.")
@click.option(
    "--services",
    type=click.Choice(SUPERVISORS),
    metavar="SUPERVISOR",
    help="Write service directories for runit or daemontools, linked into DIR (/service), or units for systemd.",
)
@click.option("--take-over", is_flag=True, help="Stop and mask Debian's units that want ports or files of services.")
@click.option(
    "--verbose",
    "-v",
    is_flag=True,
    help="List all shipped things that this upgrade, or else the last, changed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("--give-back", is_flag=True, help="Remove the units of the services, and restore Debian's.")
@click.argument("directory", metavar="[DIR]", required=False)
@root_option
@click.pass_obj
def init_command(
    root: str | None,
    /,
    domain: str | None,
    name: str | None,
    services: str | None,
    directory: str | None,
    **flags: bool,
) -> int:
    """Set up a root, or bring one up to date after an upgrade.

    Installs templates, events, schema files, services and checks in /etc/e-smith, the commands in /sbin/e-smith and the
    Perl modules in /usr/local/lib/site_perl, makes the databases, applies defaults and migrations. What an
    administrator set, and templates-custom, stay as they are. After an upgrade it says what changed of the shipped
    files, and which of your fragments are outdated by that.

    \b
    Examples:
      esmith init --domain example.com --name mail
      esmith init --services systemd
    """
    asked = _arrangement(services or "", directory, take_over=flags["take_over"], give_back=flags["give_back"])
    layout = _layout(root)
    known = known_services(layout)
    require_all(layout, known)
    if asked.folder:
        layout.trust.require(*(layout.under(f"{asked.folder}/{name}") for name in known))
    done = _set_up(layout, {"DomainName": domain, "SystemName": name}, asked)
    outdated = find_outdated(layout) if done.upgrade.is_one else []
    if flags["as_json"]:
        data = {"root": layout.root, "settings": len(done.written.changes), "domain": done.primary}
        print_lines([json_text(data | upgrade_data(done.upgrade, outdated))])
    else:
        by_environment = "" if layout.is_machine or root is not None else f" (with ESMITH_ROOT={layout.root})"
        lines = [*done.lines(layout), *upgrade_lines(layout, done.upgrade, outdated, verbose=flags["verbose"])]
        print_report([*lines, f"next: signal-event email-update{by_environment}"], cures=True)
    return warn_of_faults(done.written.faults, layout)


def _arrangement(services: str, directory: str | None, *, take_over: bool, give_back: bool) -> Arrangement:
    """Return what the options say about services.

    :raises UsageError: when they do not go together.
    """
    if directory is not None and services not in SCANNING:
        raise UsageError(
            f"{directory!r} is a folder that no supervisor scans",
            hint=f"name one before it: esmith init --services runit {shlex.quote(directory)}",
        )
    if give_back and (services or take_over):
        raise UsageError("--give-back goes with no other option of services", hint="first run: esmith init --give-back")
    folder = (directory if directory is not None else DEFAULT_FOLDER) if services in SCANNING else ""
    return Arrangement(services, folder, take_over, give_back)


@dataclass(frozen=True)
class _Done:
    """What was done.

    :param upgrade: what changed of the shipped files.
    :param written: what was done to the databases.
    :param primary: the primary domain.
    :param is_default: whether nobody set it.
    """

    upgrade: Upgrade
    written: Initialized
    primary: str | None
    is_default: bool

    def lines(self, layout: Layout) -> list[str]:
        """Return it for people."""
        primary = self.primary
        return [
            f"{layout.root} is ready: {len(self.written.changes)} settings written, the primary domain is {primary}",
            *(
                [f"{primary} is only the default; to set your domain: config set DomainName YOUR.DOMAIN"]
                * self.is_default
            ),
        ]


def _set_up(layout: Layout, names: dict[str, str | None], asked: Arrangement) -> _Done:
    """Set up a root."""
    try:
        with EventLock(layout, REPLACING, timeout=LOCK_TIMEOUT, say=warn) as lock:
            store = open_store(layout, create=True)
            with recovering(Session(layout, store, warn), lock):
                notes, written, upgrade = _upgrade(layout, store, names)
                notes += _make_accounts(layout)
                with store.snapshot() as snapshot:
                    records = snapshot.records("configuration")
                    statuses = {record.key: record.props.get("status") for record in records}
                notes += arrange_services(layout, asked, statuses)
    except (InstallError, StoreError) as error:
        error.add("run it again when that is corrected")
        raise
    for note in notes:
        warn(note)
    with store.snapshot() as snapshot:
        primary = snapshot.type_of("configuration", "DomainName")
    known = Schema(layout).record("configuration", "DomainName", primary)
    default = known.value.default if known and known.value else None
    is_default = names["DomainName"] is None and primary == default
    return _Done(upgrade, written, primary, is_default)


def _upgrade(layout: Layout, store: Store, names: dict[str, str | None]) -> tuple[list[str], Initialized, Upgrade]:
    """Replace the files of the product and bring the databases up to date: all of it or nothing.

    What overrides are made from is recorded before; that stays right whatever becomes of the rest.

    :return: notes for the administrator, what was done to the databases, and what changed of the shipped files.
    """
    host, files = DiskHost(layout), ProductFiles(layout, prompt_files(layout))
    upgrade = Upgrade(layout, files)
    record_bases(layout, host, replaced(files), installed_version(layout))
    add_version(layout, files)
    with Replacement(host, store, REPLACING, warn) as replacement, PerlMigrations(layout) as migrations:
        notes = files.replace(host, replacement)
        with store.transaction(Author.current(["esmith", "init"])) as transaction:
            remembered = RememberedFiles(transaction)
            schema = Schema(layout, remembered)
            for key, value in names.items():
                if value is not None:
                    set_record(transaction, schema, "configuration", key, value, {})
            named = {change.cell for change in transaction.changes}
            done = initialize_each(transaction, schema, layout, migrations)
            done.changes = [change for change in transaction.changes if change.cell not in named]
            # So the first change of a setting parses no file.
            remembered.store(transaction)
            replacement.complete(transaction)
    if files.new or files.dropped:
        layout.trust.renew()
        host = DiskHost(layout)
        record_installed(layout, host, __version__)
        upgrade.write(host)
        host.close()
    return notes + done.warnings, done, upgrade


@click.command("initialize-databases")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@root_option
@click.pass_obj
def initialize_databases_command(root: str | None, as_json: bool) -> int:
    """Apply migrations, defaults and forced values to every database.

    The events post-install, post-upgrade, console-save and bootstrap-console-save do it first.

    \b
    Example:
      esmith initialize-databases
    """
    layout = Layout.chosen(root)
    store = open_store(layout, write=True)
    author = Author.current(["esmith", "initialize-databases"])
    try:
        with PerlMigrations(layout) as migrations, store.transaction(author) as transaction:
            remembered = RememberedFiles(transaction)
            done = initialize_each(transaction, Schema(layout, remembered), layout, migrations)
            done.changes = transaction.changes
            remembered.store(transaction)
    except StoreError as error:
        error.add_unchanged()
        raise
    for note in done.warnings:
        warn(note)
    if as_json:
        print_lines([json_text([_data(change) for change in done.changes])])
    else:
        print_report(_shown(change) for change in done.changes)
    return warn_of_faults(done.faults, layout)


def _make_accounts(layout: Layout) -> list[str]:
    """Make the accounts of the system, and return notes; once the files of the product say which they are."""
    host = DiskHost(layout)
    done = make_system_accounts(layout, host)
    host.close()
    return (done.lines() if layout.is_machine else []) + done.warnings


def _layout(root: str | None) -> Layout:
    """Return the layout, making the root folder itself where its parent exists."""
    chosen = root or os.environ.get("ESMITH_ROOT") or "/"
    if not os.path.isdir(chosen):
        try:
            os.stat(os.path.dirname(os.path.abspath(chosen)))
            make_directory(chosen)
        except OSError as error:
            raise UsageError(f"the root {chosen!r} cannot be made: {error.strerror}", hint="correct --root") from error
    return Layout.chosen(chosen)


def _data(change: Change) -> dict[str, str]:
    return {
        **dict(zip(("database", "key", "property"), change.cell, strict=True)),
        "change": "removed" if change.new is None else "set",
    }


def _shown(change: Change) -> str:
    name = " ".join(part for part in change.cell if part)
    return f"{name}: {'removed' if change.new is None else 'set'}"
