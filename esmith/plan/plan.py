"""The plan: every output as it should be, compared with the disk. Making one changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from esmith.errors import InstallError, TemplateError, UserFileError
from esmith.fragments.identity import Identities
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Kind, Rendering
from esmith.layout import Layout
from esmith.plan.difference import Comparison
from esmith.plan.installed import OUTPUTS
from esmith.plan.memory import Memory
from esmith.plan.output import Difference, Output
from esmith.plan.verdict import Verdict, unchecked
from esmith.store.protocol import Snapshot


@dataclass
class Plan:
    """Every output of an event, or of ``expand-template``.

    :param outputs: in the order in which their templates were asked for.
    :param whole: the templates that were expanded for all of their records or keys.
    :param strict: whether a fault of one output stops all of them.
    :param unread: says why no enabled service reads an output, "" when one may; see :mod:`esmith.checks.check`.
    :param verdicts: the verdicts of the checks about the new files, once they have looked.
    :param copied: why check programs saw copies of the new files; "" when they saw them in place, or none ran.
    """

    outputs: list[Output] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    strict: bool = False
    unread: Callable[[Output], str] = lambda _: ""
    verdicts: list[Verdict] = field(default_factory=list)
    copied: str = ""

    @property
    def changed(self) -> list[Output]:
        """The outputs that differ from the disk, and are not left as they are."""
        return [output for output in self.outputs if output.difference is not Difference.NONE and not output.left]

    @property
    def left(self) -> list[Output]:
        """The outputs that are left as they are, because of a fault that stops only them."""
        return [output for output in self.outputs if output.left]

    @contextmanager
    def leaving(self, output: Output) -> Iterator[None]:
        """Leave an output as it is when what is done inside fails because of the user whose directory it is in.

        This is where a fault is kept to the unit it affects; of a user's directory that is the one file. The other such
        fault is one that a check finds (:func:`esmith.checks.check.check`).
        """
        try:
            yield
        except UserFileError as error:
            if self.strict:
                error.add("Strict of esmith is enabled, so it stops everything")
                raise
            output.left = error

    @property
    def unchecked(self) -> list[str]:
        """What could not be checked, as messages."""
        return unchecked(self.verdicts)

    @property
    def warnings(self) -> list[str]:
        """What the fragments warned of, each once, and what was skipped in their directories."""
        found: dict[str, None] = {}
        for output in self.outputs:
            for text in output.rendering.warnings:
                found[f"{output.path}: {text}"] = None
            for skipped in output.rendering.template.skipped:
                if skipped.advice:
                    found[f"{skipped.path}: {skipped.reason}; {skipped.advice}"] = None
        return list(found)


def make_plan(
    layout: Layout,
    snapshot: Snapshot,
    paths: Iterable[str],
    *,
    keep_attributes: bool = False,
    renderer: Renderer | None = None,
    event: str = "",
) -> Plan:
    """Expand templates and compare the outputs with the disk.

    :param paths: the templates.
    :param keep_attributes: an existing file keeps its mode and owner unless the metadata says otherwise, as
        ``expand-template`` does and an event does not (docs/original.md#what-is-kept).
        Everything is expanded then; an event leaves out what is certain to be as it was.
    :param renderer: what expands them, and stays open; default: one over the layers of the layout.
    :param event: the event it is for; "" outside of one.
    :raises TemplateError: when a template is missing or broken.
    :raises InstallError: when an output cannot be a file, or its owner does not exist.
    """
    if renderer is None:
        with Renderer(layout, snapshot, event=event) as own:
            return make_plan(layout, snapshot, paths, keep_attributes=keep_attributes, renderer=own)
    memory = Memory(renderer)
    if not keep_attributes:
        renderer.recall, renderer.recall_all = memory.recall, memory.recall_all
    plan = Plan(strict=snapshot.prop("configuration", "esmith", "Strict") == "enabled")
    comparison = Comparison(layout.disk(), snapshot, keep_attributes=keep_attributes)
    made_by: dict[str, Rendering] = {}
    for path in dict.fromkeys(paths):
        for rendering in renderer.render(path):
            if _is_made(rendering, made_by):
                continue
            output = _output(renderer, rendering)
            output.inputs = "" if rendering.recalled else memory.inputs(rendering)
            plan.outputs.append(output)
            with plan.leaving(output):
                comparison.compare(output)
        if renderer.makes_all(path):
            plan.whole.add(path)
            orphans = [name for name in memory.outputs_of(path) if name not in made_by]
            for name in orphans:
                orphan = _output(renderer, renderer.absent(path, name))
                plan.outputs.append(orphan)
                if _was_installed(snapshot, name):
                    with plan.leaving(orphan):
                        comparison.compare(orphan)
    return plan


def _is_made(rendering: Rendering, made_by: dict[str, Rendering]) -> bool:
    """Note what makes an output; return whether the plan has it already, as a fragment and an event make the same.

    :param made_by: the outputs so far.
    :raises TemplateError: when something else makes it, too.
    """
    if rendering.beside and (rendering.metadata.foreach or rendering.metadata.outputs):
        # Its other outputs decide what stays of what it made.
        raise TemplateError(
            f"{rendering.beside} makes a file of a template that makes one for each record or key",
            place=rendering.template.path,
            hint="give the fragment a template of its own",
        )
    other = made_by.setdefault(rendering.path, rendering)
    if other.template.path != rendering.template.path:
        raise TemplateError(
            f"two templates make this file: {other.template.path} and {rendering.template.path}",
            place=rendering.path,
            hint="change the output of one in its template.toml",
        )
    if other is rendering or not (other.beside or rendering.beside):
        return False
    if other.content != rendering.content and not (other.recalled or rendering.recalled):
        makers = " and ".join(one.beside or one.template.path for one in (other, rendering))
        raise TemplateError(
            f"{makers} make this file, each with another content",
            place=rendering.path,
            hint="give one of them another OUTPUT_FILENAME",
        )
    return True


def _was_installed(snapshot: Snapshot, path: str) -> bool:
    """Return whether a file was installed by the engine: what was left to somebody else is not removed."""
    installed = OUTPUTS.get(snapshot, path)
    return installed is not None and not installed.is_absent


def _output(renderer: Renderer, rendering: Rendering) -> Output:
    owner = None if rendering.recalled else _owner(renderer.identities, rendering)
    return Output(rendering.path, renderer.layout.under(rendering.path), rendering, rendering.mode, owner)


def _owner(identities: Identities, rendering: Rendering) -> tuple[int, int] | None:
    """Return the numbers of the owner and the group; None when only root could set them.

    :raises InstallError: when there is no such user or group: files must not silently become root's.
    """
    if os.geteuid() != 0 or rendering.kind not in (Kind.FILE, Kind.SYMLINK):
        return None
    uid, gid = identities.user_id(rendering.owner), identities.group_id(rendering.group)
    if uid is None:
        raise _missing(rendering, "user", "owner", rendering.owner)
    if gid is None:
        raise _missing(rendering, "group", "group", rendering.group)
    return uid, gid


def _missing(rendering: Rendering, kind: str, key: str, name: str) -> InstallError:
    return InstallError(
        f"there is no {kind} {name!r} (for {rendering.path})",
        place=rendering.metadata.sources.get(key, rendering.template.path),
        hint=f"create the {kind}, or correct {key}",
    )
