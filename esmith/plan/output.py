"""One file of a plan: what it should be, and how that differs from what is on the disk."""

from __future__ import annotations

import os

from esmith.enums import Enum
from esmith.errors import EsmithError, InstallError
from esmith.fields import dataclass
from esmith.fragments.rendering import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fragments.identity import Identities
    from esmith.fragments.render import Renderer
    from esmith.fragments.rendering import Rendering
    from esmith.plan.host import Staged


class Difference(Enum):
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
    :param inputs: what to remember of what it was made of; see :mod:`esmith.plan.memory`.
    :param mark: by which a later change is seen; see :func:`esmith.plan.installed.fingerprint_of`.
    :param is_a_users: whether its directory belongs to somebody else, who may do there what he likes.
    :param staged: the new content, while it waits to be installed.
    :param left: why it is left as it is, although the rest of the plan is carried out.
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
    mark: str = ""
    is_a_users: bool = False
    staged: Staged | None = None
    left: EsmithError | None = None


#: What an output has besides its names and what it should be, when it is as it was installed.
_AS_IT_WAS = dict(vars(Output("", "", None, 0, None)))  # type: ignore[arg-type]


def recalled_output(target: str, rendering: Rendering) -> Output:
    """Return an output that is as it was installed; there may be ten thousands, so it is made the short way.

    :param target: its path on this disk.
    """
    output = Output.__new__(Output)
    fields = output.__dict__
    fields.update(_AS_IT_WAS)
    fields["path"], fields["target"], fields["rendering"] = rendering.path, target, rendering
    fields["mode"] = rendering.mode
    return output


def new_output(renderer: Renderer, rendering: Rendering) -> Output:
    """Return an output that was expanded, and is not compared yet.

    :raises InstallError: when the user or the group that it is to belong to does not exist.
    """
    owner = _owner(renderer.identities, rendering)
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
