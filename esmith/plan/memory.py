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

from esmith.fields import replace
from esmith.fragments.reads import Reads
from esmith.fragments.rendering import Kind, Rendering
from esmith.plan.installed import OUTPUTS, Installed, fingerprint_of
from esmith.plan.listed import LISTED, Listed, common_of, is_common, kept_common
from esmith.plan.now import Now, user_text
from esmith.plan.remembered import templates_text, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
        self._compared: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._listed: dict[str, Listed | None] = {}
        self._used: dict[str, set[str]] = {}
        self._rows: dict[str, Installed] | None = None
        self._outputs: dict[str, list[str]] = {}
        self._now = Now(renderer)
        self._uncertain = False
        self._is_root = os.geteuid() == 0
        #: What was read for an output that is recalled is not known; there may be ten thousands of these.
        self._nothing = Reads()
        #: What the recalled outputs of a template have in common, by its path.
        self._bases: dict[str, dict[str, Any]] = {}

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
        rendering = self._made(path, template, metadata, known)
        if not self._is_in_place(rendering, installed):
            return None
        self._used.setdefault(template.path, set()).add(installed.inputs)
        return rendering

    def _made(self, path: str, template: Template, metadata: Metadata, known: dict[str, Any]) -> Rendering:
        """Return an output as it was; it is made the short way.

        :param known: what is remembered of it.
        """
        base = self._bases.get(template.path)
        if base is None:
            whole = Rendering("", template, metadata, own=self._nothing, recalled=True)
            base = self._bases[template.path] = vars(whole)
        rendering = Rendering.__new__(Rendering)
        fields = rendering.__dict__
        fields.update(base)
        fields["path"], fields["kind"], fields["warnings"] = path, _KINDS[known["kind"]], list(known["warnings"])
        fields["mode"], fields["owner"], fields["group"] = known["mode"], known["owner"], known["group"]
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
        return None if self._uncertain else self._now.files.looked_at

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
            return self._now.same(template, metadata, inputs)
        place = template.path, inputs
        if place not in self._compared:
            self._compared[place] = self._now.same(template, metadata, self._resolved(template.path, inputs))
        return self._compared[place]

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
        if self._rows is not None:
            return self._rows.get(path)
        return self._all_rows().get(path) if is_one_of_many else OUTPUTS.get(self._snapshot, path)

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
            "signature": self._now.signature(rendering.template, rendering.metadata, sorted(reads.templates)),
            "templates": sorted(reads.templates),
            "revisions": {database: self._now.revision(database) for database in sorted(reads.databases())},
            "listings": {spec: self._now.listing(spec) for spec in sorted(map(":".join, reads.listings))},
            "names": [[*place, self._now.names(*place)] for place in sorted(reads.names)],
            "files": {path: self._now.files.file(path) for path in sorted(reads.files)},
            "programs": {name: self._now.files.program(name) for name in sorted(reads.programs)},
            "schemas": {path: self._now.files.schema(path) for path in sorted(reads.schemas)},
            "users": {name: user_text(user) for name, user in sorted(reads.users.items())},
        }
        if not self._now.files.are_settled:
            # Without the signature it is expanded again; a rollback still has to know what was read.
            self._uncertain = True
            del head["signature"]
        return text_of(head, reads)

    def _is_in_place(self, rendering: Rendering, installed: Installed) -> bool:
        kind = rendering.kind
        if kind is Kind.LEFT:
            return True
        try:
            status = os.lstat(self._renderer.layout.under(rendering.path))
        except OSError:
            return kind is Kind.ABSENT
        if kind is Kind.ABSENT or installed.mark != fingerprint_of(status):
            return False
        if kind is Kind.SYMLINK:
            return True
        if stat.S_IMODE(status.st_mode) != rendering.mode:
            return False
        if not self._is_root:
            return True
        user, group = self._renderer.identities.user_id, self._renderer.identities.group_id
        return user(rendering.owner) == status.st_uid and group(rendering.group) == status.st_gid
