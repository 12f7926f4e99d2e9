"""The plan: every output as it should be, compared with the disk. Making one changes nothing."""

from __future__ import annotations

import os

from esmith.contexts import contextmanager, suppress
from esmith.errors import EsmithError, InstallError, TemplateError, UserFileError
from esmith.fields import dataclass, field, replace
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Kind, Rendering
from esmith.fragments.tree import KEY, NoTemplateError, Template
from esmith.names import without_line
from esmith.plan.blame import contribs_part, stops_everything
from esmith.plan.difference import Comparison
from esmith.plan.installed import OUTPUTS
from esmith.plan.memory import Memory
from esmith.plan.output import Difference, Output, new_output, recalled_output
from esmith.plan.place import OTHER_OUTPUT, in_the_way, is_made, own_places, require_place
from esmith.plan.unit import UNKNOWN, leave_units
from esmith.plan.verdict import Verdict, unchecked
from esmith.schema.strict import is_strict, require_lenient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from esmith.fragments.metadata import Metadata
    from esmith.layout import Layout
    from esmith.plan.listed import Listed
    from esmith.plan.seen import LookedAt
    from esmith.store.protocol import Snapshot


@dataclass
class Plan:
    """Every output of an event, or of ``expand-template``.

    :param outputs: in the order in which their templates were asked for.
    :param whole: the templates that were expanded for all of their records or keys.
    :param listed: for each of these whose keys were made, what to remember of them; see :mod:`esmith.plan.listed`.
    :param strict: whether a fault of one output stops all of them.
    :param faults: templates of which files are left because of a fault that stops only their units, and these faults.
    :param at_fault: for each of these templates the file at fault, as a path of this disk.
    :param unread: says why no enabled service reads an output, "" when one may; see :mod:`esmith.checks.check`.
    :param blamed: names the file of a contrib for which only its unit is left when an output is refused, "" when that
        stops everything; see :func:`esmith.plan.blame.contribs_part`.
    :param secrets: gives the secrets that a check may quote of other files; none where nobody knows them.
    :param verdicts: the verdicts of the checks about the new files, once they have looked.
    :param left_out: the records that no file is made for, and why.
    :param looked_at: what all of it depends on; None when something of it is certain only for now.
    :param copied: why check programs saw copies of the new files; "" when they saw them in place, or none ran.
    :param command: the command it is for, with all of its arguments; "" where its name says as much.
    :param count: called with what is done now, and how much of how much that is; None where nobody waits for it.
    """

    outputs: list[Output] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    listed: dict[str, Listed] = field(default_factory=dict)
    strict: bool = False
    faults: dict[str, EsmithError] = field(default_factory=dict)
    at_fault: dict[str, str] = field(default_factory=dict)
    unread: Callable[[Output], str] = lambda _: ""
    blamed: Callable[[Output], str] = lambda _: ""
    secrets: Callable[[], Collection[str]] = tuple
    verdicts: list[Verdict] = field(default_factory=list)
    left_out: dict[tuple[str, str], TemplateError] = field(default_factory=dict)
    looked_at: LookedAt | None = None
    copied: str = ""
    command: str = ""
    count: Callable[[str, int, int], None] | None = None
    #: What :meth:`_expanded` returned, for which outputs, and how many these were.
    _expanded_of: tuple[list[Output], list[Output], int] = ([], [], 0)

    @property
    def changed(self) -> list[Output]:
        """The outputs that differ from the disk, and are not left as they are."""
        return [output for output in self._expanded() if output.difference is not Difference.NONE and not output.left]

    def _expanded(self) -> list[Output]:
        """Return the outputs that were not recalled: only these may differ, and there may be thousands of others."""
        found, outputs, number = self._expanded_of
        if outputs is not self.outputs or number != len(outputs):
            found = [output for output in self.outputs if not output.rendering.recalled]
            self._expanded_of = found, self.outputs, len(self.outputs)
        return found

    @property
    def left(self) -> list[Output]:
        """The outputs that are left as they are, because of a fault that stops only them."""
        return [output for output in self.outputs if output.left]

    def keep_to_unit(self, template: str, fault: EsmithError, file: str) -> None:
        """Note a fault that stops only the unit of a template's outputs.

        :param template: the path of the template.
        :param file: the file at fault, perhaps with a line; "" when none is known.
        """
        self.faults[template] = fault
        self.at_fault[template] = without_line(file)

    @contextmanager
    def leaving(self, output: Output) -> Iterator[None]:
        """Leave an output as it is when what is done inside fails because of the user whose directory it is in.

        A fault in a user's directory is kept to the one file. What keeps one of a contrib to its unit is
        :func:`make_plan`; the third such fault is one that a check finds (:func:`esmith.checks.check.check`).
        """
        try:
            yield
        except UserFileError as error:
            self.require_lenient(error)
            output.left = error

    def require_lenient(self, error: EsmithError) -> None:
        """Raise a fault that would stop only a part when every fault is to stop everything."""
        require_lenient(error, strict=self.strict)

    @property
    def unchecked(self) -> list[str]:
        """What could not be checked, as messages."""
        return unchecked(self.verdicts)

    @property
    def warnings(self) -> list[str]:
        """What the fragments warned of, each once, and what was skipped in their directories.

        Several files may ask one template, which warns: the first of them is named.
        """
        found: dict[str, None] = dict.fromkeys(f"{fault}\n  {fault.hint}" for fault in self.left_out.values())
        texts: set[str] = set()
        for output in self.outputs:
            for text in output.rendering.warnings:
                if text not in texts:
                    texts.add(text)
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
    count: Callable[[int, int], None] | None = None,
) -> Plan:
    """Expand templates and compare the outputs with the disk.

    :param paths: the templates.
    :param keep_attributes: an existing file keeps its mode and owner unless the metadata says otherwise, as
        ``expand-template`` does and an event does not (docs/original.md#what-is-kept).
        Everything is expanded then; an event leaves out what is certain to be as it was.
    :param renderer: what expands them, and stays open; default: one over the layers of the layout.
    :param event: the event it is for; "" outside of one.
    :param count: called before each template with how many were expanded, and how many there are.
    :raises TemplateError: when a template is missing or broken. In an event a fault of a contrib is kept to its unit.
    :raises InstallError: when an output cannot be a file, or its owner does not exist; likewise.
    """
    if renderer is None:
        with Renderer(layout, snapshot, event=event) as own:
            planning = _Planning(own, keep_attributes=keep_attributes, count=count)
            return planning.of(paths, is_event=bool(event))
    return _Planning(renderer, keep_attributes=keep_attributes, count=count).of(paths, is_event=bool(event))


class _Planning:
    """Makes one plan.

    :param renderer: what expands the templates.
    :param keep_attributes, count: see :func:`make_plan`.
    """

    def __init__(self, renderer: Renderer, *, keep_attributes: bool, count: Callable[[int, int], None] | None) -> None:
        self._renderer = renderer
        self._count = count
        self._snapshot = renderer.snapshot
        self._memory = Memory(renderer)
        if not keep_attributes:
            renderer.recall, renderer.recall_keys = self._memory.recall, self._memory.recall_keys
        self._plan = Plan(strict=is_strict(self._snapshot), left_out=renderer.left_out)
        self._comparison = Comparison(renderer.layout.disk(), self._snapshot, keep_attributes=keep_attributes)
        self._made_by: dict[str, Rendering] = {}
        self._is_event = False
        self._own_places = own_places(renderer.layout)

    def of(self, paths: Iterable[str], *, is_event: bool = False) -> Plan:
        """Return the plan of templates.

        :param is_event: a fault of a contrib is kept to its unit, since the templates are not those somebody asked for.
        """
        at_fault: list[Output] = []
        self._is_event = is_event
        if is_event:
            self._plan.blamed = self._contribs_part
        templates = list(dict.fromkeys(paths))
        for number, path in enumerate(templates):
            if self._count is not None:
                self._count(number, len(templates))
            try:
                self._add(path)
            except (TemplateError, InstallError) as error:
                if not is_event or self._stops_everything(error, path):
                    raise
                self._plan.require_lenient(error)
                at_fault += self._leave(path, error)
        for fault in self._plan.left_out.values():
            self._plan.require_lenient(fault)
        if is_event:
            at_fault += self._leave_in_the_way()
        leave_units(self._plan.outputs, at_fault)
        self._plan.looked_at = self._memory.looked_at
        return self._plan

    def _add(self, path: str) -> None:
        plan, renderer, first = self._plan, self._renderer, len(self._plan.outputs)
        under, made_by = renderer.layout.under, self._made_by
        for rendering in renderer.render(path):
            require_place(rendering, self._own_places)
            if rendering.path in made_by:
                self._make_way(rendering)
            if is_made(rendering, made_by):
                continue
            if rendering.recalled:
                # It is as it was installed: there may be ten thousands of these.
                plan.outputs.append(recalled_output(under(rendering.path), rendering))
                continue
            output = new_output(renderer, rendering)
            output.inputs = self._memory.inputs(rendering)
            plan.outputs.append(output)
            with plan.leaving(output):
                self._comparison.compare(output)
        if renderer.makes_all(path):
            plan.whole.add(path)
            plan.listed |= self._memory.listed(path, plan.outputs[first:])
            orphans = [name for name in self._memory.outputs_of(path) if name not in self._made_by]
            for name in orphans:
                orphan = new_output(renderer, renderer.absent(path, name))
                plan.outputs.append(orphan)
                if _was_installed(self._snapshot, name):
                    with plan.leaving(orphan):
                        self._comparison.compare(orphan)

    def _make_way(self, rendering: Rendering) -> None:
        """Take out of the plan what a contrib makes in the place of a file of a shipped template."""
        other, shipped = self._made_by.get(rendering.path), self._renderer.shipped
        if other is None or not self._is_event or not shipped.has_template(rendering.template.path):
            return
        if not shipped.is_known or shipped.has_template(other.template.path):
            return
        file = other.metadata.sources.get("output", contribs_part(other.template, shipped))
        fault = TemplateError(f"makes {rendering.path}, which a shipped template makes", place=file, hint=OTHER_OUTPUT)
        self._plan.require_lenient(fault)
        self._plan.keep_to_unit(other.template.path, fault, file)
        self._plan.outputs = [output for output in self._plan.outputs if output.rendering is not other]
        del self._made_by[rendering.path]

    def _leave_in_the_way(self) -> list[Output]:
        """Leave files of contribs that would have to be directories, or lie below such a one, and return them."""
        shipped, left = self._renderer.shipped, []
        for output, path in in_the_way(self._plan.outputs, shipped):
            template = output.rendering.template
            file = contribs_part(template, shipped)
            fault = TemplateError(f"{path} would be a file and the directory of files", place=file, hint=OTHER_OUTPUT)
            self._plan.require_lenient(fault)
            self._plan.keep_to_unit(template.path, fault, file)
            output.left = fault
            left.append(output)
        return left

    def _stops_everything(self, error: EsmithError, path: str) -> bool:
        if isinstance(error, NoTemplateError):
            return False
        template, _ = self._known(path)
        return stops_everything(error, template.path, self._renderer.shipped)

    def _contribs_part(self, output: Output) -> str:
        return contribs_part(output.rendering.template, self._renderer.shipped)

    def _leave(self, path: str, error: EsmithError) -> list[Output]:
        """Leave all outputs of a template as they are, and return them: those it has now, and those it had."""
        template, metadata = self._known(path)
        shipped = self._renderer.shipped
        is_named = without_line(error.place).startswith(f"{self._renderer.layout.configuration}/")
        self._plan.keep_to_unit(template.path, error, error.place if is_named else contribs_part(template, shipped))
        if isinstance(error, NoTemplateError):
            return []
        own = [output for output in self._plan.outputs if output.rendering.template.path == template.path]
        names = dict.fromkeys(self._memory.outputs_of(template.path))
        if not (metadata.foreach or metadata.outputs or KEY in template.path):
            names[metadata.output or template.path] = None
        for name in names.keys() - {output.path for output in own}:
            made_by = self._made_by.get(name)
            if made_by is None or made_by.template.path == template.path:
                rendering = self._made_by[name] = Rendering(name, template, metadata, Kind.LEFT)
                own.append(new_output(self._renderer, rendering))
                self._plan.outputs.append(own[-1])
        for output in own:
            output.left = error
        return own

    def _known(self, path: str) -> tuple[Template, Metadata]:
        """Return a template and its metadata, as far as they can be read."""
        renderer = self._renderer
        try:
            return renderer.find(path)
        except TemplateError:
            template = Template(os.path.normpath("/" + path.lstrip("/")), [])
        if not renderer.shipped.has_template(template.path):
            # Its own metadata are wrong perhaps; what it inherits is what the others of its directory do.
            with suppress(TemplateError):
                sibling = Template(os.path.join(os.path.dirname(template.path), KEY), [])
                return template, replace(renderer.metadata.of(sibling), foreach="", outputs="", output="")
        return template, UNKNOWN


def _was_installed(snapshot: Snapshot, path: str) -> bool:
    """Return whether a file was installed by the engine: what was left to somebody else is not removed."""
    installed = OUTPUTS.get(snapshot, path)
    return installed is not None and not installed.is_absent
