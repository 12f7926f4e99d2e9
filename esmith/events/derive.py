"""Making again what actions make of generated files, when these were installed or restored.

In an event that is what no action of the event has made by the time services are adjusted. After restoring, and in
``esmith recover``, it is everything that is stale; what fails then is reported and stays stale.
"""

from __future__ import annotations

import os
from itertools import dropwhile

from esmith.apply.generations import Generation, generations_since
from esmith.contexts import suppress
from esmith.disk import read_file
from esmith.errors import EsmithError, StoreError, TemplateError
from esmith.events.confirm import forget_taken_back
from esmith.events.derived import (
    SUFFIX,
    Derivation,
    affected,
    forget_stale,
    is_declared,
    list_stale,
    load_derivations,
    mark_stale,
    record_failure,
)
from esmith.events.errors import ActionError
from esmith.names import without_line
from esmith.plan.host import DiskHost, trouble
from esmith.store.model import Author

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from esmith.apply.generations import Also
    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.store.protocol import Transaction

#: How long an action may take to make something again, in seconds: everything else waits for it.
_TIME_LIMIT = 60.0


def known_derivations(session: Session) -> list[Derivation]:
    """Return what is declared; what is wrong with a declaration is reported, and stops nothing."""
    return load_derivations(session.layout, lambda error: session.report(str(error)))


def require_derivations(session: Session, *, strict: bool) -> list[Derivation]:
    """Return what is declared; a declaration of a contrib that is written wrongly counts for nothing.

    :param strict: whether such a one is an error, too.
    :raises TemplateError: when a declaration is written wrongly.
    :raises UntrustedError: when one, or its action, is not in the hands of its owners alone.
    """
    layout, faults = session.layout, list[EsmithError]()
    found = load_derivations(layout, faults.append)
    if faults:
        from esmith.schema.strict import require_lenient
        from esmith.shipped import ShippedFiles

        shipped = ShippedFiles(layout)
    for fault in faults:
        if not (isinstance(fault, TemplateError) and shipped.is_a_contribs(fault.place)):
            raise fault
        require_lenient(fault, strict=strict)
        session.skip(without_line(fault.place), f"{fault.message}; it counts for nothing", fault.hint)
    return found


def derive(session: Session, derivations: Iterable[Derivation], what: str) -> None:
    """Make what is still stale of some derivations.

    :param what: the event or command, which the actions get as their argument.
    :raises ActionError: when an action fails.
    :raises InstallError: when what it made cannot be made durable.
    :raises StoreError: when the store cannot be written.
    """
    with session.store.snapshot() as snapshot:
        stale = list_stale(snapshot)
    for one in derivations:
        if one.action in stale:
            _make(session, one, what)
            _forget(session, [one.action])


def derive_again(
    session: Session,
    what: str,
    *,
    actions: Collection[str] = (),
    derivations: Collection[Derivation] | None = None,
) -> None:
    """Make everything that is stale; what fails is reported, and stays stale: see :func:`require_made`.

    It raises no error of ours: what it follows, e.g. the restored files, stays as it is.

    :param what: the command, which the actions get as their argument.
    :param actions: the names of actions whose work is stale, also when no row could be written that says so.
    :param derivations: what is declared, where the caller has read it; then its faults were reported.
    """
    try:
        with session.store.snapshot() as snapshot:
            stale = list_stale(snapshot)
    except StoreError:
        stale = {}
    wanted = {*actions, *stale}
    if not wanted:
        return
    declared = known_derivations(session) if derivations is None else derivations
    known = {one.action: one for one in declared}
    for action in sorted(wanted):
        if action not in known and is_declared(session.layout, action):
            # Its declaration is wrong, or in wrong hands; that was reported.
            continue
        try:
            if action in known:
                _make_or_note(session, known[action], what)
            _forget(session, [action])
        except StoreError as error:
            session.report(f"what {action} makes was made again, which is not recorded: {error}")
        except EsmithError as error:
            makes = ", ".join(known[action].makes)
            session.report(f"{makes}: could not be made again; remove the cause and run: esmith recover\n  {error}")


def require_made(session: Session) -> None:
    """Raise an error when something is stale.

    :raises ActionError: names it, with the action that could not make it.
    :raises StoreError: when the store cannot be read.
    """
    with session.store.snapshot() as snapshot:
        stale = list_stale(snapshot)
    for action, one in stale.items():
        reason = f": {action} {one.reason}" if one.reason else ""
        raise ActionError(
            f"{', '.join(one.makes)} could not be made again{reason}",
            place=os.path.join(session.layout.events, "actions", action),
            hint="everything else is done; remove the cause and run: esmith recover",
        )


def taking_back(
    session: Session,
    number: int,
    what: str,
    also: Also | None = None,
    *,
    installs: Collection[Generation] | None = None,
    derivations: Collection[Derivation] | None = None,
) -> Also:
    """Return what else belongs into the transaction that takes installs back.

    What was made of their files is stale, and a change among them does not wait to be confirmed any more.

    It raises no error of ours, because restoring must not fail for what is only declared wrongly.

    :param number: the number of the first install that is taken back.
    :param what: the command.
    :param also: what else is to be written in the transaction, before; settings it changes count as well.
    :param installs: those that are taken back, where the caller has read them.
    :param derivations: likewise what is declared.
    """
    paths: set[str] = set()
    with suppress(StoreError):
        if installs is None:
            with session.store.snapshot() as snapshot:
                installs = generations_since(number, snapshot)
        paths = {before.path for install in installs for before in install.before}
    known = known_derivations(session) if derivations is None else derivations

    def mark(transaction: Transaction) -> None:
        if also is not None:
            also(transaction)
        forget_taken_back(transaction, number)
        mark_stale(transaction, affected(known, paths, transaction.changes), what)

    return mark


def note_made(session: Session, path: str) -> None:
    """Record that an action of an event ran: what it makes is not stale any more.

    It is the declared one when it has that name, behind ``Snn``, and the same content: a shipped event has a copy of
    it. One of somebody else that only bears the name may do another thing.

    :param path: the action.
    :raises InstallError: when what it made cannot be made durable.
    :raises StoreError: when the store cannot be written.
    """
    with session.store.snapshot() as snapshot:
        stale = list_stale(snapshot)
    if _name_of(path) not in stale:
        return
    one = declared_action(session.layout, path, known_derivations(session))
    if one is not None:
        _sync(session, one)
        _forget(session, [one.action])


def declared_action(layout: Layout, path: str, known: Iterable[Derivation]) -> Derivation | None:
    """Return what is declared of an action of an event, None for nothing.

    :param path: the action.
    :param known: what is declared.
    """
    found = next((one for one in known if one.action == _name_of(path)), None)
    declared = os.path.join(layout.events, "actions", _name_of(path))
    return found if os.path.isfile(declared) and _has_same_content(path, declared) else None


def _name_of(path: str) -> str:
    """Return the name of an action without S and a number, which it has before it in an event."""
    name = os.path.basename(path)
    rest = "".join(dropwhile(str.isdecimal, name[1:]))
    return rest if name[:1] == "S" and len(rest) < len(name) - 1 else name


def _has_same_content(path: str, other: str) -> bool:
    return read_file(path) == read_file(other)


def _make_or_note(session: Session, derivation: Derivation, what: str) -> None:
    try:
        _make(session, derivation, what)
    except EsmithError as error:
        try:
            with session.store.transaction(Author.current(what.split())) as transaction:
                record_failure(transaction, derivation.action, error.message)
        except StoreError as other:
            session.log.write(str(other))
        raise


def _make(session: Session, derivation: Derivation, what: str) -> None:
    """Have an action make something; of files that are not there any more nothing is made, and the old goes.

    :raises ActionError: when it fails.
    :raises InstallError: when the old cannot be removed, or the new cannot be made durable.
    """
    if not derivation.has_sources(session.layout):
        for path in derivation.removable:
            _remove(session, path)
        return
    from esmith.events.actions import run_action
    from esmith.events.definition import Event

    event = Event(what, os.path.join(session.layout.events, "actions"))
    action = os.path.join(event.directory, derivation.action)
    session.layout.trust.require(action)
    if not os.access(action, os.X_OK):
        raise ActionError(
            f"{', '.join(derivation.makes)} cannot be made: the action is not there, or not executable",
            place=action,
            hint=f"correct that (chmod +x), or remove {os.path.basename(action)}{SUFFIX}, and run: esmith recover",
        )
    part = run_action(session, event, derivation.action, [], session.action_environment, timeout=_TIME_LIMIT)
    if part is not None:
        session.report(f"{os.path.join(event.directory, derivation.action)}: was done in part\n  {part}")
    _sync(session, derivation)


def _sync(session: Session, derivation: Derivation) -> None:
    """Make durable what an action made, before it is recorded that this is not stale any more.

    :raises InstallError: when that is not possible.
    """
    layout, disk = session.layout, session.layout.disk()
    for path in [path for made in derivation.makes for path in layout.matching(made)]:
        target = layout.under(path)
        try:
            directory = disk.find(os.path.dirname(target))
            if directory is not None and directory.is_ours:
                directory.sync_file(os.path.basename(target))
                directory.sync()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise trouble(target, error) from error


def _remove(session: Session, path: str) -> None:
    from esmith.apply.backup import back_up

    target = session.layout.under(path)
    try:
        directory = session.layout.disk().find(os.path.dirname(target))
        if directory is None or directory.look(os.path.basename(target)) is None:
            return
        # Perhaps it is not the work of the action.
        copy = back_up(session.layout, DiskHost(session.layout), target)
        directory.remove_if_there(os.path.basename(target))
        directory.sync()
    except OSError as error:
        raise trouble(target, error) from error
    session.log.write(f"removed {path}, because what it was made of is not there any more; a backup copy is {copy}")


def _forget(session: Session, actions: Iterable[str]) -> None:
    with session.store.transaction(Author.current(["esmith"])) as transaction:
        forget_stale(transaction, actions)
