"""The one path of files: planned, warned of, checked, installed, reported, and restored unless it is completed.

Each command that installs files goes it, in a real run and in a rehearsal (:mod:`esmith.events.session`):

    with Installation(session, "expand-template /etc/t", event) as installation:
        installation.carry_out(lambda snapshot: make_plan(...))
        ...                       # what depends on the new files: actions, services
        installation.complete()

``carry_out`` makes the plan, shows the warnings, runs the checks, installs all files or none
(:mod:`esmith.apply.commit`), and reports what was not checked and what was left as it is. In one transaction with the
install it records the pending actions of the services that read the files. Until ``complete`` returns, the end of the
``with`` block restores the old files, and has the services that may have read the new ones read the old ones.

``expand-template`` (:mod:`esmith.events.expand`) is this and nothing more. An event (:mod:`esmith.events.signal`) puts
its other steps between the two calls, and may ask for a confirmation at the end.
"""

from __future__ import annotations

from esmith.apply.commit import commit_plan, rehearse_plan
from esmith.apply.generations import Generation, finish
from esmith.errors import EsmithError, StoreError
from esmith.events.asked import asked_by, wrong_actions
from esmith.events.confirm import find_unconfirmed
from esmith.events.contribs import drop_wrong_actions
from esmith.events.derive import derive, derive_again, require_derivations, taking_back
from esmith.events.derived import Derivation, affected, mark_stale
from esmith.events.pending import PendingAction, add_pending, list_pending, put_pending
from esmith.events.unread import Unread
from esmith.fragments.settings import refused_settings
from esmith.functions import partial
from esmith.names import counted
from esmith.plan.host import DiskHost
from esmith.plan.plan import Plan
from esmith.plan.unit import LeftWithError
from esmith.plan.verdict import Outcome, unchecked
from esmith.schema.load import Schema
from esmith.schema.strict import is_strict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from esmith.apply.generations import Also
    from esmith.events.adjust import ServiceStep
    from esmith.events.definition import Event
    from esmith.events.session import Session
    from esmith.fragments.settings import Seen
    from esmith.store.protocol import Snapshot, Transaction

#: More would hide the first ones; a thousand users without an account are a thousand warnings.
_SHOWN_WARNINGS = 10


class Installation:
    """The files of one command. A context manager, which restores the old files unless it was completed.

    :param session: the run.
    :param what: the command, e.g. ``signal-event email-update``.
    :param event: the event; for a command outside of one, one that has only a name.
    :param restart: whether each service of the event is adjusted, also when no file it reads changed.
    :param services: adjusts the services between ``carry_out`` and ``complete``; None when the command adjusts none.
    """

    def __init__(
        self, session: Session, what: str, event: Event, *, restart: bool = False, services: ServiceStep | None = None
    ) -> None:
        self._session = session
        self._what = what
        self._event = event
        self._restart = restart
        self._services = services
        self._pending_before: dict[str, PendingAction] = {}
        self._complete = False
        self._derived: list[Derivation] = []
        self._declared: list[Derivation] | None = None
        #: The files; none before they are planned.
        self.plan = Plan()
        #: What was installed; None when nothing was.
        self.generation: Generation | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.generation is not None and not self._complete:
            self._restore(self.generation)
        elif kind is KeyboardInterrupt and self.generation is None:
            self._session.report("no file was changed")

    @property
    def asked(self) -> dict[str, list[str]]:
        """The services that are to be adjusted because of the files, each with its service actions."""
        return asked_by(self._event, self.plan, always=self._restart)

    def declared(self, *, strict: bool) -> list[Derivation]:
        """Return what is declared of actions: see :func:`esmith.events.derive.require_derivations`."""
        if self._declared is None:
            self._declared = require_derivations(self._session, strict=strict)
        return self._declared

    def carry_out(self, make: Callable[[Snapshot], Plan]) -> None:
        """Plan the files and install them, all or none; in a rehearsal only go through the steps.

        :param make: makes the plan.
        :raises TemplateError: when a template is missing or broken; no file was touched.
        :raises ServiceError: when a file that defines a service to adjust is wrong; no file was touched.
        :raises CheckError: when a program refuses its file; no file was touched.
        :raises InstallError: when a file could not be written; the old files are restored.
        :raises StoreError: when the store could not be written; likewise.
        """
        session = self._session
        with session.store.snapshot() as snapshot:
            strict = is_strict(snapshot)
            derivations = self.declared(strict=strict)
            self._pending_before = list_pending(snapshot)
            self.plan = plan = make(snapshot)
        plan.unread, plan.secrets = Unread(session), session.secrets
        _warn(plan.warnings, session)
        session.preview(plan)
        if not strict:
            for file, wrong in drop_wrong_actions(plan, session.layout).items():
                session.skip(file, wrong)
        asked = self.asked
        for text in wrong_actions(plan):
            session.report(text)
        if self._services is not None:
            self._services.read({*asked, *self._pending_before})
            for text in self._services.without_record(plan):
                session.report(text)
        plan.count = session.count
        if session.records:
            rehearse_plan(plan, session.layout)
        else:
            if self._services is not None:
                self._services.note_usefulness(plan, asked)
            self._derived = affected(derivations, {output.path for output in plan.changed})
            also = partial(self._record, services=asked)
            host = DiskHost(session.layout)
            plan.command = session.command
            self.generation = commit_plan(
                plan, host, session.store, self._what, session.report, services=asked, also=also
            )
        _report(plan, session)
        _warn(_of_settings(plan, session), session)

    def derive(self) -> None:
        """Have made again what is made of the new files, as far as no action of the event has done that.

        :raises ActionError: when an action fails.
        :raises StoreError: when the store cannot be written.
        """
        derive(self._session, self._derived, self._event.name)

    def _record(self, transaction: Transaction, services: Mapping[str, list[str]]) -> None:
        add_pending(transaction, services, self._what)
        mark_stale(transaction, self._derived, self._what)

    def complete(self, also: Also | None = None, *, keep_since: int | None = None) -> None:
        """Record that everything that belongs to the files is done; they are not restored any more.

        :param also: what else is to be written in the same transaction.
        :param keep_since: the first generation that must not be forgotten; those that a change needs that is not
            confirmed yet are never.
        :raises StoreError: when the store cannot be written.
        """
        if self.generation is None:
            return
        store = self._session.store
        with store.snapshot() as snapshot:
            unconfirmed = find_unconfirmed(snapshot)
        first = unconfirmed.generation if unconfirmed else keep_since
        finish(self.generation, self._session.layout, store, also, keep_since=first)
        self._complete = True

    def _restore(self, generation: Generation) -> None:
        """Restore what was there before, and what services had pending, after a failure.

        It raises no error of ours, because there is one already.
        """
        from esmith.apply.restore import restore_or_explain

        session, done = self._session, self._services.done if self._services else {}
        try:
            with session.store.snapshot() as snapshot:
                pending = set(list_pending(snapshot))
        except StoreError:
            pending = set()
        seen: set[str] = set()

        def was_adjusted(service: str) -> bool:
            # One with nothing pending was adjusted by somebody else, e.g. by an event that an action signalled.
            return service in done or service not in pending

        def record(transaction: Transaction, services: Mapping[str, list[str]]) -> None:
            seen.update(services)
            add_pending(transaction, services, self._what)

        def settle_others(transaction: Transaction) -> None:
            others = (service for service in seen if not was_adjusted(service))
            put_pending(transaction, {service: self._pending_before.get(service) for service in others})

        also = taking_back(session, generation.number, self._what, settle_others)
        restored, text = restore_or_explain(generation, session.layout, session.store, record, also, session.report)
        session.report(text)
        derive_again(session, self._what, actions=[one.action for one in self._derived])
        if self._services is not None and restored is not None:
            services = restored.services.items()
            self._services.adjust_back({service: words for service, words in services if was_adjusted(service)})


def _of_fault(fault: EsmithError, plan: Plan) -> str:
    """Return the message about a fault that stops only a part, with what it stops."""
    own = [output.path for output in plan.left if output.left is fault]
    places = set(own)
    beside = [
        output.path for output in plan.left if isinstance(output.left, LeftWithError) and output.left.other in places
    ]
    lines = [f"{fault.place}: {fault.message}" if fault.place else fault.message]
    lines += [fault.hint] if fault.hint else []
    if own:
        lines.append(f"left as {'it is' if len(own) == 1 else 'they are'}: {', '.join(sorted(own))}")
    if beside:
        lines.append(f"left with {'it' if len(own) == 1 else 'them'}: {', '.join(sorted(beside))}")
    return "\n  ".join(lines)


def _of_settings(plan: Plan, session: Session) -> list[str]:
    """Return a warning for each setting that could not be set as it is, and from which a file is made otherwise now.

    A file that was not expanded now is as it was, and so is what it was made from.
    """
    schema = Schema(session.layout)
    found: dict[str, str] = {}
    seen: set[Seen] = set()
    common: set[int] = set()
    for output in plan.changed:
        if not output.rendering.recalled:
            # What was read for the keys of a template is the same for all of its outputs.
            apart = output.rendering.reads_apart()
            for reads in (one for one in apart if id(one) not in common):
                for line in refused_settings(reads, schema, beside=apart[0], seen=seen):
                    found.setdefault(line, output.path)
            common |= set(map(id, apart[:-1]))
    return [f"{path}: {line}" for line, path in found.items()]


def _warn(warnings: list[str], session: Session) -> None:
    """Log warnings about the files of a plan, and show the first of them."""
    for warning in warnings:
        session.log.write(f"WARNING: {warning}")
    for warning in warnings[:_SHOWN_WARNINGS]:
        session.say(warning)
    more = len(warnings) - _SHOWN_WARNINGS
    if more > 0:
        are = "is" if more == 1 else "are"
        place = f"which {are} in the log: {session.log.place}"
        if session.records:
            place = "'expand-template --explain TEMPLATE' shows those of one template"
        session.say(f"... and {counted(more, 'more warning')}, {place}")


def _report(plan: Plan, session: Session) -> None:
    """Report which new files were not checked, which were left as they are, and log which changed.

    A root that is only a folder lacks most plugins of a machine, so what is not known because of that is logged.
    """
    for text in plan.unchecked:
        session.log.write(text)
    for text in unchecked(verdict for verdict in plan.verdicts if session.layout.is_machine or not verdict.is_a_rules):
        session.say(text)
    if plan.copied:
        session.log.write(f"checks looked at copies of the new files: {plan.copied}")
    for verdict in plan.verdicts:
        if verdict.outcome is Outcome.REFUSED:
            lines = "\n  ".join(verdict.lines)
            session.report(f"{verdict.path}: {verdict.reason}, but no service that reads it is enabled\n  {lines}")
    for output in plan.left:
        left = output.left
        if left is not None and not (isinstance(left, LeftWithError) or left in plan.faults.values()):
            session.report(f"{left.place}: {left.message}, so it is left as it is\n  {left.hint}")
    for fault in plan.faults.values():
        session.report(_of_fault(fault, plan))
    session.log.write_all(f"{output.path}: {output.difference.value}" for output in plan.changed)
