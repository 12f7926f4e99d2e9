"""``esmith import`` and ``esmith export``: the original's database files in and out."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, print_text
from esmith.cli.program import root_option, warn
from esmith.errors import EsmithError, RefusedError, StoreError, UsageError
from esmith.fragments.perl.migrations import PerlMigrations
from esmith.layout import Layout
from esmith.names import counted
from esmith.schema.flat_import import FlatImport
from esmith.schema.load import Schema
from esmith.store import open_store
from esmith.store.flat.export import FlatText, flat_text, write_flat_files
from esmith.store.flat.source import REFUSED, Finding, FlatSource, find_sources
from esmith.store.model import Author, Change


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="DIR|FILE...")
@click.option("--database", metavar="NAME", help="The database a single FILE is for; default: the name of the file.")
@click.option("--replace", is_flag=True, help="Delete the records that the files do not have.")
@click.option("--skip-refused", is_flag=True, help="Leave out what cannot be stored, and import the rest.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@root_option
@click.pass_obj
def import_command(
    root: str | None,
    paths: tuple[str, ...],
    database: str | None,
    replace: bool,
    skip_refused: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take over database files of SME Server.

    A record of a file replaces the one of the database whole; other records stay. Migrations and defaults are applied
    as by initialize-databases. Nothing is imported when something cannot be stored, unless --skip-refused is given.
    """
    layout = Layout.chosen(root)
    store = open_store(layout, write=True)
    sources, skipped = _sources(paths, database)
    for source in sources:
        source.read()
    refused = [finding for source in sources for finding in source.refused]
    author = Author.current(["esmith", *sys.argv[1:]])
    migrations = click.get_current_context().with_resource(PerlMigrations(layout))
    work = FlatImport(store, Schema(layout), layout, author, migrations, replace=replace, dry_run=dry_run)
    done = skip_refused or not refused
    try:
        changes = work.run([source for source in sources if source.usable]) if done else {}
    except EsmithError as error:
        if isinstance(error, StoreError) and not work.imported:
            error.add_unchanged()
        if work.imported:
            warn(f"imported before this happened: {', '.join(work.imported)}; import again when it is mended")
        raise
    for note in work.warnings:
        warn(note)
    if as_json:
        print_lines([json_text(_data(sources, skipped, changes, done and not dry_run))])
    else:
        print_report([f"{file}: left out: {reason}" for file, reason in skipped.items()])
        print_report(line for source in sources for line in _report(source, changes, done, dry_run))
        others = changes.keys() - {source.database for source in sources}
        print_report([f"{name}: {counted(len(changes[name]), 'setting')} completed" for name in sorted(others)])
    if refused:
        raise RefusedError(
            f"{counted(len(refused), 'thing')} cannot be stored; "
            + ("the rest was imported" if done and not dry_run else "nothing was imported"),
            hint="" if done else "correct the files, or leave it out with --skip-refused",
        )
    work.completed.raise_failures()
    return 0


@click.command("export")
@click.argument("databases", nargs=-1, metavar="[DATABASE]...")
@click.option("--to", "directory", metavar="DIR", help="Write a file for each database to this directory.")
@root_option
@click.pass_obj
def export_command(root: str | None, databases: tuple[str, ...], directory: str | None) -> int:
    """Write databases as files of SME Server: all of them, or those named.

    A single database is printed when no directory is given.
    """
    layout = Layout.chosen(root)
    if directory is None and len(databases) != 1:
        raise UsageError(
            "more than one database needs a directory", hint="esmith export --to DIR, or name one database to print it"
        )
    with open_store(layout).snapshot() as snapshot:
        texts = [flat_text(snapshot, name) for name in dict.fromkeys(databases or snapshot.databases())]
    if directory is None:
        print_text(texts[0].data.decode())
    else:
        write_flat_files(texts, directory, layout.database)
        print_report(os.path.join(directory, text.database) for text in texts)
    for text in texts:
        _warn_of_changed(text)
    return 0


def _sources(paths: tuple[str, ...], database: str | None) -> tuple[list[FlatSource], dict[str, str]]:
    sources: list[FlatSource] = []
    skipped: dict[str, str] = {}
    for path in paths:
        found, left_out = find_sources(path)
        sources += found
        skipped |= left_out
    if database is not None:
        if len(sources) != 1 or os.path.isdir(paths[0]):
            raise UsageError("--database is for a single file", hint="name one file, or leave --database out")
        sources[0].database = database
    files: dict[str, str] = {}
    for source in sources:
        other = files.setdefault(source.database, source.path)
        if other != source.path:
            raise UsageError(
                f"both {other} and {source.path} are for the database {source.database}", hint="import one of them"
            )
    return sources, skipped


def _report(source: FlatSource, changes: dict[str, list[Change]], done: bool, dry_run: bool) -> list[str]:
    lines = [_finding_line(source, finding) for finding in source.ordered_findings]
    summary = f"{source.path}: {counted(len(source.records), 'record')}"
    if done:
        changed = len(changes.get(source.database, []))
        summary += f", {counted(changed, 'setting')} {'would change' if dry_run else 'changed'}"
    return [*lines, summary]


def _finding_line(source: FlatSource, finding: Finding) -> str:
    place = f"{source.path}:{finding.line}" if finding.line else source.path
    what = f"{finding.place}: {finding.message}" if finding.place else finding.message
    return f"{place}: {'refused: ' if finding.kind == REFUSED else ''}{what}"


def _data(
    sources: list[FlatSource], skipped: dict[str, str], changes: dict[str, list[Change]], imported: bool
) -> dict[str, Any]:
    return {
        "imported": imported,
        "files": [
            {
                "file": source.path,
                "database": source.database,
                "records": len(source.records),
                "changes": len(changes.get(source.database, [])),
                "findings": [
                    {"line": finding.line, "place": finding.place, "kind": finding.kind, "message": finding.message}
                    for finding in source.ordered_findings
                ],
            }
            for source in sources
        ],
        "completed": {
            name: len(found)
            for name, found in sorted(changes.items())
            if name not in {source.database for source in sources}
        },
        "left_out": skipped,
    }


def _warn_of_changed(text: FlatText) -> None:
    for key, prop in text.changed:
        place = " ".join(part for part in (text.database, key, prop) if part)
        warn(f"{place}: the original will read another value; 'esmith import' reads the right one")
