"""``config describe``, ``config list`` and ``config search``: what the settings are, and which are not as shipped."""

from __future__ import annotations

import shlex

from esmith.cli.output import complain, print_lines, print_report
from esmith.environment import layer_of_commands
from esmith.errors import ExitCode, UsageError
from esmith.explain.described import Descriptions
from esmith.explain.listed import Listed, Listing
from esmith.store import is_flat, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.cli.targets import Options
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

CHANGED = "--changed"
#: The verbs, each with its operands as a wrong call shows them.
OPERANDS = {
    "describe": "key [prop]",
    "list": "[--changed]",
    "search": "word ...",
    "edit": "key",
}
_MOST_OPERANDS = {"describe": 2, "list": 1, "edit": 1}
#: So many operands ``describe`` has when the database is named behind it.
_WITH_DATABASE = 3


def run_verb(program: str, layout: Layout, database: str, name: str, operands: list[str], options: Options) -> int:
    """Run one of the verbs that the original does not have, and return the exit code.

    :param program: ``db`` or ``config``.
    :param name: the verb.
    :param options: those of the command.
    :raises UsageError: when the operands are wrong, or the database is a text file.
    """
    json_asked = options.json or "--json" in operands and name != "search"
    operands = [word for word in operands if word != "--json" or name == "search"]
    if name == "describe" and len(operands) == _WITH_DATABASE and not is_flat(database):
        # One that names a database has its own message; that they are too many comes after it.
        with open_store(layout).snapshot() as snapshot:
            _require_no_database(snapshot, Descriptions(layout, snapshot), database, operands)
    require_operands(name, operands)
    if is_flat(database):
        raise UsageError(f"{name} is for the databases of the store", hint="a text file has no schema")
    if name == "edit":
        from esmith.cli.edit import edit

        layer = options.layer or layer_of_commands()
        return edit(program, layout, database, operands[0], as_json=json_asked, force=options.force, layer=layer)
    with open_store(layout).snapshot() as snapshot:
        descriptions = Descriptions(layout, snapshot)
        if name == "describe":
            _require_no_database(snapshot, descriptions, database, operands)
        if database not in _databases(snapshot, descriptions):
            return _nothing(program, snapshot, database, [])
        if name == "describe":
            return _describe(program, layout, snapshot, descriptions, database, operands, as_json=json_asked)
        listing = Listing(layout, snapshot, descriptions.schema, database)
        found = listing.all(only_changed=bool(operands)) if name == "list" else listing.matching(operands)
        return _show(program, list(found), as_json=json_asked, with_help=name == "search")


def _databases(snapshot: Snapshot, descriptions: Descriptions) -> set[str]:
    return {*snapshot.databases(), *descriptions.schema.databases()}


def _require_no_database(snapshot: Snapshot, descriptions: Descriptions, database: str, operands: list[str]) -> None:
    """Require the first operand of ``describe`` not to be a database, which stands before the verb.

    :raises UsageError: when it is one; with the command that was meant.
    """
    first, *rest = operands
    if not rest or first not in _databases(snapshot, descriptions):
        return
    if len(rest) > 1 or not descriptions.is_known(database, first):
        words = ["config", "describe"] if first == "configuration" else ["db", first, "describe"]
        raise UsageError(
            f"{first} is a database, which is named before the verb", hint=f"run: {shlex.join([*words, *rest])}"
        )


def require_operands(name: str, operands: list[str]) -> None:
    """Require the operands of a verb to be complete.

    :raises UsageError: when they are not; the message shows how it is called.
    """
    most = _MOST_OPERANDS.get(name, len(operands))
    is_right = len(operands) <= most and (name == "list" or (bool(operands) and bool(operands[0])))
    if not is_right or (name == "list" and operands not in ([], [CHANGED])):
        raise UsageError(f"usage: db DATABASE {name} {OPERANDS[name]}")


def _nothing(program: str, snapshot: Snapshot, database: str, operands: list[str]) -> int:
    from esmith.cli.missing import what_is_missing

    complain(program, what_is_missing(snapshot, database, operands))
    return ExitCode.FAILED


def _describe(
    program: str,
    layout: Layout,
    snapshot: Snapshot,
    descriptions: Descriptions,
    database: str,
    operands: list[str],
    *,
    as_json: bool,
) -> int:
    from esmith.cli.explain_lines import setting_lines
    from esmith.explain.settings import SettingExplainer
    from esmith.services.definition import Services

    key, prop = operands[0], operands[1] if len(operands) > 1 else None
    if not descriptions.is_known(database, key):
        return _nothing(program, snapshot, database, [key])
    record = descriptions.record_schema(database, key)
    if prop and prop not in descriptions.properties(database, key) and (record is None or not record.property(prop)):
        return _nothing(program, snapshot, database, [key, prop])
    data = SettingExplainer(layout, snapshot, descriptions, Services(layout)).describe(database, key, prop)
    if as_json:
        _print_json(data)
    else:
        print_report(setting_lines(data), cures=True)
    return ExitCode.OK


def _show(program: str, found: list[Listed], *, as_json: bool, with_help: bool) -> int:
    if as_json:
        _print_json([one.data() for one in found])
    else:
        print_report(_line(one) + (f": {one.help}" if with_help and one.help else "") for one in found)
        if with_help and not found:
            complain(program, "nothing is found")
    # As grep does: a search that finds nothing exits with 1, a list of nothing does not.
    return ExitCode.OK if found or not with_help else ExitCode.FAILED


def _line(one: Listed) -> str:
    name = " ".join(filter(None, (one.key, one.prop)))
    if one.value is None and one.reads_as is None and not one.changed:
        # A record as a whole, or what a record may hold and does not.
        default = f" (default {one.default or '(empty)'})" if one.default is not None else ""
        return f"{name}{default}"
    shown = "(not set)" if one.value is None else one.value or "(empty)"
    notes = [f"read as {one.reads_as or '(empty)'}"] if one.reads_as is not None else []
    if one.changed:
        notes.append(_beside(one))
    return f"{name} = {shown}" + (f"  ({', '.join(notes)})" if notes else "")


def _beside(one: Listed) -> str:
    if not one.known:
        return "no schema file knows it"
    return "no default" if one.default is None else f"default {one.default or '(empty)'}"


def _print_json(data: Any) -> None:
    from esmith.cli.json_output import json_text

    print_lines([json_text(data)])
