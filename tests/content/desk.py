"""A desk to try settings at: commands on an open transaction, and what an event would then write. Nothing is kept.

The verbs, the plan and the root are the real ones; only the processes are left out, so that a hundred settings are
tried in a few seconds.
"""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from esmith.checks.check import Subject, examine
from esmith.checks.staged import StagedTree
from esmith.cli.verbs import VERBS
from esmith.events.definition import load_event
from esmith.fragments.rendering import Kind
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.plan.output import Difference, Output
from esmith.plan.plan import Plan, make_plan
from esmith.plan.verdict import Outcome
from esmith.schema.load import Schema
from esmith.store import open_store
from esmith.store.model import Author
from esmith.store.protocol import Snapshot, Transaction
from tests.commands import Root

FORCE = "--force"
EVENT = "email-update"
#: Where the files are that the tables of this folder name.
AREAS = (
    "/var/qmail/control/",
    "/var/qmail/users/",
    "/var/service/qpsmtpd/",
    "/var/service/clamd/",
    "/etc/mail/spamassassin/",
    "/etc/clamd.conf",
    "/etc/freshclam.conf",
    "/etc/php.ini",
)


def _made(plan: Plan) -> dict[str, tuple[object, ...]]:
    """Return what each output of a plan is, and how it differs from the disk."""
    return {
        output.path: (made.kind, made.content, output.mode, made.owner, made.group, made.warnings, output.difference)
        for output in plan.outputs
        for made in [output.rendering]
    }


class _RollbackError(Exception):
    """Ends a transaction without keeping anything."""


class Trial:
    """One open transaction on the office's databases.

    :param desk: where it is.
    :param transaction: the transaction, open for writing.
    """

    def __init__(self, desk: Desk, transaction: Transaction) -> None:
        self._desk = desk
        self.transaction = transaction
        self.done: list[list[str]] = []

    def do(self, commands: str) -> None:
        """Carry out ``config ...`` and ``db DATABASE ...`` commands, one a line, as the programs do."""
        for line in commands.strip().splitlines():
            self.do_words(shlex.split(line))

    def do_words(self, words: list[str]) -> None:
        """Carry out one command that is already split."""
        self.done.append(words)
        schema = None if FORCE in words else self._desk.schema
        program, *rest = (word for word in words if word != FORCE)
        database, verb, *operands = rest if program == "db" else ["configuration", *rest]
        write = VERBS[verb].write
        assert write is not None, f"{verb} does not write"
        assert VERBS[verb].accepts(operands), f"usage: {words}"
        assert write(self.transaction, schema, database, operands) is not None, f"nothing done: {words}"

    def set_back(self) -> None:
        """Set everything back to what it was."""
        for change in self.transaction.changes:
            if change.new is not None and change.old is None and not change.prop:
                self.transaction.delete_record(change.database, change.key)
        for change in sorted(self.transaction.changes, key=lambda change: change.prop):
            if change.old is None:
                self.transaction.delete_prop(change.database, change.key, change.prop)
            elif change.prop:
                self.transaction.set_prop(change.database, change.key, change.prop, change.old)
            else:
                self.transaction.set_type(change.database, change.key, change.old)
        assert self.transaction.changes == []

    def plan(self, *paths: str) -> Plan:
        """Return what :data:`EVENT` would write now below :data:`AREAS`.

        What read nothing that is changed is not expanded again. :meth:`plan_all` shows that it need not be.

        :param paths: expand just these templates.
        """
        return self._desk.plan(self.transaction, paths)

    def plan_all(self) -> Plan:
        """Return the same with everything expanded.

        :raises AssertionError: when something is otherwise then.
        """
        plan = self._desk.plan_all(self.transaction)
        part, whole = _made(self.plan()), _made(plan)
        wrong = sorted(path for path in part.keys() | whole.keys() if part.get(path) != whole.get(path))
        assert not wrong, f"they read nothing that is changed, and are otherwise: {wrong}"
        return plan

    def file(self, path: str) -> str:
        """Return what a file would hold now."""
        (output,) = self.plan(path).outputs
        assert output.rendering.kind is Kind.FILE, f"{path} is not to exist"
        return output.rendering.content.decode()


class Desk:
    """A copy of the office to plan events in.

    :param root: the copy.
    """

    def __init__(self, root: Root) -> None:
        self.layout = Layout(str(root.path))
        self.schema = Schema(self.layout)
        self.store = open_store(self.layout, write=True)
        templates = load_event(self.layout, EVENT, TemplateTree(self.layout)).templates
        self._templates = [path for path in templates if path.startswith(AREAS)]
        #: The outputs of each template of the event, as long as nothing is changed.
        with self.store.snapshot() as snapshot:
            self._at_first = self._by_template(self._plan(snapshot, self._templates))

    @contextmanager
    def trial(self, commands: str = "") -> Iterator[Trial]:
        """Open a transaction, carry out commands in it, and drop it at the end."""
        try:
            with self.store.transaction(Author("tester", "", ["trial"])) as transaction:
                trial = Trial(self, transaction)
                trial.do(commands)
                yield trial
                raise _RollbackError
        except _RollbackError:
            pass

    def plan(self, transaction: Transaction, paths: tuple[str, ...]) -> Plan:
        """Plan some templates, or those of the event; what read nothing that is changed is as it was at first."""
        if paths:
            return self._accepted(self._plan(transaction, paths))
        again = [path for path in self._templates if self._may_differ(path, transaction)]
        plan = self._plan(transaction, again)
        made = self._by_template(plan)
        plan.outputs = [
            output
            for path in self._templates
            for output in (made.get(path, []) if path in again else self._at_first[path])
        ]
        return self._accepted(plan)

    def plan_all(self, transaction: Transaction) -> Plan:
        """Plan the event; everything is expanded."""
        return self._accepted(self._plan(transaction, self._templates))

    def _plan(self, snapshot: Snapshot, paths: Iterable[str]) -> Plan:
        """Return a plan; whatever is remembered of earlier events, all of the paths are expanded."""
        return make_plan(self.layout, snapshot, paths, keep_attributes=True)

    @staticmethod
    def _by_template(plan: Plan) -> dict[str, list[Output]]:
        found: dict[str, list[Output]] = {}
        for output in plan.outputs:
            found.setdefault(output.rendering.template.path, []).append(output)
        return found

    def _may_differ(self, path: str, transaction: Transaction) -> bool:
        """Return whether a template may make something else: it read what is changed, lists records, or runs Perl."""
        renderings = [output.rendering for output in self._at_first.get(path, [])]
        cells = {(change.database, change.key, change.prop) for change in transaction.changes}
        records = {(database, key) for database, key, _ in cells}
        # Only with the type of a record there is another record, or one less.
        listed = {database for database, _, prop in cells if not prop}
        return not renderings or any(
            rendering.metadata.by_perl
            or rendering.metadata.foreach
            or any(choice.engine == "perl" for _, choice in rendering.engines)
            or not cells.isdisjoint(rendering.reads.props)
            or not records.isdisjoint(rendering.reads.names)
            or any(database in listed for database, _ in rendering.reads.listings)
            for rendering in renderings
        )

    def _accepted(self, plan: Plan) -> Plan:
        refused = self._refused(plan)
        assert refused == [], refused
        return plan

    def _refused(self, plan: Plan) -> list[str]:
        """Return what the engine's own checks refuse of a plan: whatever is set, they must accept what comes of it."""
        subjects = [
            Subject(output.path, wanted, "", output.rendering)
            for output in plan.outputs
            if (wanted := output.rendering.metadata.check) and wanted.own and output.rendering.kind is Kind.FILE
        ]
        tree = StagedTree(self.layout, plan.outputs)
        verdicts, _ = examine(subjects, tree)
        return [f"{one.path}: {one.lines}" for one in verdicts if one.outcome is Outcome.REFUSED]


def _copy_file(source: str, target: str) -> str:
    """Copy a file with its times and mode; one of mode 0000, which only root can read, is linked."""
    if os.access(source, os.R_OK):
        return str(shutil.copy2(source, target))
    os.link(source, target)
    return target


@pytest.fixture(scope="session")
def desk(_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a desk with the small office on it, everything expanded."""
    path = tmp_path_factory.mktemp("desk") / "root"
    shutil.copytree(_office, path, symlinks=True, copy_function=_copy_file)
    desk = Desk(Root(path))
    yield desk
    desk.store.close()


#: What one file loses and gains: lines beginning with "-" and "+", and "mode" with the new permissions.
Changes = dict[str, list[str]]


def changes_of(plan: Plan) -> Changes:
    """Return what a plan changes below :data:`AREAS`, line by line."""
    found: Changes = {}
    for output in plan.changed:
        lines: list[str] = []
        if output.difference is not Difference.ATTRIBUTES:
            lines = _line_changes((output.old or b"").decode(), output.rendering.content.decode())
        target = Path(output.target)
        if target.exists() and output.mode != target.stat().st_mode & 0o7777:
            lines.append(f"mode {output.mode:04o}")
        found[output.path] = lines
    return found


def _line_changes(old: str, new: str) -> list[str]:
    before, after = old.splitlines(), new.splitlines()
    lines = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            lines += [f"-{line}" for line in before[a:b]] + [f"+{line}" for line in after[c:d]]
    return lines


@dataclass(frozen=True)
class Case:
    """One row of a table: a setting and all that it changes.

    :param name: the name of the test.
    :param commands: the commands, one a line.
    :param warnings: a part of each warning the administrator gets.
    :param changes: everything the event then changes.
    """

    name: str
    commands: str
    warnings: list[str]
    changes: Changes


def read_cases(path: Path) -> list[Case]:
    """Read a table; ``cases/README.md`` says how it is written."""
    cases = []
    for block in path.read_text().split("\n\n"):
        lines = block.strip("\n").splitlines()
        while lines and lines[0].startswith("#"):
            lines.pop(0)
        if lines:
            cases.append(_read_case(lines))
    return cases


def _read_case(lines: list[str]) -> Case:
    commands, warnings = [], []
    changes: Changes = {}
    for line in lines[1:]:
        if line.startswith("$ "):
            commands.append(line[2:])
        elif line.startswith("! "):
            warnings.append(line[2:])
        elif line.startswith("/"):
            path = line
            changes[path] = []
        else:
            changes[path].append(line)
    return Case(lines[0], "\n".join(commands), warnings, changes)
