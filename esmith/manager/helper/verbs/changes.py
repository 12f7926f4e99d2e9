"""The verbs of a change: looked at, done as a job, kept or taken back."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from esmith.apply.generations import newest_number
from esmith.errors import BusyError, EsmithError, StoreError
from esmith.events.confirm import confirm as keep_change
from esmith.events.session import Session
from esmith.events.unsettled import UNSETTLED
from esmith.manager import wire
from esmith.manager.helper import arguments, jobs, process
from esmith.manager.helper.carrying_out import carry_out, error_data, forget_row
from esmith.manager.helper.context import VerbError
from esmith.manager.helper.operations import read_operation
from esmith.manager.helper.operations.conflict import refuse_conflict
from esmith.manager.helper.operations.engine import TakeBackOperation
from esmith.manager.helper.operations.trying import Tried
from esmith.manager.helper.settings_of_job import Plan, actor, set_back
from esmith.manager.helper.settling import list_jobs, read_job, running_jobs
from esmith.repeating import repeat
from esmith.schema.remembered import RememberedFiles
from esmith.store import open_store

if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.manager.helper.context import Context, Verb
    from esmith.manager.helper.operations.base import Operation
    from esmith.store.protocol import Store

#: How many jobs are listed.
_MOST_JOBS = 50
#: How many may run at once; each is a process, and waits for the others.
_MOST_RUNNING = 16
#: How long a running event is waited for when a change is confirmed, in seconds.
_PATIENCE = 30.0


def preview_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return what an operation would do. Nothing is changed."""
    found = arguments.take(data, {"operation": arguments.mapping}, {"checks": arguments.flag})
    with closing(open_store(context.layout)) as store, store.snapshot() as snapshot:
        operation = read_operation(context, found["operation"], RememberedFiles(snapshot))
        return Tried(operation, store).data(checks=bool(found["checks"]))


def apply_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Store the settings of an operation, and start the job that makes them effective; return the job."""
    found = arguments.take(data, {"operation": arguments.mapping}, {"confirm": arguments.seconds})
    operation = read_operation(context, found["operation"])
    if found["confirm"] is not None and not operation.may_confirm:
        raise VerbError(
            wire.REFUSED,
            "this change cannot be rolled back by itself",
            hint="apply it without a time to confirm it",
            fields={},
        )
    operation.require_all()
    if len(running_jobs(context.layout)) >= _MOST_RUNNING:
        raise VerbError(wire.BUSY, "too many jobs run at once; try again when some have ended")
    return _begin(context, operation, found["confirm"])


def _begin(context: Context, operation: Operation, confirm: float | None) -> dict[str, Any]:
    """Store the settings, start the job, and return it."""
    layout = context.layout
    store = open_store(layout, write=True)
    is_open = True
    try:
        tried = Tried(operation, store)
        begin = {
            "title": operation.title,
            "account": context.account,
            "address": context.address,
            "what": operation.what,
            "operation": operation.shown(),
            "commands": tried.commands(confirm),
        }
        file = jobs.JobFile.begin(layout, begin)
        try:
            plan = _stored(context, operation, tried, store, file, confirm)
            store.close()
            is_open = False
            _start(layout, file, plan)
        finally:
            file.close()
    finally:
        if is_open:
            store.close()
    return jobs.job_data(layout, file.id)


def _stored(
    context: Context, operation: Operation, tried: Tried, store: Store, file: jobs.JobFile, confirm: float | None
) -> Plan:
    """Store the settings of an operation together with what the job is to do; a file of no job is removed."""
    plan = Plan(context.author(operation.what), events=tried.events, confirm=confirm)
    plan.first = operation.first
    if not operation.has_settings:
        plan.act = operation.act
        return plan
    keeps_file = False
    try:
        for hint in repeat(context.layout, lambda: _write(operation, tried, store, file, plan)):
            file.say(hint)
        keeps_file = True
    except StoreError as error:
        # When it is not known whether they are stored, the row says it to whoever reads the job.
        keeps_file = error.is_doubtful
        error.add_unchanged()
        raise
    finally:
        if not keeps_file:
            file.drop()
    if plan.revision is not None:
        file.stored(plan.revision)
    return plan


def _write(operation: Operation, tried: Tried, store: Store, file: jobs.JobFile, plan: Plan) -> list[str]:
    """Store the settings of an operation, and return hints, among them which layer of a fleet was changed."""
    with store.transaction(plan.author, "") as transaction:
        plan.generation = newest_number(transaction)
        refuse_conflict(operation, transaction)
        hints = operation.change(transaction)
        plan.events = operation.marked or tried.events
        plan.deletes = operation.deletes(transaction)
        if transaction.changes:
            plan.revision = transaction.revision() + 1
            UNSETTLED.put(transaction, file.id, plan.row)
    return [*hints, *transaction.notes]


def _start(layout: Layout, file: jobs.JobFile, plan: Plan) -> None:
    try:
        process.start(
            lambda: carry_out(layout, file, plan), file.descriptor, {"SUDO_USER": actor(plan.author.user, file.id)}
        )
    except OSError as error:
        failure = EsmithError(f"the job cannot be started: {error.strerror or error}", hint="try again in a moment")
        settings = False
        if plan.revision is not None:
            store = open_store(layout, write=True)
            try:
                settings = not set_back(store, plan, file.id, "(its job could not be started)")
                forget_row(store, file.id)
            finally:
                store.close()
        file.end("failed", failure.message, error=error_data(failure, settings_back=settings, files_back=True))


def jobs_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return the newest jobs, without their lines."""
    arguments.take(data, {})
    return {"jobs": list_jobs(context.layout, _MOST_JOBS)}


def job_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return a job with the lines that are not known yet."""
    found = arguments.take(data, {"job": arguments.named}, {"after": arguments.number})
    if not jobs.exists(context.layout, found["job"]):
        raise VerbError(wire.NOT_FOUND, "there is no such job", hint="old ones are forgotten")
    try:
        return read_job(context.layout, found["job"], found["after"] or 0)
    except FileNotFoundError:
        raise VerbError(wire.NOT_FOUND, "there is no such job any more") from None


def confirm_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Keep the change that waits to be confirmed."""
    arguments.take(data, {})
    store = open_store(context.layout, write=True)
    try:
        change = keep_change(Session(context.layout, store, lambda _: None, timeout=_PATIENCE))
    except BusyError as error:
        raise VerbError.of(error, wire.BUSY) from error
    finally:
        store.close()
    if change is None:
        raise VerbError(wire.NOT_FOUND, "nothing waits to be confirmed")
    return {"kept": change.what}


def take_back_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Start a job that takes the change back that waits to be confirmed; return the job."""
    arguments.take(data, {})
    return _begin(context, TakeBackOperation(context, {}), None)


VERBS: dict[str, Verb] = {
    "preview": preview_verb,
    "apply": apply_verb,
    "jobs": jobs_verb,
    "job": job_verb,
    "confirm": confirm_verb,
    "take-back": take_back_verb,
}
