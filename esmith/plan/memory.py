"""Remembering what each output was made of, so that an event expands only what may have changed.

What is remembered is in docs/concepts.md#what-a-file-depends-on.
An output is recalled instead of expanded when everything it was made of is the same: its fragments and metadata
(path, size, times, inode), the properties, records, accounts and files it read, the programs whose versions it asked
for, the schema files whose defaults it could read (:class:`~esmith.schema.defaults.RecordDefaults`), and the output
itself on the disk. While a database has had no revision since, its properties are not even looked at.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import stat
import time
from collections.abc import Iterator
from typing import Any

from esmith.errors import TemplateError
from esmith.fragments.identity import User
from esmith.fragments.metadata import Metadata
from esmith.fragments.programs import find_program
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Kind, Rendering
from esmith.fragments.tree import Template
from esmith.plan.installed import OUTPUTS, Installed

#: Two changes of a file within one tick of the file system's clock look like one, so what is younger is not trusted.
_TRUSTED_AGE_NS = 1_000_000_000
_DIGEST_BYTES = 12
#: What is remembered of an output besides properties; older versions did not remember all of it.
_HEAD = frozenset(
    ("kind", "mode", "owner", "group", "warnings", "template", "templates")
    + ("revisions", "listings", "names", "files", "programs", "schemas", "users")
)
_KINDS = frozenset(kind.value for kind in Kind)
_MODES = 0o7777
#: What was remembered of something that was read, and what is there now; None for a missing value.
_Pair = tuple[str | None, str | None]


class Memory:
    """What is remembered, for one plan.

    :param renderer: whose outputs are remembered; it asks this memory first.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._snapshot = renderer.snapshot
        self._signatures: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._listings: dict[str, str] = {}
        self._revisions: dict[str, int] = {}
        self._outputs: dict[str, list[str]] | None = None
        self._newest = 0
        self._started = time.time_ns()

    def recall(self, path: str, template: Template, metadata: Metadata) -> Rendering | None:
        """Return what an output should be when that is certain; None when it has to be expanded."""
        installed = OUTPUTS.get(self._snapshot, path)
        known = _head_of(installed) if installed is not None else None
        if installed is None or known is None:
            return None
        rendering = Rendering(path, template, metadata, Kind(known["kind"]), recalled=True)
        rendering.mode, rendering.owner, rendering.group = known["mode"], known["owner"], known["group"]
        rendering.warnings = known["warnings"]
        if known["template"] != self._signature(template, metadata, known["templates"]):
            return None
        if not self._is_in_place(rendering, installed) or not self._same_reads(known, installed):
            return None
        return rendering

    def recall_all(self, template: Template, metadata: Metadata) -> list[Rendering] | None:
        """Return the outputs of a template that makes one for each key, when all are certain to be as they should be.

        What the keys are made of is among what each of the outputs read, so there is none besides them.

        :return: None when something has to be expanded.
        """
        found = [self.recall(path, template, metadata) for path in self.outputs_of(template.path)]
        recalled = [rendering for rendering in found if rendering is not None]
        return recalled if recalled and len(recalled) == len(found) else None

    def outputs_of(self, path: str) -> list[str]:
        """Return the outputs of a template that were installed.

        :param path: the template's path.
        """
        if self._outputs is None:
            self._outputs = {}
            for name, installed in OUTPUTS.rows(self._snapshot).items():
                self._outputs.setdefault(installed.template, []).append(name)
        return self._outputs.get(path, [])

    def inputs(self, rendering: Rendering) -> str:
        """Return what to remember of an expanded output; only the templates in it when it cannot be recalled.

        What has a fragment or metadata in Perl cannot: Perl may read anything.
        """
        engines, reads = {choice.engine for _, choice in rendering.engines}, rendering.reads
        templates = json.dumps({"templates": sorted(reads.templates)}) if reads.templates else ""
        if rendering.beside or rendering.metadata.by_perl or "perl" in engines:
            return templates
        signature = self._signature(rendering.template, rendering.metadata, sorted(reads.templates))
        files = {path: self._file(path) for path in sorted(reads.files)}
        programs = {name: self._program(name) for name in sorted(reads.programs)}
        schemas = {path: self._file_mark(self._renderer.layout.under(path)) for path in sorted(reads.schemas)}
        if self._newest > self._started - _TRUSTED_AGE_NS:
            return templates
        head = {
            "kind": rendering.kind.value,
            "mode": rendering.mode,
            "owner": rendering.owner,
            "group": rendering.group,
            "warnings": rendering.warnings,
            "template": signature,
            "templates": sorted(reads.templates),
            "revisions": {database: self._revision(database) for database in sorted(reads.databases())},
            "listings": {spec: self._listing(spec) for spec in sorted(map(":".join, reads.listings))},
            "names": [[*place, self._names(*place)] for place in sorted(reads.names)],
            "files": files,
            "programs": programs,
            "schemas": schemas,
            "users": {name: _user(user) for name, user in sorted(reads.users.items())},
        }
        props = [[*cell, _digest(value)] for cell, value in reads.props.items()]
        return f"{json.dumps(head)}\n{json.dumps(props)}"

    def _is_in_place(self, rendering: Rendering, installed: Installed) -> bool:
        if rendering.kind is Kind.LEFT:
            return True
        target = self._renderer.layout.under(rendering.path)
        try:
            status = os.lstat(target)
        except OSError:
            return rendering.kind is Kind.ABSENT
        if rendering.kind is Kind.ABSENT or not installed.is_untouched(status):
            return False
        if rendering.kind is Kind.SYMLINK:
            return True
        identities = self._renderer.identities
        owner = identities.user_id(rendering.owner), identities.group_id(rendering.group)
        same_owner = os.geteuid() != 0 or owner == (status.st_uid, status.st_gid)
        return same_owner and stat.S_IMODE(status.st_mode) == rendering.mode

    def _same_reads(self, known: dict[str, Any], installed: Installed) -> bool:
        """Return whether everything that an output read is as it was, the databases that have a new revision first."""
        changed = {name for name, number in known["revisions"].items() if number != self._revision(name)}
        reads = (
            self._listing_reads(known, changed),
            self._name_reads(known, changed),
            self._prop_reads(installed.inputs.partition("\n")[2], changed),
            self._file_reads(known),
            self._program_reads(known),
            self._schema_reads(known),
            self._user_reads(known),
        )
        return all(before == now for before, now in itertools.chain.from_iterable(reads))

    # Each yields what was remembered and what is there now.

    def _listing_reads(self, known: dict[str, Any], changed: set[str]) -> Iterator[_Pair]:
        for spec, digest in known["listings"].items():
            if spec.partition(":")[0] in changed:
                yield digest, self._listing(spec)

    def _name_reads(self, known: dict[str, Any], changed: set[str]) -> Iterator[_Pair]:
        for database, key, digest in known["names"]:
            if database in changed:
                yield digest, self._names(database, key)

    def _prop_reads(self, props: str, changed: set[str]) -> Iterator[_Pair]:
        # They are many, and not even parsed when no database changed.
        rows = _props_of(props) if changed else []
        if rows is None:
            yield "damaged", None
        for database, key, prop, digest in rows or ():
            if database in changed:
                yield digest, _digest(self._snapshot.prop(database, key, prop))

    def _file_reads(self, known: dict[str, Any]) -> Iterator[_Pair]:
        for path, mark in known["files"].items():
            yield mark, self._file(path)

    def _program_reads(self, known: dict[str, Any]) -> Iterator[_Pair]:
        for name, mark in known["programs"].items():
            yield mark, self._program(name)

    def _schema_reads(self, known: dict[str, Any]) -> Iterator[_Pair]:
        for path, mark in known["schemas"].items():
            yield mark, self._file_mark(self._renderer.layout.under(path))

    def _user_reads(self, known: dict[str, Any]) -> Iterator[_Pair]:
        for name, text in known["users"].items():
            yield text, _user(self._renderer.identities.user(name))

    def _signature(self, template: Template, metadata: Metadata, others: list[str]) -> str:
        """Return the digest of a template's files and of those of the templates it expands inside."""
        parts = [self._files_signature(template, metadata)]
        for path in others:
            try:
                other = self._renderer.metadata.find(path)
            except TemplateError:
                parts.append("gone")
            else:
                parts.append(self._files_signature(other, self._renderer.metadata.of(other)))
        return parts[0] if len(parts) == 1 else _digest("\n".join(parts)) or ""

    def _files_signature(self, template: Template, metadata: Metadata) -> str:
        if template.path not in self._signatures:
            fragments = [f"{fragment.path} {self._file_mark(fragment.path)}" for fragment in template.fragments]
            sources = [f"{path} {self._file_mark(path)}" for path in sorted(set(metadata.sources.values()))]
            self._signatures[template.path] = _digest("\n".join([*fragments, "", *sources])) or ""
        return self._signatures[template.path]

    def _file(self, path: str) -> str:
        """Return what was seen of a file, a directory, or the matches of a pattern."""
        layout = self._renderer.layout
        if not any(mark in path for mark in "*?["):
            return self._file_mark(layout.under(path))
        place = f"matches of {path}"
        if place not in self._seen:
            self._seen[place] = _digest("\n".join(layout.matching(path))) or ""
        return self._seen[place]

    def _program(self, name: str) -> str:
        """Return what was seen of a program: where it is, and which file that is."""
        if name not in self._seen:
            try:
                path = find_program(name)
            except ValueError:
                return "no name"
            self._seen[name] = f"{path} {self._file_mark(path)}" if path else ""
        return self._seen[name]

    def _file_mark(self, path: str) -> str:
        """Return what was seen of a file of this disk. It is looked at once.

        What was read of it may be kept for later outputs (:mod:`esmith.fragments.kept`). If it is removed in between,
        these were still made of what it was.
        """
        if path not in self._seen:
            self._seen[path] = self._look_at(path)
        return self._seen[path]

    def _look_at(self, path: str) -> str:
        try:
            status = os.stat(path)
        except OSError as error:
            return str(error.errno)
        except ValueError:
            return "no path"
        self._newest = max(self._newest, status.st_mtime_ns, status.st_ctime_ns)
        return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"

    def _listing(self, spec: str) -> str:
        if spec not in self._listings:
            database, _, type = spec.partition(":")
            keys = "\n".join(record.key for record in self._snapshot.records(database, type or None))
            self._listings[spec] = _digest(keys) or ""
        return self._listings[spec]

    def _names(self, database: str, key: str) -> str:
        """Return the digest of the names of a record's properties."""
        record = self._snapshot.record(database, key)
        return _digest("\n".join(record.props if record else [])) or ""

    def _revision(self, database: str) -> int:
        if database not in self._revisions:
            self._revisions[database] = self._snapshot.revision(database)
        return self._revisions[database]


def included(installed: Installed) -> list[str]:
    """Return the other templates that were expanded inside an output, as far as that is remembered."""
    head = _loaded(installed.inputs.partition("\n")[0])
    templates = head.get("templates") if isinstance(head, dict) else None
    return [path for path in templates if isinstance(path, str)] if isinstance(templates, list) else []


def saw_other(installed: Installed, cell: tuple[str, str, str], today: str | None) -> bool:
    """Return whether an output was made from a property, as far as that is remembered, when its value was not today's.

    :param cell: database, key and property.
    :param today: the value now, None for none.
    """
    seen = {tuple(row[:3]): row[3] for row in _props_of(installed.inputs.partition("\n")[2]) or ()}
    return seen.get(cell) not in (None, _digest(today))


def reads_of(installed: Installed) -> set[tuple[str, str, str]] | None:
    """Return the cells that an output was made from: database, key, property; None when that is not remembered."""
    rows = _props_of(installed.inputs.partition("\n")[2])
    return None if rows is None else {(database, key, prop) for database, key, prop, _ in rows}


def _head_of(installed: Installed) -> dict[str, Any] | None:
    """Return what an output was made of besides properties; None when that is not remembered, or damaged.

    Such an output is expanded, and remembered as it should be then. The checks are few and fast: an event reads
    thousands of them.
    """
    head = installed.inputs.partition("\n")[0]
    known = _loaded(head)
    if not isinstance(known, dict) or not known.keys() >= _HEAD or "\\u0000" in head:
        return None
    texts = [known["kind"], known["owner"], known["group"], known["template"]]
    lists = [known["warnings"], known["templates"]]
    marks = [known["listings"], known["files"], known["programs"], known["schemas"], known["users"], known["revisions"]]
    is_whole = (
        type(known["mode"]) is int
        and 0 <= known["mode"] <= _MODES
        and set(map(type, [*lists, known["names"]])) == {list}
        and set(map(type, marks)) == {dict}
        and set(map(type, itertools.chain(texts, *lists))) == {str}
        and known["kind"] in _KINDS
        and all(type(row) is list and len(row) == 3 and set(map(type, row)) == {str} for row in known["names"])
    )
    return known if is_whole else None


def _props_of(text: str) -> list[list[Any]] | None:
    """Return the properties an output was made of, each with a digest; None when that is not remembered, or damaged."""
    rows = _loaded(text)
    is_whole = isinstance(rows, list) and all(
        type(row) is list and len(row) == 4 and set(map(type, row[:3])) == {str} for row in rows
    )
    return rows if is_whole else None


def _loaded(text: str) -> Any:
    """Return what a text of JSON says; None when it is none, or damaged."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _user(user: User | None) -> str:
    return "" if user is None else f"{user.uid}:{user.gid}:{user.home}:{user.shell}"


def _digest(text: str | None) -> str | None:
    """Return a digest, so that secrets are not written down once more; None for a missing value."""
    if text is None:
        return None
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_DIGEST_BYTES).hexdigest()
