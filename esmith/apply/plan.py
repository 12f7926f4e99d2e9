"""The plan: every output as it should be, compared with the disk. Making one changes nothing."""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from esmith.apply.checks.verdict import Verdict, unchecked
from esmith.apply.host import trouble
from esmith.apply.installed import TABLE, Installed, digest_of, mark_of
from esmith.apply.memory import Memory
from esmith.errors import InstallError, TemplateError
from esmith.fragments.identity import Identities
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Kind, Rendering
from esmith.layout import Layout
from esmith.store.protocol import Snapshot


class Difference(enum.Enum):
    """How an output differs from what is on the disk."""

    NONE = "unchanged"
    CREATE = "create"
    REPLACE = "replace"
    ATTRIBUTES = "mode or owner"
    REMOVE = "remove"


@dataclass
class Output:
    """One file of a plan.

    :param path: its path in the configured system.
    :param target: its path on this disk.
    :param rendering: what it should be.
    :param mode: the permissions it should have.
    :param owner: user and group number it should have; None when the caller may not set them.
    :param difference: how it differs from what is there.
    :param old: what is there, when that differs.
    :param foreign: why what is there was not written by the engine: "edited by hand", "not made by e-smith"; or "".
    :param inputs: what to remember of what it was made of; see :mod:`esmith.apply.memory`.
    :param staged: where the new content is waiting, once it is staged.
    """

    path: str
    target: str
    rendering: Rendering
    mode: int
    owner: tuple[int, int] | None
    difference: Difference = Difference.NONE
    old: bytes | None = None
    foreign: str = ""
    inputs: str = ""
    staged: str | None = None


@dataclass
class Plan:
    """Every output of an event, or of ``expand-template``.

    :param outputs: in the order in which their templates were asked for.
    :param verdicts: what the checks say of the new files, once they have looked.
    :param copied: why check programs saw copies of the new files; "" when they saw them in place, or none ran.
    """

    outputs: list[Output] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    copied: str = ""

    @property
    def changed(self) -> list[Output]:
        """The outputs that differ from the disk."""
        return [output for output in self.outputs if output.difference is not Difference.NONE]

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
        ``expand-template`` does and an event does not (cli-contract sections 4 and 5).
        Everything is expanded then; an event leaves out what surely is as it was.
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
    plan = Plan()
    made_by: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        for rendering in renderer.render(path):
            other = made_by.setdefault(rendering.path, rendering.template.path)
            if other != rendering.template.path:
                raise TemplateError(
                    f"two templates make this file: {other} and {rendering.template.path}",
                    place=rendering.path,
                    hint="change the output of one in its template.toml",
                )
            output = _compare(renderer, rendering, keep_attributes=keep_attributes)
            output.inputs = "" if rendering.recalled else memory.inputs(rendering)
            plan.outputs.append(output)
        orphans = _orphans(memory, renderer, path, made_by.keys())
        plan.outputs += [_compare_orphan(renderer, rendering) for rendering in orphans]
    return plan


def _orphans(memory: Memory, renderer: Renderer, path: str, made: Collection[str]) -> Iterator[Rendering]:
    """Yield what a template once made for records or keys that are gone."""
    if renderer.makes_all(path):
        for name in memory.outputs_of(path):
            if name not in made:
                yield renderer.absent(path, name)


def _compare_orphan(renderer: Renderer, rendering: Rendering) -> Output:
    """Return what is to become of such an output: what was left to somebody else is not removed."""
    row = renderer.snapshot.state(TABLE, rendering.path)
    if row is None or Installed.decode(row).is_absent:
        return Output(rendering.path, renderer.layout.under(rendering.path), rendering, rendering.mode, None)
    return _compare(renderer, rendering, keep_attributes=False)


def _compare(renderer: Renderer, rendering: Rendering, *, keep_attributes: bool) -> Output:
    target = renderer.layout.under(rendering.path)
    output = Output(rendering.path, target, rendering, rendering.mode, _owner(renderer.identities, rendering))
    if rendering.recalled:
        return output
    try:
        status = os.lstat(target)
    except (FileNotFoundError, NotADirectoryError):
        if rendering.kind in (Kind.FILE, Kind.SYMLINK):
            output.difference = Difference.CREATE
        return output
    except OSError as error:
        raise trouble(target, error) from error
    if rendering.kind is Kind.LEFT:
        return output
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise InstallError(f"is {kind}, so no file can be put there", place=target, hint="move it out of the way")
    if keep_attributes and os.path.exists(target):
        _keep_attributes(output, os.stat(target))
    _compare_content(output, renderer.snapshot.state(TABLE, output.path), status)
    unchanged = output.difference is Difference.NONE
    if unchanged and rendering.kind is Kind.FILE and _attributes_differ(output, os.stat(target)):
        output.difference = Difference.ATTRIBUTES
    return output


def _compare_content(output: Output, row: bytes | None, status: os.stat_result) -> None:
    remembered = Installed.decode(row) if row else None
    is_link = stat.S_ISLNK(status.st_mode)
    wanted = output.rendering.content
    same_kind = is_link == (output.rendering.kind is Kind.SYMLINK)
    if remembered and remembered.mark == mark_of(status):
        # Not read again: this also spares the files whose mode 0000 keeps even their owner from reading them.
        if same_kind and output.rendering.kind is not Kind.ABSENT and remembered.digest == digest_of(wanted):
            return
        output.old = _read(output.target, is_link=is_link, unreadable=b"")
    else:
        # Its owner may not read it either (mode 0000); as what it holds is not known, it is replaced.
        old = _read(output.target, is_link=is_link, unreadable=b"" if status.st_uid == os.geteuid() else None)
        if same_kind and output.rendering.kind is not Kind.ABSENT and old == wanted:
            return
        output.old = old
        if remembered is None or remembered.is_absent:
            output.foreign = "" if is_link else "not made by e-smith"
        elif remembered.digest != digest_of(old):
            output.foreign = "" if is_link else "edited by hand"
    output.difference = Difference.REMOVE if output.rendering.kind is Kind.ABSENT else Difference.REPLACE


def _read(target: str, *, is_link: bool, unreadable: bytes | None) -> bytes:
    if is_link:
        return os.fsencode(os.readlink(target))
    try:
        with open(target, "rb") as file:
            return file.read()
    except OSError as error:
        if unreadable is None:
            raise trouble(target, error) from error
        return unreadable


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
        place=rendering.metadata.said.get(key, rendering.template.path),
        hint=f"create the {kind}, or correct {key}",
    )


def _keep_attributes(output: Output, status: os.stat_result) -> None:
    said = output.rendering.metadata.said
    if "mode" not in said:
        output.mode = stat.S_IMODE(status.st_mode)
    if output.owner is not None and "owner" not in said and "group" not in said:
        output.owner = (status.st_uid, status.st_gid)


def _attributes_differ(output: Output, status: os.stat_result) -> bool:
    if stat.S_IMODE(status.st_mode) != output.mode:
        return True
    return output.owner is not None and output.owner != (status.st_uid, status.st_gid)
