"""``esmith doctor``: whether the installation is whole, and whether mail works."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import Any

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import ended_by_signal, leave, print_lines, print_report
from esmith.cli.program import root_option
from esmith.doctor.case import Case
from esmith.doctor.examine import Examination, chosen_checks, examine
from esmith.doctor.finding import FAILING, OK, SEVERITIES, SKIPPED, WARNING
from esmith.doctor.mailed import finding_lines, mail_new
from esmith.doctor.trial import try_mail
from esmith.errors import EsmithError, ExitCode, UntrustedError, UsageError
from esmith.layout import Layout
from esmith.names import counted
from esmith.status.services import services_data
from esmith.store import open_store
from esmith.store.protocol import Snapshot


@click.command("doctor")
@click.option("-v", "--verbose", is_flag=True, help="Show also what is well.")
@click.option(
    "--send", "with_trial", is_flag=True, help="Send mail, spam and a virus as well, as esmith trial-mail does."
)
@click.option("--mail", "by_mail", is_flag=True, help="Print nothing; mail to admin what is found for the first time.")
@click.option("--resolver", metavar="ADDRESS[:PORT]", default="", help="Ask this name server about the domains.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.argument("areas", metavar="[AREA]...", nargs=-1)
@root_option
@click.pass_obj
def doctor_command(
    root: str | None,
    areas: tuple[str, ...],
    verbose: bool,
    with_trial: bool,
    by_mail: bool,
    resolver: str,
    as_json: bool,
) -> int:
    """Examine the installation and the way of mail: what is wrong, why it matters, and what cures it.

    It changes nothing, and takes some seconds. Each AREA is one of: programs, accounts, directories, files, units,
    services, ports, certificates, signatures, dns, block-lists, queue, disk, clock, fleet, backups, leftovers; by
    default all.
    The exit code is 1 when something is failing.

    \b
    Examples:
      esmith doctor
      esmith doctor dns certificates
    """
    layout = Layout.chosen(root)
    checks = chosen_checks(areas)
    if with_trial and (not layout.is_machine or os.geteuid() != 0):
        raise UsageError(
            "only root can send the trial mails, and only at /: a user is made for them",
            hint="run it as root, without --root and ESMITH_ROOT; or leave --send out",
        )
    # A process opens the databases once at a time, and the trial does as well.
    trial = try_mail(layout) if with_trial else None
    with ExitStack() as stack:
        snapshot, trouble = _opened(layout, stack)

        def states() -> dict[str, dict[str, Any]]:
            return services_data(layout, snapshot) if snapshot else {}

        case = Case(layout, snapshot, trouble=trouble, states=states, resolver=resolver)
        try:
            found = examine(case, checks)
        except KeyboardInterrupt:
            # Threads still read the databases, which must not be closed under them.
            leave(ended_by_signal("esmith"))
        if trial is not None:
            found = found.joined(trial)
        if by_mail:
            mail_new(case, found)
            code = ExitCode.OK
        else:
            _show(layout, found, as_json=as_json, verbose=verbose)
            code = ExitCode.FAILED if found.count(FAILING) else ExitCode.OK
        if found.is_overdue:
            # A thread that waits would keep this process, and may still read the databases.
            sys.stdout.flush()
            leave(code)
    return code


def _opened(layout: Layout, stack: ExitStack) -> tuple[Snapshot | None, EsmithError | None]:
    """Return a snapshot of the databases, or why there is none.

    :raises UntrustedError: when the root is not in the hands of its owners alone, so that nothing in it is used.
    """
    try:
        return stack.enter_context(open_store(layout).snapshot()), None
    except UntrustedError:
        raise
    except EsmithError as error:
        return None, error


def _show(layout: Layout, found: Examination, *, as_json: bool, verbose: bool) -> None:
    if as_json:
        print_lines([json_text(_data(layout, found))])
    else:
        print_report(_lines(found, verbose=verbose), cures=True)


def _data(layout: Layout, found: Examination) -> dict[str, Any]:
    return {
        "root": layout.root,
        "seconds": round(found.seconds, 1),
        "counts": {severity: found.count(severity) for severity in SEVERITIES},
        "findings": [
            {
                "area": area,
                "severity": finding.severity,
                "what": finding.what,
                "why": finding.why,
                "commands": list(finding.cure),
            }
            for area, finding in found.findings()
        ],
    }


def _lines(found: Examination, *, verbose: bool) -> list[str]:
    count = {severity: found.count(severity) for severity in SEVERITIES}
    summary = (
        f"{count[FAILING]} failing, {counted(count[WARNING], 'warning')}, {count[SKIPPED]} skipped, {count[OK]} well"
    )
    lines = [f"{summary} ({found.seconds:.1f} s)"]
    shown = (FAILING, WARNING, OK) if verbose else (FAILING, WARNING)
    for area in dict.fromkeys(area for area, _ in found.findings(*shown)):
        lines.append(area)
        for severity in shown:
            of_area = (finding for name, finding in found.findings(severity) if name == area)
            lines += [line for finding in of_area for line in finding_lines(finding)]
    reasons: dict[str, list[str]] = {}
    for _, finding in found.findings(SKIPPED):
        reason = "; ".join(filter(None, [finding.why, *finding.cure]))
        reasons.setdefault(reason, []).append(finding.what)
    lines += ["skipped"] if reasons else []
    return [*lines, *(f"  {_names(names)}: {reason}" for reason, names in reasons.items())]


def _names(names: list[str]) -> str:
    """Return what was skipped for one reason, and how many findings these are."""
    count = f" ({len(names)})" if len(names) > 1 else ""
    return f"{', '.join(dict.fromkeys(names))}{count}"
