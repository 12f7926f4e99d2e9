"""``db`` and ``config``: read and change the databases (docs/commands.md#config-and-db).

A script calls these hundreds of times, so nothing is imported that the verb at hand does not need; click only for
the help pages.
"""

from __future__ import annotations

import sys

from esmith.cli.output import complain, leave, print_error, print_lines, remember_root, run
from esmith.cli.verbs import LISTING, VERBS, NothingDone, Verb
from esmith.environment import layer_of_commands
from esmith.errors import BusyError, ExitCode, RefusedError, StoreError, UsageError
from esmith.layout import Layout
from esmith.store import is_flat, open_database

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from esmith.cli.listing import Listed


def main() -> NoReturn:
    """Run ``db`` on the arguments of this process, and end it."""
    leave(run_db())


def config_main() -> NoReturn:
    """Run ``config`` on the arguments of this process, and end it."""
    leave(run_config())


def run_db() -> int:
    """Run ``db`` on the arguments of this process, and return the exit code."""
    return run("db", lambda words: _command("db", words, None))


def run_config() -> int:
    """Run ``config``, which is ``db configuration``, on the arguments of this process, and return the exit code."""
    return run("config", lambda words: _command("config", words, "configuration"))


#: The verbs that the original does not have: its usage message, which scripts compare, is that of the others.
_MORE = ("batch", "describe", "list", "search", "edit")
#: What a second command begins with that was typed on the line of the first.
_JOINED = frozenset(("signal-event", "expand-template"))
#: The options without a word of their own.
FLAGS = ("--force", "--json", "--help", "--trust-owner")


class Options:
    """The options, which come before the first operand of the verb; what follows is taken as it is."""

    #: the layer of a fleet that is written to; "" for the one that each value comes from
    layer = ""
    #: whether ``show`` says which layer of a fleet each value comes from
    layers = False

    def __init__(self) -> None:
        self.root: str | None = None
        self.trust_owner = False
        self.force = False
        self.json = False
        self.help = False

    def take(self, words: list[str]) -> list[str]:
        """Return the words without the options they begin with."""
        rest = words
        while rest:
            word = rest[0]
            if word in FLAGS:
                setattr(self, word[2:].replace("-", "_"), True)
                rest = rest[1:]
            elif word == "--root":
                if len(rest) < 2:
                    raise UsageError("--root needs a directory")
                self.root, rest = rest[1], rest[2:]
            elif not word.startswith("--"):
                break
            elif word.startswith("--root="):
                self.root, rest = word[7:], rest[1:]
            elif word == "--layers":
                self.layers, rest = True, rest[1:]
            else:
                from esmith.cli.targets import take

                taken = take(rest, self.layer)
                if taken is None:
                    break
                self.layer, rest = taken
        return rest


def _command(program: str, words: list[str], database: str | None) -> int:
    options = Options()
    rest = options.take(words)
    if database is None and rest:
        database, rest = rest[0], options.take(rest[1:])
    name, rest = (rest[0], options.take(rest[1:])) if rest else ("", [])
    verb = VERBS.get(name)
    is_more = verb is None and name in _MORE and bool(database) and (name != "batch" or not rest)
    if options.help:
        from esmith.cli.db_help import show_help

        return show_help(program, name)
    if not database or (verb is None and not is_more):
        if database and name == "apply" and rest:
            from esmith.cli.apply import run_apply
            from esmith.cli.targets import given

            return run_apply(program, database, [*given(options, FLAGS), *rest])
        return _misused(None)
    if verb is not None and not verb.accepts(rest):
        return _misused(verb)
    if verb is not None and verb.pairs_from is not None and not (options.force or _JOINED.isdisjoint(rest)):
        from esmith.cli.refusing import refuse_joined

        refuse_joined(program, words, rest)
    layout = _layout_of(program, options)
    if options.layer or options.layers:
        from esmith.cli.targets import require_use

        require_use(layout, database, name, rest, options)
    if verb is None and name != "batch":
        from esmith.cli.more_verbs import run_verb

        return run_verb(program, layout, database, name, rest, options)
    if verb is None:
        return _batch(layout, database, options, [program, *words])
    if verb.read is not None:
        return _read(program, layout, database, verb, rest, options)
    return _write(layout, database, verb, rest, options, [program, *words])


def _misused(verb: Verb | None) -> int:
    from esmith.cli.refusing import usage, usage_line

    print_error(usage() if verb is None else usage_line(verb))
    return ExitCode.USAGE


def _layout_of(program: str, options: Options) -> Layout:
    """Return the root that was chosen, and remember for messages that it was."""
    if options.trust_owner:
        from esmith.cli.trusting import trust_owner

        trust_owner(options.root, lambda text: complain(program, text))
    if options.root is not None:
        remember_root(options.root)
    return Layout.chosen(options.root)


def _batch(layout: Layout, database: str, options: Options, command: list[str]) -> int:
    """Do the commands of standard input, all or none."""
    from esmith.cli.batch import commands_of, do_all, read_input

    commands = commands_of(read_input())
    all_of_them = Verb("batch", "", "", write=lambda *given: do_all(commands, *given[:3]))
    return _write(layout, database, all_of_them, [], options, command)


def _read(program: str, layout: Layout, database: str, verb: Verb, operands: list[str], options: Options) -> int:
    assert verb.read is not None
    if options.layers:
        from esmith.cli.fleet.show_layers import show_layers

        return show_layers(program, layout, database, operands[0], as_json=options.json)
    store, database = open_database(layout, database)
    lines: list[str] | None = []
    listed: Listed | None = None
    try:
        with store.snapshot() as snapshot:
            if options.json:
                from esmith.cli.json_output import records_json

                lines = records_json(snapshot, database, verb.name, operands)
            elif verb.name in LISTING and not operands:
                from esmith.cli.listing import Listed

                listed = Listed(snapshot, database, verb.name)
                lines = None if listed.is_empty else []
            else:
                lines = verb.read(snapshot, database, operands)
            if lines is None and sys.stderr.isatty():
                from esmith.cli.missing import what_is_missing

                complain(program, what_is_missing(snapshot, database, operands))
    finally:
        store.close()
    if lines is None:
        return ExitCode.FAILED
    if listed is None:
        print_lines(lines)
    else:
        listed.print_rest()
    return ExitCode.OK


def _write(layout: Layout, database: str, verb: Verb, operands: list[str], options: Options, command: list[str]) -> int:
    written = layout, database, verb, operands, options, command
    try:
        outcome, notes = _written(*written)
    except BusyError as busy:
        if not busy.head:
            raise
        from esmith.repeating import repeated

        outcome, notes = repeated(layout, lambda: _written(*written), busy.head)
    if outcome is None:
        return ExitCode.FAILED
    if isinstance(outcome, NothingDone):
        outcome = [f"nothing was changed: {outcome.reason}"] if sys.stderr.isatty() else []
    for hint in outcome:
        complain(command[0], hint)
    for note in notes:
        complain(command[0], note)
    return ExitCode.OK


def _written(
    layout: Layout, database: str, verb: Verb, operands: list[str], options: Options, command: list[str]
) -> tuple[list[str] | NothingDone | None, list[str]]:
    """Do what a verb does in one transaction, and return its outcome, and in which layer of a fleet that was.

    :raises BusyError: when other servers of the fleet changed settings meanwhile; nothing was changed.
    """
    from esmith.schema.load import Schema
    from esmith.schema.remembered import RememberedFiles
    from esmith.store.model import Author

    assert verb.write is not None
    store, database = open_database(layout, database, write=True)
    schema: Schema | None = None
    layer = options.layer or layer_of_commands()
    try:
        with store.transaction(Author.current(command), layer) as transaction:
            remembered = RememberedFiles(transaction)
            schema = None if options.force or is_flat(database) else Schema(layout, remembered)
            transaction.schema = schema
            outcome = verb.write(transaction, schema, database, operands)
            if transaction.count_changes():
                remembered.store(transaction)
            if outcome is None and sys.stderr.isatty():
                from esmith.cli.missing import what_is_missing

                complain(command[0], what_is_missing(transaction, database, operands[:1]))
    except StoreError as error:
        error.add_unchanged()
        raise
    except RefusedError as error:
        from esmith.schema.check import NotAllowedError

        if isinstance(error, NotAllowedError) and schema is not None:
            from esmith.cli.force import forced

            error.hint = f"to store it anyway: {forced(command, operands, Schema(layout), database)}"
        raise
    finally:
        store.close()
    return outcome, transaction.notes
