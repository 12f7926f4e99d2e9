"""Where an output may be: not among the files of e-smith itself, and at a path that the system can have."""

from __future__ import annotations

from esmith.errors import TemplateError
from esmith.fragments.rendering import Kind, Rendering
from esmith.layout import Layout

#: The longest text of a symbolic link, in bytes: PATH_MAX with its end (limits.h).
_LONGEST_LINK = 4095


def own_places(layout: Layout) -> tuple[str, ...]:
    """Return the directories with the files of e-smith itself: databases, state and commands, as outputs are named."""
    return tuple(map(layout.inside, (layout.database, layout.state, layout.commands)))


def require_place(rendering: Rendering, own: tuple[str, ...]) -> None:
    """Refuse an output that would replace a file of e-smith, or that cannot be made.

    :param own: see :func:`own_places`.
    :raises TemplateError: for the databases, the engine's own state and its commands; for a path with a NUL; for
        the text of a symbolic link that is none.
    """
    path, reason = rendering.path, ""
    if any(path == place or path.startswith(f"{place}/") for place in own):
        reason = f"its output would be {path!r}, which is a file of e-smith itself"
    elif "\0" in path:
        reason = f"its output would be {path!r}, which no file can be called"
    elif rendering.kind is Kind.SYMLINK and (b"\0" in rendering.content or len(rendering.content) > _LONGEST_LINK):
        reason = f"gives no path for the symbolic link {path}"
    if reason:
        fragments = rendering.template.fragments
        place = rendering.metadata.sources.get("output", fragments[-1].path if fragments else rendering.template.path)
        raise TemplateError(reason, place=place, hint="correct the template, or its output in template.toml")
