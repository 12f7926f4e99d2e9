"""Remembering what each output was made of, so that an event expands only what may have changed.

What is remembered is in docs/concepts.md#what-a-file-depends-on.
An output is recalled instead of expanded when everything it was made of is the same: its fragments and metadata
(path, size, times, inode), the properties, records, accounts and files it read, the programs whose versions it asked
for, the schema files whose defaults it could read (:class:`~esmith.schema.defaults.RecordDefaults`), and the output
itself on the disk. While a database has had no revision since, its properties are not even looked at.
What the keys of a template with ``outputs`` were made of is remembered once (:mod:`esmith.plan.listed`), and not with
each of its outputs: each of these is recalled by what was read for it alone.
"""

from __future__ import annotations

import os
import stat

from esmith.errors import TemplateError
from esmith.fields import replace
from esmith.fragments.reads import Reads
from esmith.fragments.rendering import Kind, Rendering
from esmith.plan.installed import OUTPUTS, Installed
from esmith.plan.listed import LISTED, Listed, common_of, is_common, kept_common
from esmith.plan.remembered import digest, head_of, listing_digest, names_digest, props_of, templates_text, text_of
from esmith.plan.seen import Seen
from esmith.plan.since import Since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.fragments.identity import User
    from esmith.fragments.metadata import Metadata
    from esmith.fragments.render import Renderer
    from esmith.fragments.tree import Template
    from esmith.plan.output import Output
    from esmith.plan.seen import LookedAt

_KINDS = {kind.value: kind for kind in Kind}


class Memory:
    """What is remembered, for one plan.

    :param renderer: whose outputs are remembered; it asks this memory first.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._snapshot = renderer.snapshot
        self._signatures: dict[str, str] = {}
        self._whole_signatures: dict[tuple[str, ...], str] = {}
        self._compared: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._listed: dict[str, Listed | None] = {}
        self._used: dict[str, set[str]] = {}
        self._listings: dict[str, str] = {}
        self._revisions: dict[str, int] = {}
        self._rows: dict[str, Installed] | None = None
        self._outputs: dict[str, list[str]] = {}
        self._files = Seen(renderer.layout)
        self._since = Since(renderer.snapshot)
        self._uncertain = False
        #: What was read for an output that is recalled is not known; there may be ten thousands of these.
        self._nothing = Reads()

    def recall(self, path: str, template: Template, metadata: Metadata, key: str | None) -> Rendering | None:
        """Return what an output should be when that is certain; None when it has to be expanded.

        :param key: the record or key it is for, None for none.
        """
        installed = self._installed(path, is_one_of_many=key is not None)
        if installed is None:
            return None
        known = self._same(template, metadata, installed.inputs)
        if known is None:
            return None
        if metadata.key and known["of"] != key:
            # Another record may stand for itself under a name that one had before.
            return None
        kind, warnings = _KINDS[known["kind"]], list(known["warnings"])
        rendering = Rendering(path, template, metadata, kind, own=self._nothing, warnings=warnings, recalled=True)
        rendering.mode, rendering.owner, rendering.group = known["mode"], known["owner"], known["group"]
        if not self._is_in_place(rendering, installed):
            return None
        self._used.setdefault(template.path, set()).add(installed.inputs)
        return rendering

    def recall_keys(self, template: Template, metadata: Metadata) -> tuple[dict[str, str], list[str]] | None:
        """Return the keys of a template with their records, and what their making warned of; None when not certain."""
        listed = self._before(template.path)
        known = self._same(template, metadata, listed.inputs) if listed is not None else None
        return None if listed is None or known is None else (listed.keys, known["warnings"])

    def listed(self, path: str, outputs: list[Output]) -> dict[str, Listed]:
        """Return what to remember of a template with keys, by its path; nothing where it is as it was.

        What several outputs were made of is taken out of what is remembered of each.

        :param outputs: all of its outputs.
        """
        template, _ = self._renderer.find(path)
        before, made = self._before(template.path), self._renderer.listed.get(template.path)
        if made is None and (before is None or all(output.rendering.recalled for output in outputs)):
            return {}
        shared = common_of(output.inputs for output in outputs)
        for output in outputs:
            output.inputs = shared.get(output.inputs, output.inputs)
        common = kept_common(shared, before, self._used.get(template.path, set()))
        if made is not None:
            return {template.path: Listed(self.inputs(made[0]), made[1], common)}
        return {} if before is None else {template.path: replace(before, common=common)}

    @property
    def looked_at(self) -> LookedAt | None:
        """What the plan depends on besides the databases and accounts; None when something of it cannot be recalled."""
        return None if self._uncertain else self._files.looked_at

    def _before(self, path: str) -> Listed | None:
        """Return what was remembered of a template with keys."""
        if path not in self._listed:
            self._listed[path] = LISTED.get(self._snapshot, path)
        return self._listed[path]

    def _resolved(self, path: str, inputs: str) -> str:
        """Return what an output of a template was made of, as far as that is remembered in the row of the template."""
        before = self._before(path)
        return before.resolved(inputs) if before is not None else ""

    def _same(self, template: Template, metadata: Metadata, inputs: str) -> dict[str, Any] | None:
        """Return what an output or the keys of a template were made of when that is as it was, else None.

        The outputs for a thousand keys are often made of the very same; what only one is made of is asked for once.
        """
        if not is_common(inputs):
            return self._compared_now(template, metadata, inputs)
        place = template.path, inputs
        if place not in self._compared:
            self._compared[place] = self._compared_now(template, metadata, self._resolved(template.path, inputs))
        return self._compared[place]

    def _compared_now(self, template: Template, metadata: Metadata, inputs: str) -> dict[str, Any] | None:
        known = head_of(inputs)
        is_same = (
            known is not None
            and known["signature"] == self._signature(template, metadata, known["templates"])
            and self._same_reads(known, inputs)
        )
        return known if is_same else None

    def outputs_of(self, path: str) -> list[str]:
        """Return the outputs of a template that were installed.

        :param path: the template's path.
        """
        self._all_rows()
        return self._outputs.get(path, [])

    def _installed(self, path: str, *, is_one_of_many: bool) -> Installed | None:
        """Return what was remembered of an output.

        :param is_one_of_many: its template makes others as well, which will be asked for: all are read at once.
        """
        if is_one_of_many or self._rows is not None:
            return self._all_rows().get(path)
        return OUTPUTS.get(self._snapshot, path)

    def _all_rows(self) -> dict[str, Installed]:
        if self._rows is None:
            self._rows = OUTPUTS.rows(self._snapshot)
            for name, installed in self._rows.items():
                self._outputs.setdefault(installed.template, []).append(name)
        return self._rows

    def inputs(self, rendering: Rendering) -> str:
        """Return what to remember of an expanded output; only the templates in it when it cannot be recalled.

        What has a fragment or metadata in Perl cannot: Perl may read anything. What was read for the keys of its
        template is remembered apart (:meth:`listed`).
        """
        engines, reads = {choice.engine for _, choice in rendering.engines}, rendering.own
        if rendering.beside or rendering.metadata.by_perl or "perl" in engines:
            self._uncertain = True
            return templates_text(reads.templates)
        self._uncertain |= not rendering.repeatable
        head = {
            "kind": rendering.kind.value,
            "mode": rendering.mode,
            "owner": rendering.owner,
            "group": rendering.group,
            "warnings": rendering.own_warnings,
            "of": rendering.key if rendering.metadata.key else None,
            "signature": self._signature(rendering.template, rendering.metadata, sorted(reads.templates)),
            "templates": sorted(reads.templates),
            "revisions": {database: self._revision(database) for database in sorted(reads.databases())},
            "listings": {spec: self._listing(spec) for spec in sorted(map(":".join, reads.listings))},
            "names": [[*place, self._names(*place)] for place in sorted(reads.names)],
            "files": {path: self._files.file(path) for path in sorted(reads.files)},
            "programs": {name: self._files.program(name) for name in sorted(reads.programs)},
            "schemas": {path: self._files.schema(path) for path in sorted(reads.schemas)},
            "users": {name: _user(user) for name, user in sorted(reads.users.items())},
        }
        if not self._files.are_settled:
            # Without the signature it is expanded again; a rollback still has to know what was read.
            self._uncertain = True
            del head["signature"]
        return text_of(head, reads)

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

    def _same_reads(self, known: dict[str, Any], inputs: str) -> bool:
        """Return whether everything that an output read is as it was, the databases that have a new revision first."""
        changed = {name: number for name, number in known["revisions"].items() if number != self._revision(name)}
        if changed and not self._same_settings(known, inputs, changed):
            return False
        files = self._files
        return (
            all(mark == files.file(path) for path, mark in known["files"].items())
            and all(mark == files.program(name) for name, mark in known["programs"].items())
            and all(mark == files.schema(path) for path, mark in known["schemas"].items())
            and all(text == _user(self._renderer.identities.user(name)) for name, text in known["users"].items())
        )

    def _same_settings(self, known: dict[str, Any], inputs: str, changed: dict[str, int]) -> bool:
        """Return whether all that an output read of some databases is as it was.

        :param changed: the databases that have a new revision, each with that of before.
        """
        return (
            all(
                before == self._listing(spec)
                for spec, before in known["listings"].items()
                if spec.partition(":")[0] in changed
            )
            and all(
                before == self._names(database, key) for database, key, before in known["names"] if database in changed
            )
            and self._same_props(inputs, changed)
        )

    def _same_props(self, inputs: str, changed: dict[str, int]) -> bool:
        """Return whether the properties that an output read of some databases are as they were."""
        since = self._since
        known = {name: number for name, number in changed.items() if type(number) is int and since.reaches(number)}
        if len(known) == len(changed) and not any(since.may_have_read(inputs, *one) for one in known.items()):
            # They are many, and not even parsed when nothing of them changed.
            return True
        rows = props_of(inputs)
        return rows is not None and all(
            before == digest(self._snapshot.prop(database, key, prop))
            for database, key, prop, before in rows
            if database in changed and (database not in known or since.changed((database, key, prop), known[database]))
        )

    def _signature(self, template: Template, metadata: Metadata, others: list[str]) -> str:
        """Return the digest of a template's files and of those of the templates it expands inside."""
        place = template.path, *others
        if place not in self._whole_signatures:
            self._whole_signatures[place] = self._make_signature(template, metadata, others)
        return self._whole_signatures[place]

    def _make_signature(self, template: Template, metadata: Metadata, others: list[str]) -> str:
        kept, place = self._renderer.kept, (template.path, *others)
        signature = kept.signature(place)
        if signature is None:
            files: set[str] = set()
            signature = self._new_signature(template, metadata, others, files)
            kept.note_signature(place, signature, files)
        return signature

    def _new_signature(self, template: Template, metadata: Metadata, others: list[str], files: set[str]) -> str:
        """Return the digest, and add the files to a set."""
        parts = [self._files_signature(template, metadata, files)]
        for path in others:
            try:
                other = self._renderer.metadata.find(path)
            except TemplateError:
                parts.append("gone")
            else:
                parts.append(self._files_signature(other, self._renderer.metadata.of(other), files))
        return parts[0] if len(parts) == 1 else digest("\n".join(parts)) or ""

    def _files_signature(self, template: Template, metadata: Metadata, files: set[str]) -> str:
        files |= {fragment.path for fragment in template.fragments} | {*metadata.sources.values()}
        if template.path not in self._signatures:
            places = [fragment.path for fragment in template.fragments]
            sources = sorted(set(metadata.sources.values()))
            # By their names in the configured system: the copy of a root may have the very same files by links.
            inside, mark = self._renderer.layout.inside, self._files.mark
            lines = [f"{inside(path)} {mark(path)}" if path else "" for path in (*places, "", *sources)]
            self._signatures[template.path] = digest("\n".join(lines)) or ""
        return self._signatures[template.path]

    def _listing(self, spec: str) -> str:
        if spec not in self._listings:
            self._listings[spec] = listing_digest(self._snapshot, spec)
        return self._listings[spec]

    def _names(self, database: str, key: str) -> str:
        return names_digest(self._snapshot, database, key)

    def _revision(self, database: str) -> int:
        if database not in self._revisions:
            self._revisions[database] = self._snapshot.revision(database)
        return self._revisions[database]


def _user(user: User | None) -> str:
    return "" if user is None else f"{user.uid}:{user.gid}:{user.home}:{user.shell}"
