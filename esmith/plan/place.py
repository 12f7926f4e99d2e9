"""Where an output may be: not among the files of e-smith itself, not where another is, and where a file can be."""

from __future__ import annotations

import os

from esmith.errors import TemplateError
from esmith.fragments.rendering import Kind, Rendering

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.fragments.shipped import Shipped
    from esmith.layout import Layout
    from esmith.plan.output import Output

#: The cure where two templates make one file.
OTHER_OUTPUT = "change the output of one in its template.toml"
#: The longest text of a symbolic link, in bytes: PATH_MAX with its end (limits.h).
_LONGEST_LINK = 4095


def own_places(layout: Layout) -> tuple[str, ...]:
    """Return what the files of e-smith itself are below: databases, state and commands, as outputs are named."""
    return tuple(f"{layout.inside(place)}/" for place in (layout.database, layout.state, layout.commands))


def require_place(rendering: Rendering, own: tuple[str, ...]) -> None:
    """Refuse an output that would replace a file of e-smith, or that cannot be made.

    :param own: see :func:`own_places`.
    :raises TemplateError: for the databases, the engine's own state and its commands; for a path with a NUL; for
        the text of a symbolic link that is none.
    """
    path, reason, hint = rendering.path, "", "correct the template, or its output in template.toml"
    if f"{path}/".startswith(own):
        reason = f"its output would be {path!r}, which is a file of e-smith itself"
    elif "\0" in path:
        reason = f"its output would be {path!r}, which no file can be called"
    elif rendering.kind is Kind.SYMLINK and not (rendering.recalled or _is_path(rendering.content)):
        reason = f"gives no path for the symbolic link {path}"
        hint = "its text has to be one line; an empty template-begin leaves out the comment at the top"
    if reason:
        fragments = rendering.template.fragments
        place = rendering.metadata.sources.get("output", fragments[-1].path if fragments else rendering.template.path)
        raise TemplateError(reason, place=place, hint=hint)


def _is_path(text: bytes) -> bool:
    return 0 < len(text) <= _LONGEST_LINK and b"\0" not in text and b"\n" not in text


def is_made(rendering: Rendering, made_by: dict[str, Rendering]) -> bool:
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
            hint=OTHER_OUTPUT,
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


def in_the_way(outputs: Iterable[Output], shipped: Shipped) -> Iterator[tuple[Output, str]]:
    """Yield outputs of templates that are not shipped and that cannot be made beside others.

    :return: each with the path that would be a file and a directory: its own, or one above it.
    """
    kinds = (Kind.FILE, Kind.SYMLINK)
    made = {output.path: output for output in outputs if output.rendering.kind in kinds and not output.left}
    for path in sorted(_directories_of(made).intersection(made)) if shipped.is_known else ():
        if shipped.has_template(made[path].rendering.template.path):
            below = (output for other, output in made.items() if other.startswith(f"{path}/"))
            yield from ((one, path) for one in below if not shipped.has_template(one.rendering.template.path))
        else:
            yield made[path], path


def _directories_of(paths: Iterable[str]) -> set[str]:
    """Return all directories above some paths."""
    directories: set[str] = set()
    for path in paths:
        parent = os.path.dirname(path)
        while parent not in directories:
            directories.add(parent)
            parent = os.path.dirname(parent)
    return directories
