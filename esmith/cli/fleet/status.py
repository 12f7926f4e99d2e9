"""``esmith fleet status`` and ``history``: how the servers of a fleet are, and what changed in it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import root_option
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import shown_time
from esmith.schema.load import Schema
from esmith.schema.masking import Masking
from esmith.store import open_store
from esmith.store.journal import Entry, encode
from esmith.store.model import Author, Change, Revision

if TYPE_CHECKING:
    from esmith.fleet.admin.overview import Overview
    from esmith.fleet.admin.past import Past
    from esmith.fleet.journal.row import Row


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@root_option
@click.pass_obj
def status_command(root: str | None, /, **given: Any) -> int:
    """Show the servers of the fleet and those of etcd, and what is wrong with them, each with its cure.

    It also works while etcd does not answer: then from what this server knows. The exit code is 13 when something
    is wrong.

    \b
    Example:
      esmith fleet status
    """
    from esmith.fleet.admin.overview import Finding, overview_of
    from esmith.fleet.admin.own import Own
    from esmith.fleet.replica.checking import is_damaged
    from esmith.fleet.replica.overrides import LOCAL, all_marks

    layout = Layout.chosen(root)
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        own = Own.of(layout, snapshot)
        local = sum(mark.kind == LOCAL for _, mark in all_marks(snapshot))
        damaged = is_damaged(snapshot)
    found = overview_of(layout, own, local)
    if damaged:
        message = "what this host knows of its fleet is damaged"
        found.findings.insert(0, Finding(own.host, message, "esmith fleet resync"))
    if given["as_json"]:
        print_lines([json_text(_data(found))])
    else:
        print_report(_lines(found))
        _print_findings(found)
    return ExitCode.PENDING if found.findings else ExitCode.OK


def _lines(found: Overview) -> Iterator[str]:
    """Yield the tables."""
    from esmith.fleet.admin.overview import age_of

    own, now = found.own, time.time()
    if found.away:
        yield f"fleet {own.fleet}, this server is {own.host}; etcd cannot be asked: as far as this server knows"
    else:
        yield f"fleet {own.fleet}, this server is {own.host}; fleet revision {found.revision}"
    rows = [("server", "groups", "revision", "heard of", "drift", "pending", "local", "digest", "version")]
    for host in found.hosts:
        groups = ",".join(found.members[host["host"]].groups) or "-"
        if host.get("revision") is None:
            rows.append((host["host"], groups, "-", "never", *("-" for _ in range(4)), "-"))
            continue
        numbers = ("-" if host[what] is None else str(host[what]) for what in ("drift", "pending", "overrides"))
        rows.append(
            (
                host["host"],
                groups,
                str(host["revision"]),
                age_of(host["time"], now),
                *numbers,
                host["digest"][:8],
                host["program"],
            )
        )
    yield from _table(rows)
    for name, invite in found.members.invites.items():
        if invite.until > now:
            yield f"invited: {name}, until {shown_time(invite.until)}"
    members = [("etcd", "name", "version", "size", "")]
    for one in found.etcd:
        state = ("leads" if one.leads else "follows") if one.answers else "does not answer"
        size = f"{one.db_size / 2**20:.1f} MiB" if one.answers else "-"
        members.append((one.endpoint, one.name or "-", one.version or "-", size, state))
    yield from _table(members if found.etcd else [])


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _print_findings(found: Overview) -> None:
    """Print what is wrong, and the cures: those of other servers are not for the root that was given here."""
    for one in found.findings:
        print_report([f"{one.subject}: {one.message}"])
        print_report((f"  {line}" for line in one.cure.splitlines()), cures=not one.is_elsewhere)
    if not found.findings:
        print_report(["all is well"])


def _data(found: Overview) -> dict[str, Any]:
    own = found.own
    hosts = [
        {
            "host": host["host"],
            "groups": list(found.members[host["host"]].groups),
            "program": host.get("program", ""),
            "time": shown_time(host["time"]) if host.get("time") else "",
            **{name: host.get(name) for name in ("revision", "drift", "pending", "overrides")},
            **{name: host.get(name, "") for name in ("digest", "stopped", "error")},
        }
        for host in found.hosts
    ]
    etcd = [
        {
            "endpoint": one.endpoint,
            "answers": one.answers,
            "version": one.version,
            "leader": one.leads,
            "size": one.db_size,
            "error": one.error,
        }
        for one in found.etcd
    ]
    findings = [{"subject": one.subject, "message": one.message, "cure": one.cure} for one in found.findings]
    data = {"fleet": own.fleet, "host": own.host, "revision": found.revision, "reachable": not found.away}
    return {**data, "hosts": hosts, "etcd": etcd, "findings": findings}


@click.command("history")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, at most.")
@click.option("--json", "as_json", is_flag=True, help="Print a list.")
@root_option
@click.pass_obj
def history_command(root: str | None, /, **given: Any) -> int:
    """Show the journal of the fleet, the newest first: which server, who, which command.

    \b
    Example:
      esmith fleet history -n 5
    """
    from esmith.fleet.admin.own import Own
    from esmith.fleet.admin.past import past_of

    layout = Layout.chosen(root)
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        own = Own.of(layout, snapshot)
        masking = Masking(Schema(layout), snapshot)
        with own.connect() as etcd:
            rows = [
                _row_data(one, masking) for one in past_of(own.remote(etcd), own.journal(etcd).chain, given["limit"])
            ]
    if given["as_json"]:
        print_lines([json_text(rows)])
    else:
        print_report(line for row in rows for line in _row_lines(row))
    return 0


def _row_data(past: Past, masking: Masking) -> dict[str, Any]:
    """Return a row as it is shown: values of secrets are masked, also in the command."""
    row = past.row
    if row is None:
        nobody = {"time": "", "host": "", "user": "", "sudo_user": "", "command": ""}
        return {"revision": past.revision, **nobody, "kind": f"damaged: {past.fault}", "about": "", "changes": 0}
    user, sudo_user, words = row.author
    changes = [Change(database, key, prop, None, value) for _, database, key, prop, value in row.changes]
    revision = Revision(row.revision, row.time, Author(user, sudo_user, list(words)), changes)
    shown = masking.revision_data(Entry(row.revision, encode(revision)), most=0)
    named = {name: shown[name] for name in ("time", "user", "sudo_user")}
    return {
        "revision": row.revision,
        "host": row.host,
        **named,
        "command": shown["command"],
        "kind": row.kind,
        "about": _about(row),
        "changes": len(changes),
    }


def _about(row: Row) -> str:
    """Return what a row that changes no settings is about; the words of its command are what its server says."""
    if row.kind == "signal":
        return f"{row.event} on {', '.join(row.hosts) or 'all servers'}"
    if row.kind == "groups":
        return ", ".join(row.groups) or "none"
    return "an earlier change can no longer land" if row.kind == "nothing" else row.name


def _row_lines(row: dict[str, Any]) -> Iterator[str]:
    user = f"{row['user']} ({row['sudo_user']})" if row["sudo_user"] else row["user"]
    count = f", {counted(row['changes'], 'setting')}" if row["changes"] else ""
    about = f": {row['about']}" if row["about"] else ""
    yield f"{row['revision']}  {row['time']}  {row['host']}  {user}  {row['kind']}{about}{count}"
    if row["command"]:
        yield f"    {row['command']}"
