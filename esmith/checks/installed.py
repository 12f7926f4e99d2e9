"""Checking the generated files that are installed."""

from __future__ import annotations

import errno
import os
from functools import cache, partial

from esmith.checks.check import Subject, examine
from esmith.checks.hiding import Secrets, reads_secret
from esmith.checks.staged import StagedTree
from esmith.errors import TemplateError, UsageError
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Kind, Rendering
from esmith.plan.diff import secret_values
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import all_reads_of
from esmith.plan.verdict import Outcome, Verdict
from esmith.schema.load import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from esmith.layout import Layout
    from esmith.plan.listed import Listed
    from esmith.store.protocol import Snapshot


def check_installed(
    layout: Layout,
    snapshot: Snapshot,
    paths: Collection[str] = (),
    *,
    count: Callable[[str, int, int], None] | None = None,
) -> list[Verdict]:
    """Check generated files as they are on the disk; nothing is written to the root.

    :param paths: the files; default: all that have a check.
    :param count: see :func:`esmith.checks.check.examine`.
    :return: the verdicts, in the order of the paths. A file that was named has one in any case.
    :raises UsageError: when one of the paths is not a generated file.
    :raises TemplateError: when the metadata of a template is broken.
    """
    templates = {
        path: installed.template for path, installed in OUTPUTS.rows(snapshot).items() if not installed.is_absent
    }
    for path in paths:
        if path not in templates:
            raise UsageError(f"{path} is not a generated file", hint="name it by its absolute path below the root")
    tree = StagedTree(layout)
    with Renderer(layout, snapshot) as renderer:
        subjects = list(_subjects(renderer, {path: templates[path] for path in sorted(paths or templates)}))
        found = {subject.path: verdict for subject in subjects if (verdict := _unreadable(subject, tree))}
        readable = {subject.path: subject for subject in subjects if subject.path not in found}
        secrets = cache(partial(_secrets, layout, snapshot))
        found |= _examine(readable.values(), tree, secrets, count)
        # Only now is it worth finding out which fragments the lines come from.
        refused = [path for path, verdict in found.items() if verdict.outcome is Outcome.REFUSED]
        found |= _examine([_explained(readable[path], renderer, tree) for path in refused], tree, secrets, count)
    for path in paths:
        found.setdefault(path, Verdict(path, Outcome.UNCHECKED, "", "no check is named that knows this file"))
    return [found[path] for path in sorted(found)]


def _examine(
    subjects: Collection[Subject],
    tree: StagedTree,
    secrets: Callable[[], Secrets],
    count: Callable[[str, int, int], None] | None,
) -> dict[str, Verdict]:
    return {verdict.path: verdict for verdict in examine(subjects, tree, secrets, count=count)[0]}


def _secrets(layout: Layout, snapshot: Snapshot) -> Secrets:
    """Return the secrets of the databases, as each may be in a file that was made earlier."""
    schema, outputs = Schema(layout), OUTPUTS.rows(snapshot)
    known: dict[str, Listed | None] = {}
    found = list(secret_values(snapshot, schema))
    cells = {cell for cell, _ in found}

    def holds(path: str, rendering: Rendering | None) -> bool:
        # Who edited it since left in it what it was made from.
        reads = all_reads_of(snapshot, outputs[path], known)
        return reads_secret(rendering, schema) or not cells.isdisjoint(reads or ())

    return Secrets({value for _, value in found}, holds)


def _subjects(renderer: Renderer, templates: dict[str, str]) -> Iterator[Subject]:
    for path, name in templates.items():
        try:
            template = renderer.metadata.find(name)
        except TemplateError:
            # It was removed, and what it made stays where it is.
            continue
        metadata = renderer.metadata.of(template)
        if metadata.check is not None and metadata.kind == Kind.FILE.value:
            yield Subject(path, metadata.check, metadata.sources["check"], None)


def _explained(subject: Subject, renderer: Renderer, tree: StagedTree) -> Subject:
    """Return the subject with what gives the file, if that gives just what is in it."""
    return Subject(subject.path, subject.check, subject.source, _rendering(subject.path, renderer, tree))


def _rendering(path: str, renderer: Renderer, tree: StagedTree) -> Rendering | None:
    try:
        renderings = list(renderer.render(path))
    except TemplateError:
        return None
    for rendering in renderings:
        if rendering.path == path and rendering.kind is Kind.FILE and rendering.content == tree.read(path):
            return rendering
    return None


def _unreadable(subject: Subject, tree: StagedTree) -> Verdict | None:
    try:
        if tree.read(subject.path) is not None:
            return None
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    except OSError as error:
        return Verdict(subject.path, Outcome.UNCHECKED, "", f"it cannot be read ({error.strerror})")
