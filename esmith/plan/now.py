"""What things are now that outputs were made of, compared with what is remembered of them.

Thousands of outputs of one template read the same but for the record they are for, so the first line of what is
remembered (:mod:`esmith.plan.remembered`) is compared once for each distinct text. Of what each of them has alone, its
properties are looked for among those that changed since (:mod:`esmith.plan.since`).
"""

from __future__ import annotations

from esmith.errors import TemplateError
from esmith.fields import dataclass
from esmith.plan.remembered import (
    digest,
    lines_of,
    listing_digest,
    names_digest,
    own_head,
    props_of,
    rows_at,
    shared_head,
)
from esmith.plan.seen import Seen
from esmith.plan.since import Since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmith.fragments.identity import User
    from esmith.fragments.metadata import Metadata
    from esmith.fragments.render import Renderer
    from esmith.fragments.tree import Template


@dataclass(frozen=True)
class _Shared:
    """What a first line says, where all of it is as it was.

    :param known: what it says.
    :param changed: the databases that have a new revision, each with that of before.
    :param marks: what stands among the properties of an output that may have read one that changed; None when
        that cannot be known without comparing them.
    """

    known: dict[str, Any]
    changed: dict[str, int]
    marks: tuple[str, ...] | None


class Now:
    """What things are now, for one plan; each is looked at once.

    :param renderer: whose templates, databases and accounts they are.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._snapshot = renderer.snapshot
        self.files = Seen(renderer.layout)
        self._since = Since(renderer.snapshot)
        self._signatures: dict[str, str] = {}
        self._whole_signatures: dict[tuple[str, ...], str] = {}
        self._shared: dict[tuple[str, str], _Shared | None] = {}
        self._listings: dict[str, str] = {}
        self._revisions: dict[str, int] = {}
        self._users: dict[str, str] = {}
        self._looks: tuple[tuple[str, Callable[[str], str]], ...] = (
            ("files", self.files.file),
            ("programs", self.files.program),
            ("schemas", self.files.schema),
            ("users", self.user),
        )

    def same(self, template: Template, metadata: Metadata, inputs: str) -> dict[str, Any] | None:
        """Return what an output, or the keys of a template, was made of besides properties, when all is as it was.

        :param inputs: what is remembered.
        :return: None when something is not as it was, or it is not known.
        """
        first, props, alone = lines_of(inputs)
        place = template.path, first
        if place not in self._shared:
            self._shared[place] = self._same_first(template, metadata, first)
        shared = self._shared[place]
        if shared is None or not self._same_props(inputs, props, shared):
            return None
        if not alone:
            return shared.known
        own = own_head(alone)
        return {**shared.known, **own} if own is not None and self._same_looks(own) else None

    def _same_first(self, template: Template, metadata: Metadata, line: str) -> _Shared | None:
        """Return what a first line says when that is as it was."""
        known = shared_head(line)
        if known is None or type(known.get("signature")) is not str:
            return None
        if known["signature"] != self.signature(template, metadata, known["templates"]):
            return None
        changed = {name: number for name, number in known["revisions"].items() if number != self.revision(name)}
        if not (self._same_lists(known, changed) and self._same_looks(known)):
            return None
        return _Shared(known, changed, self._marks_of(changed))

    def _same_lists(self, known: dict[str, Any], changed: dict[str, int]) -> bool:
        """Return whether what was listed of the databases that changed is as it was."""
        listings = known["listings"].items() if changed else ()
        return all(
            before == self.listing(spec) for spec, before in listings if spec.partition(":")[0] in changed
        ) and all(
            before == self.names(database, key) for database, key, before in known["names"] if database in changed
        )

    def _same_looks(self, known: dict[str, Any]) -> bool:
        """Return whether the files, programs and accounts that were looked at are as they were."""
        for kind, look in self._looks:
            if kind in known:
                for name, mark in known[kind].items():
                    if mark != look(name):
                        return False
        return True

    def _marks_of(self, changed: dict[str, int]) -> tuple[str, ...] | None:
        found: tuple[str, ...] = ()
        for database, number in changed.items():
            marks = self._since.marks(database, number) if self._reaches(number) else None
            if marks is None:
                return None
            found += marks
        return found

    def _reaches(self, number: Any) -> bool:
        return type(number) is int and self._since.reaches(number)

    def _same_props(self, inputs: str, props: str, shared: _Shared) -> bool:
        """Return whether the properties that an output read of the databases that changed are as they were."""
        if shared.marks is not None:
            for mark in shared.marks:
                if mark in props:
                    break
            else:
                return True
        since, changed = self._since, shared.changed
        known = {name: number for name, number in changed.items() if self._reaches(number)}
        rows = props_of(inputs) if shared.marks is None else rows_at(props, shared.marks)
        return rows is not None and all(
            before == digest(self._snapshot.prop(database, key, prop))
            for database, key, prop, before in rows
            if database in changed and (database not in known or since.changed((database, key, prop), known[database]))
        )

    def signature(self, template: Template, metadata: Metadata, others: list[str]) -> str:
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
            inside, mark = self._renderer.layout.inside, self.files.mark
            lines = [f"{inside(path)} {mark(path)}" if path else "" for path in (*places, "", *sources)]
            self._signatures[template.path] = digest("\n".join(lines)) or ""
        return self._signatures[template.path]

    def listing(self, spec: str) -> str:
        """Return the digest of the keys of some records: see :func:`esmith.plan.remembered.listing_digest`."""
        if spec not in self._listings:
            self._listings[spec] = listing_digest(self._snapshot, spec)
        return self._listings[spec]

    def names(self, database: str, key: str) -> str:
        """Return the digest of the names of a record's properties."""
        return names_digest(self._snapshot, database, key)

    def revision(self, database: str) -> int:
        """Return the last revision that changed a database."""
        if database not in self._revisions:
            self._revisions[database] = self._snapshot.revision(database)
        return self._revisions[database]

    def user(self, name: str) -> str:
        """Return what an account is now."""
        if name not in self._users:
            self._users[name] = user_text(self._renderer.identities.user(name))
        return self._users[name]


def user_text(user: User | None) -> str:
    """Return what is remembered of an account, None for one that is not there."""
    return "" if user is None else f"{user.uid}:{user.gid}:{user.home}:{user.shell}"
