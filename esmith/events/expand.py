"""``expand-template``, and what a script makes of a template: files that are installed outside of any event."""

from __future__ import annotations

from esmith.contexts import suppress
from esmith.events.affected import including
from esmith.events.definition import Event
from esmith.events.installation import Installation
from esmith.events.recover import recovered
from esmith.fields import dataclass
from esmith.fragments.expansion import mode_of
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Kind, Rendering
from esmith.fragments.tree import NoTemplateError
from esmith.functions import partial
from esmith.plan.plan import Plan, make_plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot


def plan_templates(session: Session, paths: Sequence[str], *, output: str = "", layers: tuple[str, ...] = ()) -> Plan:
    """Plan the expansion of templates as ``expand-template --explain`` does; existing files keep their mode and owner.

    The parameters are those of :func:`expand_templates`.

    :raises TemplateError: when a template is missing or broken.
    """
    with session.store.snapshot() as snapshot:
        return _plan(session.layout, paths, output, layers, snapshot)


def expand_templates(
    session: Session,
    paths: Sequence[str],
    *,
    output: str = "",
    layers: tuple[str, ...] = (),
    with_including: bool = False,
) -> Plan:
    """Expand templates: all of them or, when one is broken, none.

    No service is adjusted; those that read a changed file have a pending action then, and the next event carries it
    out.

    :param session: the run; with a :class:`esmith.events.session.RecordingSession` nothing is changed.
    :param output: where the one template's output goes instead.
    :param layers: the directories to find fragments in, the nearest first; default: those of the layout.
    :param with_including: whether the templates that were made with one of them are expanded as well.
    :raises TemplateError: when a template is missing or broken; no file was touched.
    :raises CheckError: when a program refuses its file; no file was touched.
    :raises InstallError: when a file could not be written.
    :raises BusyError: when a running event does not end in time.
    """
    make = partial(_plan, session.layout, paths, output, layers, with_including=with_including)
    words = ["expand-template", *paths]
    plan = _install(session, words, make)
    if not (output or layers) and session.found_nothing(plan):
        from esmith.events.stamping import leave_stamp

        leave_stamp(session, words, plan)
    return plan


def install_content(
    session: Session,
    path: str,
    output: str,
    content: bytes | None,
    *,
    layers: tuple[str, ...] = (),
    attributes: dict[str, str] | None = None,
) -> Plan:
    """Install what a script made of a template, checked and with a generation to go back to like every output.

    :param path: the template; the check, the mode and the owner of its metadata hold.
    :param output: the file.
    :param content: None to remove the file.
    :param layers: the directories to find fragments in, the nearest first; default: those of the layout.
    :param attributes: ``mode`` (octal), ``owner``, ``group``, where they are not those of the metadata.
    :raises TemplateError: when there is no such template.
    :raises CheckError: when a program refuses the file; it was not touched.
    :raises InstallError: when the file could not be written.
    :raises BusyError: when a running event does not end in time.
    """

    def make(snapshot: Snapshot) -> Plan:
        renderer = _Given(session.layout, snapshot, layers, _Content(output, content, attributes or {}))
        plan = make_plan(session.layout, snapshot, [path], renderer=renderer)
        for one in plan.outputs:
            # The next event must not take it for what the template gives.
            one.inputs = ""
        return plan

    return _install(session, ["processTemplate", path], make)


def _plan(
    layout: Layout,
    paths: Sequence[str],
    output: str,
    layers: tuple[str, ...],
    snapshot: Snapshot,
    *,
    with_including: bool = False,
) -> Plan:
    with Renderer(layout, snapshot, layers, output=output) as renderer:
        also = _including(renderer, paths) if with_including else []
        return make_plan(layout, snapshot, [*paths, *also], keep_attributes=True, renderer=renderer)


def _including(renderer: Renderer, paths: Sequence[str]) -> list[str]:
    """Return the templates that were made with one of some others, as far as they are still there.

    :raises TemplateError: when one of the others is missing, or the metadata of one is broken.
    """
    own = [renderer.find(path)[0].path for path in paths]
    found = []
    for path in including(renderer.snapshot, own):
        with suppress(NoTemplateError):
            renderer.find(path)
            found.append(path)
    return found


def _install(session: Session, words: Sequence[str], make: Callable[[Snapshot], Plan]) -> Plan:
    """Install files outside of an event.

    :param words: the command.
    """
    program = words[0]
    with recovered(session, program), Installation(session, " ".join(words), Event(program, "")) as installation:
        installation.carry_out(make)
        installation.derive()
        installation.complete()
    return installation.plan


@dataclass(frozen=True)
class _Content:
    """What a script made of a template: the file, its content (None for none), and mode, owner and group."""

    output: str
    content: bytes | None
    attributes: dict[str, str]


class _Given(Renderer):
    """Gives a template the content that a script made."""

    def __init__(
        self,
        layout: Layout,
        snapshot: Snapshot,
        layers: tuple[str, ...],
        given: _Content,
    ) -> None:
        super().__init__(layout, snapshot, layers)
        self._given = given

    def render(self, path: str) -> Iterator[Rendering]:
        """Yield the one output."""
        given = self._given
        template = self.metadata.find(path)
        metadata = self.metadata.of(template)
        rendering = Rendering(given.output, template, metadata)
        if given.content is None:
            rendering.kind = Kind.ABSENT
        else:
            expansion = self._expansion(rendering)
            rendering.content = given.content
            rendering.owner, rendering.group, mode = (
                given.attributes.get(name) or expansion.value(name, getattr(metadata, name))
                for name in ("owner", "group", "mode")
            )
            rendering.mode = mode_of(mode, metadata.sources.get("mode", ""))
        yield rendering
