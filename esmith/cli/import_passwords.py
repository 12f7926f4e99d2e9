"""``esmith import-passwords``: the passwords of an old server's users."""

from __future__ import annotations

import os
import stat
import sys

import click

from esmith.accounts.passwords import Passwords, without_note
from esmith.accounts.system import book_of
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.program import root_option
from esmith.errors import StoreError, UsageError
from esmith.layout import Layout
from esmith.names import counted
from esmith.plan.host import DiskHost
from esmith.printable import shell_word
from esmith.store import open_store
from esmith.store.model import Author
from esmith.store.replace import file_trouble

#: Whoever else may read it could try passwords on the hashes.
_OTHERS = 0o077


@click.command("import-passwords")
@click.argument("file", metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def import_passwords_command(root: str | None, file: str, dry_run: bool, as_json: bool) -> int:
    """Set the passwords of users from the lines of another server's /etc/shadow.

    FILE holds such lines; - is standard input. Only accounts of type user get one, and only where the unix account is
    the user's: root, admin and accounts of the system never do. All passwords are set together, or none.

    \b
    Examples:
      esmith import-passwords --dry-run /mnt/old/etc/shadow
      esmith import-passwords /mnt/old/etc/shadow
    """
    layout = Layout.chosen(root)
    if layout.is_machine and os.geteuid() != 0 and not dry_run:
        raise UsageError("only root may set passwords", hint=f"run: sudo esmith import-passwords {shell_word(file)}")
    data = _read(file)
    store = open_store(layout, write=not dry_run)
    host = DiskHost(layout)
    book = book_of(layout, host)
    with store.snapshot() as snapshot:
        found = Passwords(snapshot, book)
        found.take(data)
        noted = without_note(found.hashes, snapshot)
    if found.hashes and not dry_run:
        book.set_hashes(found.hashes)
        # A record that says no has the account locked by the next event.
        with store.transaction(Author.current(["esmith", *sys.argv[1:]])) as transaction:
            for name in noted:
                transaction.set_prop("accounts", name, "PasswordSet", "yes")
    host.close()
    if as_json:
        counts = {"accounts": sorted(found.hashes), "left_out": found.left, "others": found.others}
        print_lines([json_text({"done": not dry_run} | counts)])
        return 0
    print_report(found.left)
    done = "would be set" if dry_run else "set"
    others = f"; {counted(found.others, 'line')} of accounts that are no users here" if found.others else ""
    print_report([f"{counted(len(found.hashes), 'password')} {done}{others}"])
    return 0


def _read(file: str) -> bytes:
    """Return what a file holds.

    :raises StoreError: when it cannot be read.
    """
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        with open(file, "rb") as stream:
            status = os.fstat(stream.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS:
                warn(f"{file}: others may read it, and try passwords on it: chmod 600 {shell_word(file)}")
            return stream.read()
    except OSError as error:
        trouble: StoreError = file_trouble(file, error)
        raise trouble from error
