"""The plan: every output as it should be, compared with the disk. Making one changes nothing."""

from __future__ import annotations

import enum
import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

from esmith.apply.host import trouble
from esmith.errors import InstallError, TemplateError
from esmith.fragments.identity import find_group, find_user
from esmith.fragments.render import Renderer, Rendering
from esmith.layout import Layout
from esmith.store.protocol import Snapshot

#: The engine's table of what it installed: path -> :class:`Installed`.
TABLE = "outputs"


class Difference(enum.Enum):
    """How an output differs from what is on the disk."""

    NONE = "unchanged"
    CREATE = "create"
    REPLACE = "replace"
    ATTRIBUTES = "mode or owner"
    REMOVE = "remove"


@dataclass(frozen=True)
class Installed:
    """What the engine remembers of a file it installed, to tell later whether someone else changed it.

    :param digest: SHA-256 of the content, in hexadecimal.
    :param mark: size, modification time and inode: while they are the same, so is the content.
    """

    digest: str
    mark: str

    @classmethod
    def of(cls, content: bytes, target: str) -> Installed:
        """Return what to remember of a file that was just installed."""
        return cls(hashlib.sha256(content).hexdigest(), _mark(os.stat(target)))

    @classmethod
    def decode(cls, row: bytes) -> Installed:
        """Return what a row of the table says."""
        digest, _, mark = row.decode().partition(" ")
        return cls(digest, mark)

    def is_untouched(self, target: str) -> bool:
        """Return whether a file is surely the one that was installed: same size, time and inode.

        :raises OSError: when it cannot be looked at.
        """
        return self.mark == _mark(os.stat(target))

    def encode(self) -> bytes:
        """Return the row of the table."""
        return f"{self.digest} {self.mark}".encode()


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
    staged: str | None = None

    @property
    def content(self) -> bytes:
        """What the file should hold; only for one that should exist."""
        assert self.rendering.content is not None
        return self.rendering.content


@dataclass
class Plan:
    """Every output of an event, or of ``expand-template``.

    :param outputs: in the order in which their templates were asked for.
    """

    outputs: list[Output] = field(default_factory=list)

    @property
    def changed(self) -> list[Output]:
        """The outputs that differ from the disk."""
        return [output for output in self.outputs if output.difference is not Difference.NONE]

    @property
    def warnings(self) -> list[str]:
        """What the fragments warned of, each once, and what was skipped in their directories."""
        found: dict[str, None] = {}
        for output in self.outputs:
            for text in output.rendering.warnings:
                found[f"{output.path}: {text}"] = None
            for path, reason in output.rendering.template.skipped:
                if not reason.startswith(("left by", "a directory")):
                    found[f"{path}: skipped: {reason}"] = None
        return list(found)


def make_plan(
    layout: Layout,
    snapshot: Snapshot,
    paths: Iterable[str],
    *,
    keep_attributes: bool = False,
    renderer: Renderer | None = None,
) -> Plan:
    """Expand templates and compare the outputs with the disk.

    :param paths: the templates.
    :param keep_attributes: an existing file keeps its mode and owner unless the metadata says otherwise, as
        ``expand-template`` does and an event does not (cli-contract sections 4 and 5).
    :param renderer: what expands them; default: one over the layers of the layout.
    :raises TemplateError: when a template is missing or broken.
    :raises InstallError: when an output cannot be a file, or its owner does not exist.
    """
    renderer = renderer or Renderer(layout, snapshot)
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
            plan.outputs.append(_compare(layout, snapshot, rendering, keep_attributes=keep_attributes))
    return plan


def _compare(layout: Layout, snapshot: Snapshot, rendering: Rendering, *, keep_attributes: bool) -> Output:
    target = layout.under(rendering.path)
    output = Output(rendering.path, target, rendering, rendering.mode, _owner(layout, rendering))
    try:
        status = os.stat(target) if os.path.lexists(target) else None
    except FileNotFoundError:
        status = os.lstat(target)  # a dangling link, which installing replaces
    except OSError as error:
        raise trouble(target, error) from error
    if status is None:
        output.difference = Difference.NONE if rendering.content is None else Difference.CREATE
        return output
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise InstallError(f"is {kind}, so no file can be put there", place=target, hint="move it out of the way")
    if keep_attributes:
        _keep_attributes(output, status)
    _compare_content(output, snapshot.state(TABLE, output.path), status)
    if output.difference is Difference.NONE and rendering.content is not None and _attributes_differ(output, status):
        output.difference = Difference.ATTRIBUTES
    return output


def _compare_content(output: Output, row: bytes | None, status: os.stat_result) -> None:
    remembered = Installed.decode(row) if row else None
    wanted = output.rendering.content
    if remembered and wanted is not None and remembered.mark == _mark(status):
        # Not read again: this also spares the files whose mode 0000 keeps even their owner from reading them.
        if remembered.digest == hashlib.sha256(wanted).hexdigest():
            return
        output.old = _read(output.target, unreadable=b"")
    else:
        output.old = _read(output.target, unreadable=None)
        digest = hashlib.sha256(output.old).hexdigest()
        if output.old == wanted and not stat.S_ISLNK(status.st_mode):
            output.old = None
            return
        if remembered is None:
            output.foreign = "" if stat.S_ISLNK(status.st_mode) else "not made by e-smith"
        elif remembered.digest != digest:
            output.foreign = "edited by hand"
    output.difference = Difference.REMOVE if wanted is None else Difference.REPLACE


def _read(target: str, *, unreadable: bytes | None) -> bytes:
    try:
        with open(target, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        if unreadable is None:
            raise trouble(target, error) from error
        return unreadable


def _owner(layout: Layout, rendering: Rendering) -> tuple[int, int] | None:
    """Return the numbers of the owner and the group; None when only root could set them.

    :raises InstallError: when there is no such user or group: files must not silently become root's.
    """
    metadata = rendering.metadata
    if os.geteuid() != 0:
        return None
    user = find_user(layout, metadata.owner) if not metadata.owner.isdigit() else None
    uid = int(metadata.owner) if metadata.owner.isdigit() else user.uid if user else _root_only(metadata.owner)
    gid = int(metadata.group) if metadata.group.isdigit() else find_group(layout, metadata.group)
    gid = gid if gid is not None else _root_only(metadata.group)
    for kind, name, number in (("user", metadata.owner, uid), ("group", metadata.group, gid)):
        if number is None:
            key = "owner" if kind == "user" else "group"
            raise InstallError(
                f"there is no {kind} {name!r} (for {rendering.path})",
                place=metadata.said.get(key, rendering.template.path),
                hint=f"create the {kind}, or correct {key}",
            )
    assert uid is not None
    assert gid is not None
    return uid, gid


def _root_only(name: str) -> int | None:
    return 0 if name == "root" else None


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


def _mark(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"
