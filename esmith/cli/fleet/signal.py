"""``esmith fleet signal``: an event on several servers."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import root_option
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author

if TYPE_CHECKING:
    from esmith.fleet.admin.signals import Asked, Result


@click.command("signal")
@click.argument("event", metavar="EVENT")
@click.argument("hosts", nargs=-1, metavar="[HOST...]")
@click.option("--wait", type=click.IntRange(0, 3600), default=60, show_default=True, help="For answers, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@root_option
@click.pass_obj
def signal_command(root: str | None, /, **given: Any) -> int:
    """Signal an event on the servers of the fleet, or on those named, and show how it ended on each.

    The exit code is 1 when it failed somewhere, or a server has not answered.

    \b
    Examples:
      esmith fleet signal email-update
      esmith fleet signal email-update mail2 mail3 --wait 120
    """
    from esmith.fleet.admin.own import Own
    from esmith.fleet.admin.signals import answers, ask
    from esmith.fleet.admin.waking import wake

    layout, event, as_json = Layout.chosen(root), given["event"], given["as_json"]
    author = Author.current(["esmith", "fleet", "signal", event, *given["hosts"]])
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        own = Own.of(layout, snapshot)
    results = []
    with own.connect() as etcd:
        asked = ask(own, etcd, event, given["hosts"], author)
        wake(layout)
        width = max(len(host) for host in asked.hosts)
        for result in answers(own, etcd, asked, given["wait"]):
            results.append(result)
            if not as_json:
                print_report([f"{result.host:<{width}}  {_shown(result)}"])
    if as_json:
        print_lines([json_text(_data(asked, results))])
    return ExitCode.OK if all(result.is_well for result in results) else ExitCode.FAILED


def _shown(result: Result) -> str:
    if result.is_well:
        return "done"
    if result.code is None:
        return result.message if not result.answered else f"not done: {result.message}"
    return f"exit code {result.code}: {result.message}" if result.message else f"exit code {result.code}"


def _data(asked: Asked, results: list[Result]) -> dict[str, Any]:
    hosts = [
        {"host": one.host, "answered": one.answered, "exit_code": one.code, "message": one.message} for one in results
    ]
    return {"event": asked.event, "revision": asked.revision, "hosts": hosts}
