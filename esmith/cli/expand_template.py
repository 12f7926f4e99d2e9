"""``expand-template``: expand single templates (docs/commands.md#expand-template)."""

from __future__ import annotations

import os

from esmith.cli.arguments import COLOR_OPTION, Command, Option
from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.running import progress_of_steps, run_command
from esmith.events import LOCK_TIMEOUT
from esmith.events.stamp import unchanged
from esmith.layout import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from esmith.fragments.reads import Reads
    from esmith.plan.plan import Plan
    from esmith.store.protocol import Store


class _Options:
    """What was given on the command line."""

    paths: tuple[str, ...]
    dry_run: bool
    show_diff: bool
    color: str
    explain: bool
    output: str
    queue: tuple[str, ...]
    timeout: float
    as_json: bool

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
        self.paths = values["path"]

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to do or to show when nothing has changed."""
        shows = self.dry_run or self.show_diff or self.explain or self.as_json
        return not (shows or self.output or self.queue)


def _is_done(root: str | None, values: dict[str, Any]) -> bool:
    """Return whether it would find everything as it was."""
    options = _Options(values)
    return options.is_plain and unchanged(Layout.chosen(root), ["expand-template", *options.paths]) is not None


def _carry_out(root: str | None, values: dict[str, Any]) -> int:
    from esmith.store import open_store

    layout, options = Layout.chosen(root), _Options(values)
    store = open_store(layout, write=not (options.dry_run or options.explain))
    try:
        return _expand(layout, store, options)
    finally:
        store.close()


def _expand(layout: Layout, store: Store, options: _Options) -> int:
    from esmith.cli.diffs import DiffPrinter, no_diff
    from esmith.cli.left_out import warn_of_left
    from esmith.cli.other_version import warn_of_other_version
    from esmith.events.expand import expand_templates, plan_templates
    from esmith.events.session import RecordingSession, Session

    layers = tuple(layout.under(os.path.join("/etc/e-smith", directory)) for directory in options.queue)
    only_tries = options.dry_run or options.explain
    printer = DiffPrinter(layout, store, color=options.color) if options.show_diff else None
    show = printer or no_diff
    progress = progress_of_steps()
    say = progress.before(warn) if progress else warn
    session = Session(layout, store, say, options.timeout)
    session.look = printer.look if printer else None
    if only_tries:
        session = RecordingSession(layout, store, say, show=progress.before(show) if progress else show)
    session.count = progress.show if progress else None
    warn_of_other_version(layout, session.say, in_checkouts=False)
    try:
        if options.explain:
            plan = plan_templates(session, options.paths, output=options.output, layers=layers)
        else:
            # Of other fragments, or elsewhere, it is a text of its own.
            with_including = not (options.output or layers)
            plan = expand_templates(
                session, options.paths, output=options.output, layers=layers, with_including=with_including
            )
    finally:
        if progress:
            progress.clear()
    if options.explain:
        for text in plan.warnings:
            warn(text)
        print_report(_explanation(plan, layout))
    elif options.as_json:
        from esmith.cli.json_output import json_text

        print_lines([json_text(_data(plan))])
    elif not options.show_diff:
        print_report(_also_changed(plan, options))
    if options.explain or not only_tries:
        show(plan)
    session.keep()
    return warn_of_left(len(plan.left), done=not only_tries)


def _data(plan: Plan) -> dict[str, Any]:
    return {
        "files": [{"path": output.path, "change": output.difference.value} for output in plan.changed],
        "unchanged": len(plan.outputs) - len(plan.changed),
        "left": {output.path: output.left.message for output in plan.left if output.left},
    }


def _also_changed(plan: Plan, options: _Options) -> list[str]:
    """Return a line for each file that changed and was not asked for: it is made with the template of one that was."""
    asked = {os.path.normpath(path) for path in options.paths}
    lines = []
    for output in plan.changed:
        parts = sorted(output.rendering.reads.templates & asked)
        if parts and not asked & {output.path, output.rendering.template.path}:
            verb = "would change" if options.dry_run else "changed"
            lines.append(f"{output.path} {verb}, too: it is made with {', '.join(parts)}")
    return lines


def _explanation(plan: Plan, layout: Layout) -> list[str]:
    lines = []
    for output in plan.outputs:
        rendering = output.rendering
        owner = f"{rendering.owner}:{rendering.group}"
        lines.append(f"{output.path}: {output.difference.value}, mode {output.mode:04o}, owner {owner}")
        if rendering.beside:
            lines.append(f"  made by a fragment of {rendering.beside}, from {rendering.template.path}")
        for fragment, choice in rendering.engines:
            layer = os.path.basename(fragment.layer)
            lines.append(f"  {fragment.name:<30} {layer:<16} {choice.engine:<7} ({choice.reason})")
            lines.append(f"      {layout.inside(fragment.path)}")
        lines += [
            f"  skipped {layout.inside(skipped.path)}: {skipped.reason}" for skipped in rendering.template.skipped
        ]
        lines += [f"  reads {_read(cell, rendering.reads)}" for cell in sorted(rendering.reads.props)]
        lines += [f"  lists {database} {type}".rstrip() for database, type in sorted(rendering.reads.listings)]
        lines += [f"  lists the properties of {database} {key}" for database, key in sorted(rendering.reads.names)]
        lines += [f"  looks at {path}" for path in sorted(rendering.reads.files)]
        lines += [f"  asks for the version of {name}" for name in sorted(rendering.reads.programs)]
        for service, word in (rendering.metadata.services or {}).items():
            lines.append(f"  read by {service}{f' ({word})' if word else ''}")
    return lines


def _read(cell: tuple[str, str, str], reads: Reads) -> str:
    name = " ".join(part for part in cell if part)
    state = "missing" if reads.props[cell] is None else "empty"
    default = reads.defaults.get(cell)
    if default is not None:
        return f"{name} ({state}, so {default.value!r}: {default.key} in {default.path})"
    return f"{name} (missing)" if state == "missing" else name


def _mistake(values: dict[str, Any]) -> str:
    if values["as_json"] and (values["explain"] or values["show_diff"]):
        return "--json goes neither with --explain nor with --diff"
    return "--output_filename goes with one PATH" if values["output"] and len(values["path"]) > 1 else ""


COMMAND = Command(
    "expand-template",
    _carry_out,
    """Expand the templates of files: PATH is the absolute path of the file to generate.

So are those of files that are made with them. No service is adjusted. An existing file keeps its mode and owner,
unless a template.toml says otherwise.

\b
Examples:
  expand-template /etc/clamd.conf
  expand-template --explain /var/service/qpsmtpd/config/peers/0
""",
    [
        Option(("--dry-run",), "dry_run", "Only check the files; with --diff, show what would change."),
        Option(("--diff",), "show_diff", "Show how each file changes, as a unified diff."),
        COLOR_OPTION,
        Option(("--explain",), "explain", "Show the fragments, their layers, engines and reads; change nothing."),
        Option(
            ("--output_filename", "--output-filename"),
            "output",
            "Write there instead.",
            read=str,
            default="",
            metavar="PATH",
        ),
        Option(
            ("--expand_queue", "--expand-queue"),
            "queue",
            "Find fragments in this directory instead of templates-custom and templates; may be repeated, "
            "nearest first.",
            read=str,
            metavar="DIR",
            repeated=True,
        ),
        Option(("--json",), "as_json", "Print which files changed as a JSON object."),
        Option(("--timeout",), "timeout", "Wait so long for an event, in seconds.", read=float, default=LOCK_TIMEOUT),
    ],
    operands=("path",),
    is_done=_is_done,
    mistake=_mistake,
)


def main() -> NoReturn:
    """Run ``expand-template`` on the arguments of this process, and end it."""
    run_command(COMMAND)
