"""One file of a plan: what it should be, and how that differs from what is on the disk."""

from __future__ import annotations

from esmith.enums import Enum
from esmith.fields import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.errors import EsmithError
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
