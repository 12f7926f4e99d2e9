"""``esmith explain``: why a line is in a file, what a setting means and what reads it, what adjusts a service."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.explain_lines import file_lines, named_lines
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import root_option
from esmith.errors import ExitCode, UsageError
from esmith.explain.described import Descriptions
from esmith.explain.files import FileExplainer
from esmith.explain.named import configured_path, is_file, require_no_other_root
from esmith.explain.services import explain_service, is_one
from esmith.explain.settings import SettingExplainer
from esmith.explain.subject import CONFIGURATION, subject_of
from esmith.explain.supposed import suppose
from esmith.explain.values import Values, last_changes
from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.schema.masking import Masking
from esmith.services.definition import Services
from esmith.store import open_store
from esmith.store.protocol import Snapshot, Store


@click.command("explain", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, required=True, metavar="WHAT...")
@click.option("--if", "value", metavar="VALUE", help="Show what would change if the setting had this value.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def explain_command(root: str | None, words: tuple[str, ...], value: str | None, as_json: bool) -> int:
    """Say why a line is in a file, what a setting means and what reads it, and what adjusts a service.

    WHAT is a file, perhaps with a line, a setting, a record, or a service. Nothing is changed.

    \b
    A file says which fragments make it; with a line, which line of which fragment, and which settings decide on it:
      esmith explain /etc/mail/spamassassin/local.cf
      esmith explain /etc/mail/spamassassin/local.cf:12
    A path is that of the configured system, or a path of this disk below the root: ./local.cf:12

    \b
    A setting says what it means, who changed it last, which files are made from it, and which event applies it:
      esmith explain qpsmtpd DNSBL
      esmith explain accounts alice EmailForward
      esmith explain qpsmtpd DNSBL --if enabled
    With --if the exit code is 0 when an event would go through, else the one that the event would end with.

    \b
    A record shows all of its settings, a service its state and the files that it reads:
      esmith explain qpsmtpd
    """
    if len(words) > 3:
        raise click.UsageError("WHAT has at most three words: DATABASE RECORD PROPERTY")
    layout = Layout.chosen(root)
    place = configured_path(layout, words[0]) if len(words) == 1 and words[0].startswith("/") else None
    if len(words) == 1 and "/" in words[0]:
        # Whoever forgot to name the root need not hear that there are no databases under /.
        require_no_other_root(layout, words[0])
    store = open_store(layout)
    with store.snapshot() as snapshot:
        if place is None and len(words) == 1 and is_file(words[0]) and not _is_name(layout, snapshot, words[0]):
            place = configured_path(layout, words[0])
        if place is not None and value is not None:
            raise click.UsageError("--if goes with a setting, as qpsmtpd DNSBL --if enabled")
        data = _file(layout, snapshot, *place) if place is not None else _named(layout, snapshot, list(words))
    if value is not None:
        # No snapshot is open now: it opens those it needs.
        data["if"] = _supposed(layout, store, data["record"], value)
    lines = file_lines(data) if place is not None else named_lines(data)
    if as_json:
        print_lines([json_text(data)])
    else:
        print_report(lines, cures=True)
    return int(data["if"]["exit_code"]) if value is not None else ExitCode.OK


def _is_name(layout: Layout, snapshot: Snapshot, word: str) -> bool:
    """Return whether a word is a record of the configuration database, or a service."""
    return word in Services(layout).names() or Descriptions(layout, snapshot).is_known(CONFIGURATION, word)


def _file(layout: Layout, snapshot: Snapshot, path: str, line: int | None) -> dict[str, Any]:
    data = FileExplainer(layout, snapshot).explain(path, line)
    settings = [one for part in _parts(data) for one in part["settings"]]
    changed = last_changes(snapshot, {_cell(one) for one in settings if one["value"] is not None})
    masking = Masking(Descriptions(layout, snapshot).schema, snapshot)
    for one in settings:
        entry = changed.get(_cell(one))
        one["changed"] = None if entry is None else _without_changes(masking.revision_data(entry, most=0))
    return data


def _parts(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the parts of an explanation that have settings."""
    parts = data.get("fragments", data.get("makers", []))
    earlier = [part["earlier"] for part in parts if part.get("earlier")]
    return [*parts, *earlier, *([data["condition"]] if data["condition"] else [])]


def _named(layout: Layout, snapshot: Snapshot, words: list[str]) -> dict[str, Any]:
    descriptions, services = Descriptions(layout, snapshot), Services(layout)
    subject = subject_of(words, snapshot, descriptions, services)
    data: dict[str, Any] = {"record": None, "service": None, "others": subject.others}
    if subject.key:
        explainer = SettingExplainer(layout, snapshot, descriptions, services)
        data["record"] = explainer.describe(subject.database, subject.key, subject.prop)
        changed = explainer.changes(subject.database, subject.key, data["record"])
        masking = Masking(descriptions.schema, snapshot)
        for one in data["record"]["settings"]:
            entry = changed.get(one["property"])
            one["changed"] = None if entry is None else _without_changes(masking.revision_data(entry, most=0))
        if snapshot.state("fleet", "host") is not None:
            from esmith.fleet.surface.origins import add_origins

            add_origins(layout, snapshot, data["record"]["settings"])
    if subject.service:
        values = Values(layout, snapshot, descriptions.schema)
        found = explain_service(layout, snapshot, services, subject.service, values, descriptions.schema)
        data["service"] = found if is_one(found, services) else None
    return data


def _supposed(layout: Layout, store: Store, record: dict[str, Any] | None, value: str) -> dict[str, Any]:
    """Return what would change if a setting had a value."""
    settings = record["settings"] if record is not None else []
    if record is None or (record["property"] is None and [one["property"] for one in settings] != [""]):
        raise UsageError("--if goes with one setting", hint="name its property, as in: qpsmtpd DNSBL --if enabled")
    schema, cell = Schema(layout), _cell(settings[0])
    found = suppose(layout, store, schema, cell, value, [reader["template"] for reader in record["read_by"]])
    with store.snapshot() as snapshot:
        return {"value": Values(layout, snapshot, schema).shown(cell, value), **found}


def _cell(setting: dict[str, Any]) -> tuple[str, str, str]:
    return setting["database"], setting["key"], setting["property"]


def _without_changes(revision: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in revision.items() if name != "changes"}
