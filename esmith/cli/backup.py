"""``esmith backup`` and ``restore``: one file with what cannot be made again, and back from it (docs/backup.md)."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from esmith.backup import LastBackup
from esmith.backup.compare import Difference, compare
from esmith.backup.form import PARTS, Manifest
from esmith.backup.keep import write_to_folder
from esmith.backup.last import note_last
from esmith.backup.opening import STDIN, open_backup
from esmith.backup.read import Backup
from esmith.backup.restore import Restored, restore, restore_passwords
from esmith.backup.schedule import NEVER, schedule, write_scheduled
from esmith.backup.write import write_backup, write_stream
from esmith.cli.agreement import agrees, may_ask
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.program import root_option
from esmith.errors import EsmithError, ExitCode, InstallError, UsageError
from esmith.events.session import Session
from esmith.fields import dataclass
from esmith.layout import Layout
from esmith.names import counted
from esmith.plan.host import DiskHost
from esmith.printable import shell_word, shown_time
from esmith.store import open_store

if TYPE_CHECKING:
    from esmith.store.protocol import Store

#: What makes all files and the accounts of users from the settings.
EVENT = "bootstrap-console-save"
#: Of the records of a database more would hide the rest.
_SHOWN = 20


@click.command("backup")
@click.argument("file", required=False, metavar="[FILE]")
@click.option("--to", "folder", metavar="DIR", help="Write it into this folder, under a name with server and time.")
@click.option("--keep", type=click.IntRange(min=1), help="With --to: remove all but the last N backups of this server.")
@click.option(
    "--every",
    type=click.Choice(["day", "week", NEVER]),
    help="With --to: make no backup now, but one each day or week from now on.",
)
@click.option("--scheduled", is_flag=True, help="Make the backup that the settings ask for, if it is due; for cron.")
@click.option("--encrypt-to", "recipients", multiple=True, metavar="RECIPIENT", help="Encrypt it to a key of age.")
@click.option("--force", is_flag=True, help="Replace FILE also where it is no backup.")
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@root_option
@click.pass_obj
def backup_command(root: str | None, /, **given: Any) -> int:
    """Write the settings, the journal, your fragments, keys, certificates and passwords to FILE.

    FILE - is standard output. Others may write settings meanwhile, and events may run. Mail and files of users are not
    in it.

    \b
    Examples:
      esmith backup /root/server.tar.gz
      esmith backup --every day --to /var/backups/e-smith --keep 14
      esmith backup - | ssh backup@example.com 'cat >server.tar.gz'
    """
    options = _BackupOptions(**given)
    options.require_words()
    layout = Layout.chosen(root)
    if options.every is not None:
        return _schedule(layout, options)
    if options.file == "-":
        return _to_stdout(layout, options)
    with closing(open_store(layout)) as store:
        written = _write(layout, store, options)
    if written is None:
        return 0
    made, notes, removed = written
    _warn_all(notes)
    _note(layout, made)
    if options.as_json:
        print_lines([json_text(_made_data(made, removed))])
    elif not options.scheduled:
        print_report([f"{made.file}: {counted(made.size, 'byte')}, SHA-256 {made.sha256}"])
        print_report(f"removed {name}" for name in removed)
    return 0


@dataclass
class _BackupOptions:
    """What was given to ``esmith backup``; each option is described there."""

    file: str | None
    folder: str | None
    keep: int | None
    every: str | None
    recipients: tuple[str, ...]
    scheduled: bool
    force: bool
    as_json: bool

    def require_words(self) -> None:
        """Refuse options that do not go together.

        :raises UsageError: with the reason.
        """
        if self.scheduled or self.every == NEVER:
            if self.file or self.folder or self.keep or self.recipients or (self.scheduled and self.every):
                word = "--scheduled" if self.scheduled else f"--every {NEVER}"
                raise UsageError(f"{word} stands by itself", hint="leave out the rest")
        elif (self.file is None) == (self.folder is None):
            raise UsageError("name either a FILE or a folder", hint="as here: esmith backup --to /var/backups/e-smith")
        elif self.folder is None and (self.keep or self.every):
            raise UsageError("--keep and --every are about a folder", hint="name it: --to DIR")


def _write(layout: Layout, store: Store, options: _BackupOptions) -> tuple[LastBackup, list[str], list[str]] | None:
    """Make a backup, and return it with notes and the names of those that were removed; None where none is due."""
    if options.scheduled:
        return write_scheduled(layout, store)
    recipients = list(options.recipients)
    if options.folder is not None:
        return write_to_folder(layout, store, options.folder, options.keep, recipients)
    assert options.file is not None
    made, notes = write_backup(layout, store, options.file, recipients=recipients, force=options.force)
    return made, notes, []


def _schedule(layout: Layout, options: _BackupOptions) -> int:
    every, to = options.every or "", " ".join(options.recipients)
    with closing(open_store(layout, write=True)) as store:
        session = Session(layout, store, warn)
        folder = schedule(session, every, options.folder, options.keep, to, sys.argv[1:])
        session.keep()
    if options.as_json:
        print_lines([json_text({"every": every, "directory": folder})])
    else:
        print_report([f"a backup each {every}, in {folder}" if every != NEVER else "no more backups by themselves"])
    return 0


def _to_stdout(layout: Layout, options: _BackupOptions) -> int:
    if options.as_json:
        raise UsageError("standard output is the backup, so nothing else can be printed", hint="leave out --json")
    if sys.__stdout__ is None:
        raise UsageError("standard output is closed", hint="name a file")
    if sys.stdout.isatty():
        raise UsageError("a terminal cannot take a backup", hint="name a file, or send it on by a pipe")
    _warn_all(write_stream(layout, open_store(layout), sys.stdout.buffer, list(options.recipients)))
    return 0


def _note(layout: Layout, made: LastBackup) -> None:
    """Note that a backup was made.

    :raises InstallError: when that cannot be noted; the backup is a good one nevertheless, and the error says so.
    """
    host = DiskHost(layout)
    try:
        note_last(layout, host, made)
    except InstallError as error:
        error.add(f"the backup itself is made, {made.file}, but not noted as the last one")
        raise
    finally:
        host.close()


@click.command("restore")
@click.argument("file")
@click.option("--dry-run", is_flag=True, help="Verify it, show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--only", metavar="PARTS", help=f"Restore only these, with commas between: {', '.join(PARTS)}.")
@click.option("--identity", metavar="FILE", help="The private key of age, for a backup that is encrypted.")
@click.option("--signal", is_flag=True, help=f"Signal {EVENT} at the end.")
@click.option("--json", "as_json", is_flag=True, help="Print an object; needs --dry-run or --yes.")
@root_option
@click.pass_obj
def restore_command(root: str | None, /, **given: Any) -> int:
    """Restore what a backup has: all of it or nothing. What there was before is made a backup first.

    The whole FILE is verified before anything of it is used; - is standard input. Services get the restored settings
    with the next event.

    \b
    Examples:
      esmith restore --dry-run /root/server.tar.gz
      esmith restore /root/server.tar.gz
      esmith restore --only custom,keys /root/server.tar.gz
      ssh old.example.com esmith backup - | esmith restore --yes -
    """
    options = _RestoreOptions(**given)
    layout, parts = Layout.chosen(root), _parts(options.only)
    if layout.is_machine and os.geteuid() != 0 and not options.dry_run:
        raise UsageError("only root may restore a backup", hint=f"run: sudo esmith restore {shell_word(options.file)}")
    if not (options.dry_run or options.yes) and (options.as_json or options.file == STDIN or not may_ask()):
        reason = "standard input is the backup" if options.file == STDIN else "this is no terminal"
        reason = "--json asks nobody" if options.as_json else f"nobody can be asked: {reason}"
        raise UsageError(reason, hint="see what it would do with --dry-run, and then use --yes")
    with open_backup(options.file, options.identity) as backup:
        _warn_all(backup.doubts)
        if options.dry_run or not options.yes:
            with closing(open_store(layout)) as store, store.snapshot() as snapshot:
                difference = compare(backup, layout, snapshot, parts)
            if options.as_json:
                print_lines([json_text(_difference_data(backup.manifest, difference))])
                return 0
            print_report([_title(backup.manifest), *_difference_lines(difference)])
            if options.dry_run:
                return 0
            if not agrees("Restore it?"):
                return ExitCode.FAILED
        return _restore(layout, backup, parts, options)


@dataclass
class _RestoreOptions:
    """What was given to ``esmith restore``; each option is described there."""

    file: str
    dry_run: bool
    yes: bool
    only: str | None
    identity: str | None
    signal: bool
    as_json: bool


def _restore(layout: Layout, backup: Backup, parts: tuple[str, ...], options: _RestoreOptions) -> int:
    with closing(open_store(layout, write=True)) as store:
        session = Session(layout, store, warn)
        done = restore(session, backup, parts)
        _warn_all(done.notes)
        signalled = _signal(session) if options.signal and done.difference else []
        passwords = restore_passwords(session, backup) if "passwords" in parts else []
        session.keep()
    if options.as_json:
        data = _difference_data(backup.manifest, done.difference)
        print_lines([json_text({**data, "before": done.before, "passwords": passwords})])
        return 0
    print_report([*_result_lines(done), *signalled, *passwords])
    if done.difference and not options.signal:
        print_report([f"next: signal-event {EVENT}"], cures=True)
        if any("no unix account" in line for line in passwords):
            again = "then, for the passwords" + (", the same backup once more" if options.file == STDIN else "")
            file = shell_word(options.file)
            print_report([f"{again}: esmith restore --yes --only passwords {file}"], cures=True)
    return 0


def _signal(session: Session) -> list[str]:
    """Signal the event that makes all files, and return a report of it.

    :raises EsmithError: when it fails; it says that the backup is restored.
    """
    from esmith.events.signal import signal_event

    try:
        result = signal_event(session, EVENT)
    except EsmithError as error:
        error.add(f"the backup is restored; correct that and run: signal-event {EVENT}")
        raise
    for path, reason in result.left.items():
        warn(f"{path} was left as it is: {reason}")
    return [f"signal-event {EVENT}: {counted(len(result.plan.changed), 'file')} changed"]


def _parts(only: str | None) -> tuple[str, ...]:
    if only is None:
        return PARTS
    words = [word.strip() for word in only.split(",")]
    for word in words:
        if word not in PARTS:
            raise UsageError(f"{word!r} is no part of a backup", hint=f"the parts are: {', '.join(PARTS)}")
    return tuple(part for part in PARTS if part in words)


def _warn_all(notes: list[str]) -> None:
    for note in notes:
        warn(note)


def _title(manifest: Manifest) -> str:
    when = shown_time(manifest.time)
    return f"a backup of {manifest.host}, made {when} by e-smith {manifest.product}, revision {manifest.revision}"


def _difference_lines(difference: Difference) -> list[str]:
    """Return what would change, for people; values are not shown, since some are passwords."""
    lines: list[str] = []
    for database, records in difference.records.items():
        rows = [f"    + {key}" for key in records.added]
        for key, props in records.changed.items():
            type_name = "its value" if key in records.values else "its type"
            rows.append(f"    ~ {key}: {', '.join(prop or type_name for prop in props)}")
        rows += [f"    - {key}" for key in records.removed]
        more = [f"    ... and {counted(len(rows) - _SHOWN, 'more record')}"] if len(rows) > _SHOWN else []
        lines += [f"{database}: {counted(len(records), 'record')}", *rows[:_SHOWN], *more]
    if not difference.goes_on:
        lines.append("the journal of this machine is another one: that of the backup takes its place")
    lines += [f"+ {file.path}" for file in difference.new]
    lines += [f"~ {file.path}" for file in difference.changed]
    lines += [f"- {path}" for path in difference.removed]
    if difference.bases:
        lines.append("what your overrides were made from is restored as well")
    return [*(lines or ["everything is as in the backup"]), *difference.notes]


def _result_lines(done: Restored) -> list[str]:
    difference = done.difference
    if not difference:
        return ["everything was as in the backup"]
    records = sum(len(records) for records in difference.records.values())
    files = len(difference.new) + len(difference.changed) + len(difference.removed)
    return [
        f"{counted(records, 'record')} and {counted(files, 'file')} restored",
        f"what was before is a backup: {done.before}",
    ]


def _difference_data(manifest: Manifest, difference: Difference) -> dict[str, Any]:
    return {
        "host": manifest.host,
        "time": shown_time(manifest.time),
        "revision": manifest.revision,
        "parts": difference.parts,
        "records": {
            name: {"added": records.added, "changed": records.changed, "removed": records.removed}
            for name, records in difference.records.items()
        },
        "journal": "goes on" if difference.goes_on else "replaced",
        "files": {
            "added": [file.path for file in difference.new],
            "changed": [file.path for file in difference.changed],
            "removed": difference.removed,
        },
        "notes": difference.notes,
    }


def _made_data(made: LastBackup, removed: list[str]) -> dict[str, Any]:
    same = {name: getattr(made, name) for name in ("size", "sha256", "revision", "parts", "encrypted")}
    return {"file": made.file, "time": shown_time(made.time), **same, "removed": removed}
