"""The verb that shows what is pending or wrong, each with its cure, as a button where it is a command of ours."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from esmith.doctor.case import Case
from esmith.doctor.examine import Examination, chosen_checks, examine
from esmith.doctor.finding import FAILING, SEVERITIES, SKIPPED, WARNING
from esmith.errors import EsmithError, UntrustedError
from esmith.layout import Layout
from esmith.manager.helper import arguments
from esmith.manager.helper.context import Context, Verb
from esmith.manager.helper.looks.cures import operation_of_all
from esmith.manager.helper.opened import opened
from esmith.printable import shown_time
from esmith.status.cures import line_with_root, with_root
from esmith.status.findings import BAD
from esmith.status.root import status_data
from esmith.status.services import services_data
from esmith.store.protocol import Snapshot

#: How long the doctor may look, in seconds; a child of the helper may take twice as long.
DOCTOR_SECONDS = 45.0
_ORDER = {severity: number for number, severity in enumerate((FAILING, WARNING, SKIPPED))}


def health(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return what ``esmith status`` finds, the worst first; with ``doctor`` also what ``esmith doctor`` does.

    :return: ``findings``, each with ``by`` (status or doctor), ``area``, ``severity`` (failing, warning or skipped),
        ``what``, ``why``, ``cure`` (commands to paste) and ``operation`` (what does the same, or null); ``counts`` of
        the doctor by severity, or null; ``overdue``, whether one of its checks did not end; ``fleet``, what is known of
        its servers, or null where this one is in none.
    """
    with_doctor = bool(arguments.take(data, {}, {"doctor": arguments.flag})["doctor"])
    layout = context.layout
    data = status_data(layout)
    revision = data.get("revision", 0)
    found = [_of_status(one) for one in data["findings"]]
    counts, overdue = None, False
    if with_doctor and "revision" in data:
        examined = _examined(layout)
        found += [
            {
                "by": "doctor",
                "area": area,
                "severity": one.severity,
                "what": one.what,
                "why": one.why,
                "cure": list(one.cure),
            }
            for area, one in examined.findings(FAILING, WARNING, SKIPPED)
        ]
        counts = {severity: examined.count(severity) for severity in SEVERITIES}
        overdue = examined.is_overdue
    root = "" if layout.is_machine else layout.root
    for one in found:
        one["operation"] = operation_of_all(one["cure"], layout, revision)
        one["cure"] = [line_with_root(line, root) for line in one["cure"]]
        one |= {name: with_root(one[name], root) for name in ("what", "why")}
    found.sort(key=lambda one: _ORDER[one["severity"]])
    return {"findings": found, "counts": counts, "overdue": overdue, "fleet": _fleet(data.get("fleet"))}


def _fleet(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the servers of the fleet as a table shows them; None where there is none to show."""
    if found is None or "damage" in found:
        return None
    hosts = [
        {
            "host": one["host"],
            "groups": one["groups"],
            "revision": one["revision"],
            "drift": one["drift"],
            "pending": one["pending"],
            "time": "" if one["time"] is None else shown_time(one["time"]),
            "trouble": one["stopped"] or one["error"],
        }
        for one in found["hosts"]
    ]
    return {"name": found["name"], "host": found["host"], "revision": found["revision"], "hosts": hosts}


def _of_status(finding: dict[str, str]) -> dict[str, Any]:
    what = finding["message"]
    if finding["kind"] == "confirm":
        what = what.removesuffix(" you run") + " it is confirmed"
    return {
        "by": "status",
        "area": finding["kind"],
        "severity": FAILING if finding["kind"] in BAD else WARNING,
        "what": what,
        "why": "",
        "cure": [finding["command"]] if finding["command"] else [],
    }


def _examined(layout: Layout) -> Examination:
    """Return what the doctor finds; where a check does not end, its threads go on until this process ends."""
    with ExitStack() as stack:
        snapshot, trouble = _opened(layout, stack)

        def states() -> dict[str, dict[str, Any]]:
            return services_data(layout, snapshot) if snapshot else {}

        case = Case(layout, snapshot, trouble=trouble, states=states)
        examined = examine(case, chosen_checks(), seconds=DOCTOR_SECONDS)
        if examined.is_overdue:
            # They may still read the databases, which must not be closed under them.
            stack.pop_all()
    return examined


def _opened(layout: Layout, stack: ExitStack) -> tuple[Snapshot | None, EsmithError | None]:
    try:
        return stack.enter_context(opened(layout)), None
    except UntrustedError:
        raise
    except EsmithError as error:
        return None, error


VERBS: dict[str, Verb] = {"health": health}
