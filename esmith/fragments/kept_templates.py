"""Templates with their metadata, kept in the private directory of a root: they are found again only after a change.

Which fragments a template has and what its metadata say follows from what is in the trees of templates. The engine
looks at all of that before it believes any of it (:mod:`esmith.trust`): while everything there looks as it did, each
template is what it was. One that depends on anything else is not kept: with links, or with ``templates.metadata``.
"""

from __future__ import annotations

import marshal
import os
import sys
import time

from esmith.fields import fields
from esmith.fragments.file_check import Check
from esmith.fragments.metadata import Metadata
from esmith.fragments.original import DIRECTORY
from esmith.fragments.tree import Fragment, Skipped, Template
from esmith.looks import TRUSTED_AGE_NS, looks_of_program
from esmith.private import PrivateDirectory, digest_of, keep_later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.layout import Layout

    #: A template, its metadata, and the name that a path has in the place of its ``{key}``.
    Found = tuple[Template, Metadata, str | None]

#: Another number for another form of the file.
_FILE = f"templates-2-{sys.hexversion:x}"
#: The modules that decide what is kept.
_DECIDING = ("file_check.py", "kept_templates.py", "metadata.py", "tree.py")
_METADATA = tuple(one.name for one in fields(Metadata))
_CHECK = tuple(one.name for one in fields(Check))
_PLACE = _METADATA.index("check")


class KeptTemplates:
    """The templates of a root, as its trees are now.

    :param layout: the root.
    :param trees: the directories that decide on templates, which were looked at as a whole; none to keep nothing.
    """

    def __init__(self, layout: Layout, trees: tuple[str, ...]) -> None:
        self._layout = layout
        self._head = _head_of(layout, trees)
        #: A row for each path that was asked for; the metadata of many are the same.
        self._rows: dict[str, tuple[Any, ...]] = {}
        self._metadata: list[list[Any]] = []
        self._made: dict[int, Metadata] = {}
        #: What the files of templates look like together, by the paths of the templates.
        self._signatures: dict[tuple[str, ...], str] = {}
        content = PrivateDirectory(layout.kept_code).read(_FILE) if self._head else None
        if content is not None:
            head, rows, metadata, signatures = marshal.loads(content)
            if head == self._head:
                self._rows, self._metadata, self._signatures = rows, metadata, signatures

    def find(self, path: str) -> Found | None:
        """Return what was found for a path, None when that is not kept."""
        row = self._rows.get(path)
        if row is None:
            return None
        name, fragments, skipped, number, key = row
        if number not in self._made:
            self._made[number] = _metadata(self._metadata[number])
        metadata = self._made[number]
        own = metadata.check.own if metadata.check is not None else ""
        if own and not os.path.exists(self._layout.check(own)):
            return None
        template = Template(name, [Fragment(*one) for one in fragments], [Skipped(*one) for one in skipped])
        return template, metadata, key

    def note(self, path: str, template: Template, metadata: Metadata, key: str | None) -> None:
        """Note what was found for a path, for :func:`esmith.private.keep_all`."""
        places = {one.path for one in template.fragments} | {one.path for one in template.skipped}
        if template.source or not self._holds(places | {*metadata.sources.values()}):
            return
        values: list[Any] = [getattr(metadata, name) for name in _METADATA]
        if metadata.check is not None:
            values[_PLACE] = [getattr(metadata.check, name) for name in _CHECK]
        if values not in self._metadata:
            self._metadata.append(values)
        fragments = [(one.name, one.path, one.layer, one.masked) for one in template.fragments]
        skipped = [(one.path, one.reason, one.advice) for one in template.skipped]
        self._rows[path] = template.path, fragments, skipped, self._metadata.index(values), key
        keep_later(self._layout.kept_code, _FILE, self._content)

    def signature(self, paths: tuple[str, ...]) -> str | None:
        """Return the digest of the files of some templates, None when that is not kept.

        :param paths: the paths of the templates.
        """
        return self._signatures.get(paths)

    def note_signature(self, paths: tuple[str, ...], signature: str, files: set[str]) -> None:
        """Note the digest of the files of some templates, for :func:`esmith.private.keep_all`.

        :param files: these files.
        """
        if self._holds(files):
            self._signatures[paths] = signature
            keep_later(self._layout.kept_code, _FILE, self._content)

    def _holds(self, files: set[str]) -> bool:
        """Return whether the trees show each change of some files: what a link leads to may change alone."""
        return bool(self._head) and not any(map(os.path.islink, files))

    def _content(self) -> bytes:
        return marshal.dumps((self._head, self._rows, self._metadata, self._signatures))


def _metadata(values: list[Any]) -> Metadata:
    check = values[_PLACE]
    given = [*values[:_PLACE], Check(*check) if check is not None else None, *values[_PLACE + 1 :]]
    return Metadata(*given)


def _head_of(layout: Layout, trees: tuple[str, ...]) -> str:
    """Return a digest of all that templates follow from; "" where a change of it would not show, or there is more."""
    if not trees or os.path.lexists(layout.under(DIRECTORY)):
        return ""
    found = [one for tree in trees for one in layout.trust.found_in(tree)]
    newest = max((status.st_ctime_ns for _, status in found), default=0)
    if newest > time.time_ns() - TRUSTED_AGE_NS:
        return ""
    here = os.path.dirname(os.path.abspath(__file__))
    # Whatever changes a file, its mode, or what has its name changes one of these (inode(7)).
    looks = [(path, one.st_ctime_ns, one.st_ino) for path, one in found]
    program = looks_of_program(f"{here}/{name}" for name in _DECIDING)
    return digest_of(marshal.dumps((sys.version, program, layout.root, trees, looks), 2))
