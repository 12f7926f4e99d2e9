"""``expand-template``: expand single templates (docs/commands.md#expand-template)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from esmith.cli.diffs import diff_printer, no_diff
from esmith.cli.left_out import warn_of_left
from esmith.cli.output import print_report
from esmith.cli.program import root_option, run_click, warn
from esmith.events.expand import expand_templates, plan_templates
from esmith.events.lock import LOCK_TIMEOUT
from esmith.events.session import RecordingSession, Session
from esmith.fragments.reads import Reads
from esmith.layout import Layout
from esmith.plan.plan import Plan
from esmith.store import open_store


@dataclass(frozen=True)
class _Options:
    """What was given on the command line."""

    paths: tuple[str, ...]
    dry_run: bool
    show_diff: bool
    explain: bool
    output: str
    queue: tuple[str, ...]
    timeout: float


@click.command()
@root_option
@click.option("--dry-run", is_flag=True, help="Only check the files; with --diff, show what would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Show how each file changes, as a unified diff.")
@click.option("--explain", is_flag=True, help="Show the fragments, their layers, engines and reads; change nothing.")
@click.option(
    "--output_filename", "--output-filename", "output", default="", metavar="PATH", help="Write there instead."
)
@click.option(
    "--expand_queue",
    "--expand-queue",
    "queue",
    multiple=True,
    metavar="DIR",
    help="Find fragments in this directory instead of templates-custom and templates; may be repeated, nearest first.",
)
@click.option("--timeout", default=LOCK_TIMEOUT, show_default=True, help="Seconds to wait for an event.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.pass_obj
def _command(root: str | None, /, **options: Any) -> int:
    """Expand the templates of files: PATH is the absolute path of the file to generate.

    So are those of files that are made with them. No service is adjusted. An existing file keeps its mode and owner,
    unless a template.toml says otherwise.

    \b
    Examples:
      expand-template /etc/clamd.conf
      expand-template --explain /var/service/qpsmtpd/config/peers/0
    """
    return _expand(Layout.chosen(root), _Options(**options))


def _expand(layout: Layout, options: _Options) -> int:
    layers = tuple(layout.under(os.path.join("/etc/e-smith", directory)) for directory in options.queue)
    if options.output and len(options.paths) > 1:
        raise click.UsageError("--output_filename goes with one PATH")
    only_tries = options.dry_run or options.explain
    store = open_store(layout, write=not only_tries)
    show = diff_printer(layout, store) if options.show_diff else no_diff
    session = Session(layout, store, warn, options.timeout)
    if only_tries:
        session = RecordingSession(layout, store, warn, show=show)
    if options.explain:
        plan = plan_templates(session, options.paths, output=options.output, layers=layers)
        for text in plan.warnings:
            warn(text)
        print_report(_explanation(plan, layout))
    else:
        # Of other fragments, or elsewhere, it is a text of its own.
        with_including = not (options.output or layers)
        plan = expand_templates(
            session, options.paths, output=options.output, layers=layers, with_including=with_including
        )
        if not options.show_diff:
            print_report(_also_changed(plan, options))
    if options.explain or not only_tries:
        show(plan)
    return warn_of_left(len(plan.left), done=not only_tries)


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


def main() -> NoReturn:
    """Run ``expand-template`` on the arguments of this process."""
    run_click(_command, "expand-template")
