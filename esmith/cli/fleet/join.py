"""``esmith fleet join``: becoming a member of a fleet."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Any

import click

from esmith.cli.agreement import may_ask
from esmith.cli.fleet.output import effect_lines, may_go_on, next_steps
from esmith.cli.output import print_report, warn
from esmith.cli.program import root_option
from esmith.errors import ExitCode, UsageError
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import shell_word
from esmith.store import open_store
from esmith.store.model import Author

#: In characters; longer than any token.
_MOST = 1 << 18


@click.command("join")
@click.argument("token", metavar="[TOKEN]", required=False)
@click.option("--token-file", metavar="FILE", help="The file with the token; without it standard input is read.")
@click.option("--dry-run", is_flag=True, help="Show what would change here, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@click.pass_obj
def join_command(root: str | None, /, **given: Any) -> int:
    """Join a fleet with a token of its first server. What would change here is shown first.

    A setting that the fleet has gets the fleet's value; what only this server has, and what belongs to one machine,
    stays. Interrupted, it is run again with the same token.

    \b
    Examples:
      esmith fleet join --token-file /root/token --dry-run
      esmith fleet join --token-file /root/token
    """
    from esmith.fleet.admin.join import Joining
    from esmith.fleet.admin.waking import wake
    from esmith.fleet.journal.token import Invitation

    layout = Layout.chosen(root)
    if given["token"]:
        warn("others on this machine may have seen the token, an argument of this command: use --token-file next time")
    source = given["token_file"] or ""
    text = given["token"] or _token(source)
    if source in ("", "-") and not (given["token"] or given["yes"] or given["dry_run"] or may_ask()):
        raise UsageError(
            "nobody can be asked: standard input is the token",
            hint="see what it would do with --dry-run, and then use --yes",
        )
    invitation = Invitation.read(text)
    with closing(open_store(layout, write=True)) as store:
        joining = Joining(layout, store, invitation, Author.current(["esmith", "fleet", "join"]))
        preview = joining.preview()
        servers = counted(preview.count, "server")
        print_report([f"the fleet {invitation.fleet} has {servers}; this one becomes {invitation.name} in it"])
        with store.snapshot() as snapshot:
            print_report(effect_lines(layout, snapshot, preview.effect))
        if given["dry_run"]:
            return 0
        if not may_go_on("Join it?", yes=given["yes"]):
            return ExitCode.FAILED
        joined = joining.join()
    wake(layout)
    print_report(
        [f"this server is {invitation.name} in the fleet {invitation.fleet}, at its revision {joined.revision}"]
    )
    print_report(next_steps(layout), cures=True)
    if joined.effect.changes:
        print_report(["services get the settings with the next event: signal-event bootstrap-console-save"], cures=True)
    return 0


def _token(source: str) -> str:
    """Return the text of a token, from a file or from standard input; at a terminal what is pasted there.

    :raises UsageError: when it cannot be read.
    """
    if source not in ("", "-"):
        try:
            with open(source, encoding="ascii", errors="replace") as file:
                return file.read(_MOST)
        except OSError as error:
            raise UsageError(
                f"the token cannot be read: {error.strerror}", hint=f"look: ls -l {shell_word(source)}"
            ) from None
    if not sys.stdin.isatty():
        return sys.stdin.read(_MOST)
    from esmith.fleet.journal.token import END

    sys.stderr.write("Paste the token, with its first and its last line:\n")
    sys.stderr.flush()
    lines = []
    for line in sys.stdin:
        lines.append(line)
        if line.strip() == END:
            break
    return "".join(lines)
