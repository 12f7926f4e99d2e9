"""All or nothing: what was there before each install is kept until, and after, the install is complete.

Before the first rename the old files are linked into a private directory and a row of the store says so, durably. When
the install, or what follows it, fails or the machine crashes, the old files are restored from there: by the command
itself, by the next one, or by ``esmith recover``. What is kept of complete installs lets an administrator go back.
"""

from __future__ import annotations

import time

from esmith.apply.kept import Before, forget_kept, keep, make_kept
from esmith.apply.origin import boot, make_machine, mark_finished, mark_unfinished, new_token
from esmith.errors import StoreError
from esmith.fields import dataclass, field, replace
from esmith.plan.host import trouble
from esmith.plan.installed import OUTPUTS, digest_of
from esmith.plan.listed import LISTED, resolved
from esmith.store.model import Author
from esmith.store.table import DamagedRowError, StateTable, decode_json, encode_json, is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from esmith.disk import Directory, Disk
    from esmith.layout import Layout
    from esmith.plan.listed import Listed
    from esmith.plan.plan import Plan
    from esmith.store.protocol import Snapshot, Store, Transaction

    #: What else belongs into a transaction of this module.
    Also = Callable[[Transaction], None]

#: What the row of a complete generation holds. In a text of JSON the quotes would be escaped.
_COMPLETE = b'"complete": true'
#: How many complete generations are kept.
KEPT = 20
#: The transactions of an event from the first rename to its end, also when it fails. There may be more, one for each
#: service that refuses; they use the pages that the others leave, unless somebody reads all the while.
_TRANSACTIONS = 8
#: What a row of an output has besides its names, in bytes; rather too much: two digests, a mark, what LMDB notes.
_ROW_BYTES = 200


@dataclass
class Generation:
    """One install.

    :param number: counting up by one.
    :param what: the command, e.g. ``signal-event email-update``.
    :param time: seconds since 1970.
    :param revision: the revision of the databases it was made from.
    :param complete: whether everything that belongs to it was done.
    :param before: what was there before.
    :param services: the services that read what it changed, each with its service actions.
    :param machine: the machine it belongs to, see :func:`esmith.apply.origin.find_machine`; "" when that is not known.
    :param boot: the boot of the machine, see :func:`esmith.apply.origin.boot`.
    :param token: by which its kept files are known, see :mod:`esmith.apply.origin`; "" when they have no mark.
    :param user: the login name of the process; "" where an older version recorded it.
    :param sudo_user: who called sudo, or "".
    :param command: the whole command, with the arguments of an event; "" where an older version recorded it.
    :param keys: the templates whose keys became others, each with a revision as of which they had been made before.
    """

    number: int
    what: str
    time: int
    revision: int
    complete: bool = False
    before: list[Before] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)
    machine: str = ""
    boot: str = ""
    token: str = ""
    user: str = ""
    sudo_user: str = ""
    command: str = ""
    keys: dict[str, int] = field(default_factory=dict)

    @classmethod
    def decode(cls, row: bytes) -> Generation:
        """Return the generation of a row.

        :raises DamagedRowError: when it is damaged.
        """
        found = decode_json(cls, row)
        if found.number < 1 or (found.token and not found.token.isalnum()):
            raise DamagedRowError("has a number or a token that cannot be")
        if not all(is_path(before.path) and before.is_possible for before in found.before):
            raise DamagedRowError("names a file that cannot be")
        return found

    def encode(self) -> bytes:
        """Return the row of a generation."""
        return encode_json(self)

    def leave_out(self, paths: Collection[str], transaction: Transaction) -> None:
        """Take out, also of its row, files that were not installed after all."""
        self.before = [before for before in self.before if before.path not in paths]
        GENERATIONS.put(transaction, generation_name(self.number), self)


#: The engine's table of generations: number -> :class:`Generation` as JSON.
GENERATIONS = StateTable(
    "generations",
    Generation.decode,
    Generation.encode,
    lambda name: f"generation {name.lstrip('0')} cannot be restored; if its event was interrupted, signal it again",
    lambda name, generation: name == generation_name(generation.number),
)


def list_generations(snapshot: Snapshot) -> list[Generation]:
    """Return the generations that are kept, the newest first."""
    return list(GENERATIONS.rows(snapshot).values())[::-1]


def generations_since(number: int, snapshot: Snapshot) -> list[Generation]:
    """Return a generation and those that followed it, the newest first.

    :param number: that of the first one.
    """
    first = generation_name(number)
    found = [GENERATIONS.read(name, row) for name, row in snapshot.states(GENERATIONS.name) if name >= first]
    return [generation for generation in found if generation is not None][::-1]


def begin(
    plan: Plan, layout: Layout, store: Store, what: str, services: Mapping[str, list[str]], disk: Disk
) -> Generation | None:
    """Keep what an install is about to replace, and record durably that it begins.

    :param what: the command.
    :param services: the services that read what it changes, each with its service actions.
    :return: the generation; None when the plan changes nothing.
    :raises InstallError: when an old file cannot be kept; no output was changed.
    :raises StoreError: when the store has no space for all that follows; no output was changed.
    """
    if not plan.changed:
        return None
    with store.snapshot() as snapshot:
        generation = new_generation(snapshot, layout, disk, what, plan.command)
        generation.services = dict(services)
        kept = False
        try:
            _keep_all(generation, plan, layout, snapshot, disk)
            kept = True
        finally:
            if not kept:
                forget_kept(layout, disk, generation.number)
    if not generation.before:
        forget_kept(layout, disk, generation.number)
        return None
    try:
        record_begin(generation, store, _bytes_of(generation, plan), _TRANSACTIONS)
    except StoreError as error:
        if not error.is_doubtful:
            forget_kept(layout, disk, generation.number)
        raise
    return generation


def new_generation(snapshot: Snapshot, layout: Layout, disk: Disk, what: str, command: str = "") -> Generation:
    """Return a generation that begins now on this machine; nothing is recorded yet.

    :param what: the command.
    :param command: the same with all of its arguments; "" when it has no others.
    :raises InstallError: when the machine has no name, and none can be made.
    """
    number = newest_number(snapshot) + 1
    generation = Generation(number, what, int(time.time()), snapshot.revision())
    generation.machine, generation.boot, generation.token = make_machine(layout, disk), boot(), new_token()
    author = Author.current([command or what])
    generation.user, generation.sudo_user, (generation.command,) = author.user, author.sudo_user, author.command
    return generation


def close_kept(kept: Directory, generation: Generation) -> None:
    """Make durable what was kept, and to which install it belongs.

    :raises InstallError: when that is not possible.
    """
    try:
        mark_unfinished(kept, generation.token)
        kept.sync()
    except OSError as error:
        raise trouble(kept.path, error) from error


def record_begin(generation: Generation, store: Store, size: int, transactions: int) -> None:
    """Record durably that an install begins. It is the last step that may fail for want of space.

    :param size: how much is written to the store until its end, in bytes.
    :param transactions: in how many transactions.
    :raises StoreError: when there is no space for all of that.
    """
    store.reserve(size, transactions)
    with store.transaction(Author.current([generation.what])) as transaction:
        GENERATIONS.put(transaction, generation_name(generation.number), generation)


def _keep_all(generation: Generation, plan: Plan, layout: Layout, snapshot: Snapshot, disk: Disk) -> None:
    from esmith.fragments.rendering import Kind
    from esmith.plan.output import Difference

    kept = make_kept(layout, disk, generation.number)
    known: dict[str, Listed | None] = {}
    for index, output in enumerate(plan.changed):
        installed = resolved(snapshot, OUTPUTS.get(snapshot, output.path), known)
        with plan.leaving(output):
            before = keep(output, disk, kept, str(index))
            before.remember(installed)
            if output.difference is not Difference.ATTRIBUTES:
                is_absent = output.rendering.kind is Kind.ABSENT
                before.new = "" if is_absent else digest_of(output.rendering.content)
                before.mark = output.staged.mark if output.staged is not None else ""
            generation.before.append(before)
    for path, listed in plan.listed.items():
        from esmith.plan.remembered import made_as_of

        former = LISTED.get(snapshot, path)
        if former is not None and former.inputs != listed.inputs:
            generation.keys |= {path: revision} if (revision := made_as_of(former.inputs)) is not None else {}
    close_kept(kept, generation)


def _bytes_of(generation: Generation, plan: Plan) -> int:
    """Return how much an event writes to the store: the generation, at its end once more, the rows new and restored.

    What was not there has no row to restore.
    """
    outputs = [output for output in plan.outputs if not output.rendering.recalled]
    texts = [text for output in outputs for text in (output.path, output.inputs, output.rendering.template.path)]
    texts += [
        text
        for path, listed in plan.listed.items()
        for text in (path, *listed.texts, *listed.keys, *listed.keys.values())
    ]
    restored = [before.row for before in generation.before if before.row is not None]
    rows = len(outputs) + len(plan.listed) + len(restored)
    return 2 * len(generation.encode()) + sum(map(len, texts)) + sum(map(len, restored)) + _ROW_BYTES * rows


def finish(
    generation: Generation, layout: Layout, store: Store, also: Also | None = None, *, keep_since: int | None = None
) -> None:
    """Record that everything that belongs to an install is done, and forget generations beyond the last ones.

    That is one transaction: when it fails the install is not complete, and the caller restores it.

    :param also: what else is to be written in the same transaction.
    :param keep_since: the first generation that must not be forgotten.
    :raises StoreError: when the store cannot be written.
    """
    with store.transaction(Author.current([generation.what])) as transaction:
        if not is_recorded(generation, transaction):
            raise StoreError(
                f"the files of {generation.what} were taken back by another command while it ran",
                hint="what an action starts may signal events only until the action ends; signal the event again",
            )
        record_complete(generation, transaction)
        old = sorted(list_numbers(transaction))[:-KEPT]
        outdated = [number for number in old if keep_since is None or number < keep_since]
        for number in outdated:
            GENERATIONS.put(transaction, generation_name(number), None)
        if also is not None:
            also(transaction)
    generation.complete = True
    disk = layout.disk()
    mark_finished(layout, disk, generation.number, generation.token)
    for number in outdated:
        forget_kept(layout, disk, number)


def is_recorded(generation: Generation, snapshot: Snapshot) -> bool:
    """Return whether an install is still recorded; another one may have its number since."""
    row = GENERATIONS.get(snapshot, generation_name(generation.number))
    return row is not None and row.token == generation.token


def newest_number(snapshot: Snapshot) -> int:
    """Return the number of the last install; 0 when there is none."""
    return max(list_numbers(snapshot), default=0)


def forget_generation(generation: Generation, transaction: Transaction) -> None:
    """Forget a generation; its kept files are removed by :func:`esmith.apply.kept.forget_kept` when that is stored."""
    GENERATIONS.put(transaction, generation_name(generation.number), None)


def record_complete(generation: Generation, transaction: Transaction) -> None:
    """Record that everything that belongs to an install is done."""
    GENERATIONS.put(transaction, generation_name(generation.number), replace(generation, complete=True))


def mark_interrupted(transaction: Transaction, number: int, what: str) -> list[Generation]:
    """Record that an install and those that followed it are to be taken back: if this is interrupted, it is finished.

    :param number: the number of the first install.
    :param what: the command that takes them back.
    :return: the installs.
    """
    installs = generations_since(number, transaction)
    for install in installs:
        GENERATIONS.put(
            transaction, generation_name(install.number), replace(install, complete=False, what=what, command="")
        )
    return installs


def list_interrupted(snapshot: Snapshot, *, after: int = 0) -> list[Generation]:
    """Return the installs that were not completed, the newest first: an event runs now, or was killed.

    :param after: only installs with higher numbers.
    """
    # A generation may have thousands of files: those that are complete are not even decoded, nor is that of the event
    # that runs, which looks after each of its actions.
    last = generation_name(after)
    rows = [(name, row) for name, row in snapshot.states(GENERATIONS.name) if name > last and _COMPLETE not in row]
    found = [GENERATIONS.read(name, row) for name, row in rows]
    return [generation for generation in found if generation is not None and not generation.complete][::-1]


def list_numbers(snapshot: Snapshot) -> list[int]:
    """Return the numbers of the generations, also of damaged ones."""
    return [int(name) for name in GENERATIONS.names(snapshot) if name.isascii() and name.isdecimal()]


def generation_name(number: int) -> str:
    """Return the name of a generation's row."""
    return f"{number:012d}"
