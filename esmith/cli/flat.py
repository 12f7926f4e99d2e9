"""``esmith import`` and ``esmith export``: the original's database files in and out."""

from __future__ import annotations

import gc
import os
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from esmith.cli.left_out import warn_of_faults
from esmith.cli.output import print_lines, print_report, print_text, warn
from esmith.cli.program import root_option
from esmith.cli.progress import Progress
from esmith.environment import layer_of_commands
from esmith.errors import EsmithError, RefusedError, StoreError, UsageError
from esmith.layout import Layout
from esmith.names import counted
from esmith.repeating import repeat
from esmith.schema.flat_import import FlatImport
from esmith.schema.foreign import Foreign
from esmith.store import open_store
from esmith.store.flat.export import FlatText, flat_text, require_database, write_flat_files
from esmith.store.flat.source import DROPPED, HINT, REFUSED, Finding, FlatSource, find_sources
from esmith.store.model import Author

if TYPE_CHECKING:
    from esmith.errors import TemplateError
    from esmith.fragments.perl.migrations import PerlMigrations
    from esmith.store.protocol import Store, Transaction

#: What writes every file, and makes the accounts and folders of users and groups.
NEXT = "signal-event bootstrap-console-save"
#: What stands below the reports of the files.
_BELOW = (HINT, DROPPED)
#: Whoever names the wrong folder would see hundreds of them.
_SHOWN = 20


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="DIR|FILE...")
@click.option("--database", metavar="NAME", help="The database a single FILE is for; default: the name of the file.")
@click.option("--replace", is_flag=True, help="Delete the records that the files do not have.")
@click.option("--skip-refused", is_flag=True, help="Leave out what cannot be stored, and import the rest.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
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

    \b
    Examples:
      esmith import --dry-run /mnt/old/home/e-smith/db
      esmith import /mnt/old/home/e-smith/db
    """
    layout = Layout.chosen(root)
    store = open_store(layout, write=True)
    # What is made of the files stays until the end, and has no cycles: looking for them takes a fifth of the time.
    gc.disable()
    sources, skipped = _sources(paths, database)
    progress = Progress()
    for number, source in enumerate(sources):
        progress.show("reading files", number, len(sources))
        source.read()
    author = Author.current(["esmith", *sys.argv[1:]])
    work = FlatImport(store, layout, author, _Migrations(layout), replace=replace, dry_run=dry_run)
    work.progress = progress.show
    work.layer = layer_of_commands()
    outcome = _Outcome(sources, skipped, skip_refused=skip_refused, dry_run=dry_run)
    try:
        if outcome.tried:
            outcome.changes = _run(layout, work, sources, store)
            outcome.foreign = work.foreign
    finally:
        progress.clear()
    for note in (*work.completed.warnings, *work.notes):
        warn(note)
    if as_json:
        from esmith.cli.json_output import json_text

        print_lines([json_text(outcome.data())])
    else:
        print_report(outcome.lines())
        print_report(outcome.next_lines(), cures=True)
    outcome.raise_refused()
    return warn_of_faults(work.completed.faults, layout)


class _Migrations:
    """Runs migrate fragments, of which most servers have none: what runs them takes long to import.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._running: PerlMigrations | None = None

    def run(self, transaction: Transaction, database: str, paths: list[str]) -> tuple[list[str], list[TemplateError]]:
        """Run fragments, as :class:`esmith.schema.initialize.Migrations` says."""
        if self._running is None:
            from esmith.fragments.perl.migrations import PerlMigrations

            self._running = click.get_current_context().with_resource(PerlMigrations(self._layout))
        return self._running.run(transaction, database, paths)


def _run(layout: Layout, work: FlatImport, sources: list[FlatSource], store: Store) -> dict[str, int]:
    with store.snapshot() as snapshot:
        before = snapshot.revision()
    try:
        usable = [source for source in sources if source.usable]
        return repeat(layout, lambda: work.run(usable))
    except EsmithError as error:
        if not (isinstance(error, StoreError) and error.is_doubtful):
            error.add("nothing was imported")
        raise
    except KeyboardInterrupt:
        with store.snapshot() as snapshot:
            warn("nothing was imported" if snapshot.revision() == before else "everything was imported before that")
        raise


class _Outcome:
    """What an import found and did.

    :param sources: the files, which were read.
    :param skipped: the files that were left out, each with the reason.
    :param skip_refused: whether what cannot be stored keeps only itself from being imported.
    :param dry_run: whether nothing is changed.
    """

    def __init__(
        self, sources: list[FlatSource], skipped: dict[str, str], *, skip_refused: bool, dry_run: bool
    ) -> None:
        self._sources = sources
        self._skipped = skipped
        self._dry_run = dry_run
        self._refused = sum(len(source.refused) for source in sources)
        #: Whether the import is carried out, be it as a dry run.
        self.tried = skip_refused or not self._refused
        #: How many settings changed, by database; of a dry run how many would.
        self.changes: dict[str, int] = {}
        #: What is not right for this machine.
        self.foreign: list[Foreign] = []

    @property
    def imported(self) -> bool:
        """Whether something was imported."""
        return self.tried and not self._dry_run

    def raise_refused(self) -> None:
        """Raise the error for what cannot be stored, if there is something.

        :raises RefusedError: when there is.
        """
        if self._refused:
            raise RefusedError(
                f"{counted(self._refused, 'thing')} cannot be stored; "
                + ("the rest was imported" if self.imported else "nothing was imported"),
                hint="" if self.tried else "correct the files, or leave it out with --skip-refused",
            )

    def lines(self) -> list[str]:
        """Return the report for people."""
        left_out = [f"{file}: left out: {reason}" for file, reason in islice(self._skipped.items(), _SHOWN)]
        if len(self._skipped) > _SHOWN:
            left_out.append(f"{counted(len(self._skipped) - _SHOWN, 'more file')} left out: --json lists them")
        files = [line for source in self._sources for line in self._lines_of(source)]
        completed = [f"{name}: {counted(count, 'setting')} completed" for name, count in self._completed().items()]
        return [*left_out, *files, *completed, *self._dropped(), *self._hints()]

    def next_lines(self) -> list[str]:
        """Return what is to be done now, for people."""
        lines = [f"not right for this machine: {setting}" for setting in self.foreign]
        if self.imported and self.changes:
            lines.append(f"next: {NEXT}")
        return lines

    def data(self) -> dict[str, Any]:
        """Return the report for programs, as ``--json`` prints it."""
        return {
            "imported": self.imported,
            "files": [self._data_of(source) for source in self._sources],
            "completed": self._completed(),
            "left_out": self._skipped,
            "foreign": [
                {"place": setting.place, "message": setting.message, "cure": setting.cure} for setting in self.foreign
            ],
        }

    def _completed(self) -> dict[str, int]:
        """Return how many settings changed in the databases that have no file."""
        others = self.changes.keys() - {source.database for source in self._sources}
        return {name: self.changes[name] for name in sorted(others)}

    def _changed(self, source: FlatSource) -> int:
        return self.changes.get(source.database, 0)

    def _lines_of(self, source: FlatSource) -> list[str]:
        lines = [_finding_line(source, finding) for finding in source.ordered_findings if finding.kind not in _BELOW]
        summary = f"{source.path}: {counted(len(source.records), 'record')}"
        if self.tried:
            done = "would change" if self._dry_run else "changed"
            summary += f", {counted(self._changed(source), 'setting')} {done}"
        return [*lines, summary]

    def _dropped(self) -> list[str]:
        """Return what migrations took away; what happened to many records alike is one line."""
        alike: dict[tuple[str, str, str], list[str]] = {}
        for source in self._sources:
            for finding in source.ordered_findings:
                if finding.kind == DROPPED:
                    what = (source.path, finding.place.partition(" ")[2], finding.message)
                    alike.setdefault(what, []).append(_finding_line(source, finding))
        return [
            f"{first} (and {counted(len(others), 'more record')} alike)" if others else first
            for first, *others in alike.values()
        ]

    def _hints(self) -> list[str]:
        """Return the first of what setting the records by hand would give hints about."""
        found = [
            _finding_line(source, finding)
            for source in self._sources
            for finding in source.ordered_findings
            if finding.kind == HINT
        ]
        more = len(found) - _SHOWN
        return found if more <= 0 else [*found[:_SHOWN], f"... and {counted(more, 'more hint')}: --json lists them"]

    def _data_of(self, source: FlatSource) -> dict[str, Any]:
        return {
            "file": source.path,
            "database": source.database,
            "records": len(source.records),
            "changes": self._changed(source),
            "findings": [
                {"line": finding.line, "place": finding.place, "kind": finding.kind, "message": finding.message}
                for finding in source.ordered_findings
            ],
        }


@click.command("export")
@click.argument("databases", nargs=-1, metavar="[DATABASE]...")
@click.option("--to", "directory", metavar="DIR", help="Write a file for each database to this directory.")
@click.option("--toml", "as_toml", is_flag=True, help="Print them as one file of TOML, for config apply.")
@root_option
@click.pass_obj
def export_command(root: str | None, databases: tuple[str, ...], directory: str | None, as_toml: bool) -> int:
    """Write databases as files of SME Server: all of them, or those named.

    A single database is printed when no directory is given.

    \b
    Examples:
      esmith export accounts
      esmith export --to /root/db
      esmith export --toml configuration >site.toml
    """
    layout = Layout.chosen(root)
    if as_toml:
        return _export_toml(layout, databases, directory)
    if directory is None and len(databases) != 1:
        raise UsageError(
            "more than one database needs a directory",
            hint="name one database to print it, or a directory: esmith export --to DIR",
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


def _export_toml(layout: Layout, databases: tuple[str, ...], directory: str | None) -> int:
    from esmith.store.toml_text import toml_text

    if directory is not None:
        raise UsageError("--toml makes one file, which is printed", hint="leave --to out: esmith export --toml > FILE")
    with open_store(layout).snapshot() as snapshot:
        for name in databases:
            require_database(snapshot, name)
        print_text(toml_text(snapshot, dict.fromkeys(databases or snapshot.databases())))
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


def _finding_line(source: FlatSource, finding: Finding) -> str:
    place = f"{source.path}:{finding.line}" if finding.line else source.path
    what = f"{finding.place}: {finding.message}" if finding.place else finding.message
    return f"{place}: {'refused: ' if finding.kind == REFUSED else ''}{what}"


def _warn_of_changed(text: FlatText) -> None:
    for key, prop in text.changed:
        place = " ".join(part for part in (text.database, key, prop) if part)
        warn(f"{place}: the original will read another value; 'esmith import' reads the right one")
