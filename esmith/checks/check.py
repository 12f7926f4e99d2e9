"""Checking new files before any of them is installed, and installed ones (docs/architecture.md#checks).

A template says how in its metadata: a program that reads the file, or a check that needs no program.
"""

from __future__ import annotations

import os

from esmith.checks.due import Due
from esmith.checks.staged import StagedTree
from esmith.environment import PATH, which
from esmith.errors import CheckError, TemplateError
from esmith.fields import dataclass, replace
from esmith.fragments.rendering import Rendering
from esmith.fragments.settings import refused_settings
from esmith.functions import cache, partial
from esmith.plan.output import Difference, Output
from esmith.plan.unit import leave_units
from esmith.plan.verdict import Outcome, Verdict
from esmith.schema.load import Schema
from esmith.schema.strict import STRICT
from esmith.shipped import ShippedFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from esmith.checks.hiding import Secrets
    from esmith.checks.own import Rule, Rules
    from esmith.checks.views import Ended
    from esmith.fragments.file_check import Check
    from esmith.layout import Layout
    from esmith.plan.plan import Plan


@dataclass(frozen=True)
class Subject:
    """A file to be checked.

    :param path: the file, as the configured system knows it.
    :param check: how it is checked.
    :param source: the file that sets the check.
    :param rendering: what gives it; None when that is not known, or not what is in it.
    :param is_a_users: whether it is in a directory of a user, which no program is shown.
    """

    path: str
    check: Check
    source: str
    rendering: Rendering | None
    is_a_users: bool = False


def check(plan: Plan, layout: Layout, *, writes: bool) -> None:
    """Check what a plan changes. The verdicts are put into the plan.

    What is refused and read by disabled services alone is left as it is, and stops nothing else. In an event one that a
    contrib has a part in is left with its unit. The rest is checked again without these. A refused file that does not
    change itself stays among the verdicts.

    :param writes: whether the root may be written to; the caller holds the event lock then.
    :raises CheckError: when another file is refused. Nothing was installed.
    """
    outputs = {output.path: output for output in plan.outputs}
    at_fault: list[Output] = []
    while refused := _refused(plan, layout, writes=writes):
        causes = {one.path: _causes(plan, outputs[one.path]) for one in refused}
        kept = {path for path, found in causes.items() if found or plan.unread(outputs[path])}
        if plan.strict or len(kept) < len(refused):
            # What stops everything is named first.
            raise _error(sorted(refused, key=lambda one: one.path in kept), STRICT if plan.strict and kept else "")
        if not any(causes.values()):
            return
        for one in refused:
            for cause, reason in causes[one.path]:
                cause.left = _left(cause, one, reason)
                if not plan.unread(outputs[one.path]):
                    file = plan.blamed(cause) or plan.blamed(outputs[one.path])
                    plan.keep_to_unit(cause.rendering.template.path, cause.left, file)
                    at_fault.append(cause)
        leave_units(plan.outputs, at_fault)


def _left(cause: Output, refused: Verdict, reason: str) -> CheckError:
    """Return why an output is left because of one that is refused: itself, or one that reads it.

    :param reason: why it stops nothing else.
    """
    message, hint = refused.reason, "\n  ".join(refused.lines)
    if cause.path != refused.path:
        message = f"with it {refused.path} would be wrong: {message}"
    return CheckError(f"{message} ({reason})", place=cause.path, hint=hint)


def _refused(plan: Plan, layout: Layout, *, writes: bool) -> list[Verdict]:
    """Check the plan as it is now, put the verdicts into it, and return those that refuse a file."""
    changed = {output.path for output in plan.changed if output.difference is not Difference.ATTRIBUTES}
    due = Due(changed)
    subjects = [_subject(output) for output in plan.outputs if changed and due.covers(output)]
    schema = Schema(layout)

    @cache
    def secrets() -> Secrets:
        from esmith.checks.hiding import secrets_read

        return secrets_read(plan, schema, plan.secrets())

    verdicts, plan.copied = examine(
        subjects, StagedTree(layout, plan.outputs), secrets, writes=writes, count=plan.count
    )
    renderings = {output.path: output.rendering for output in plan.outputs}
    plan.verdicts = [_with_settings(verdict, renderings[verdict.path], schema) for verdict in verdicts]
    return [verdict for verdict in plan.verdicts if verdict.outcome is Outcome.REFUSED]


def _causes(plan: Plan, refused: Output) -> list[tuple[Output, str]]:
    """Return what is left because of a refused output, each with why it stops nothing else; nothing when it does.

    That is itself. One that does not change is refused because of what it reads: of that what no enabled service reads,
    or what a contrib has a part in.
    """
    unread = plan.unread(refused)
    if refused.difference is not Difference.NONE and not refused.left:
        reason = unread or _part(plan.blamed(refused))
        return [(refused, reason)] if reason else []
    read = [output for output in plan.changed if Due({output.path}).covers(refused)]
    if unread:
        return [(one, unread) for one in read if plan.unread(one) or not one.rendering.metadata.services]
    blamed = plan.blamed(refused)
    return [(one, reason) for one in read if (reason := _part(plan.blamed(one) or blamed))]


def _part(file: str) -> str:
    return f"a contrib has a part in it: {file}" if file else ""


def _error(refused: list[Verdict], fact: str) -> CheckError:
    """Return the error about files that are refused.

    :param fact: what else is so; "" for nothing.
    """
    first, *others = refused
    more = [f"{verdict.path}: {verdict.reason}:\n  {_indented(verdict)}" for verdict in others]
    return CheckError(
        f"{first.reason}, so no file was changed:",
        place=first.path,
        hint="\n".join([_indented(first), *more, *([f"  {fact}"] if fact else [])]),
    )


def examine(
    subjects: Iterable[Subject],
    tree: StagedTree,
    secrets: Callable[[], Secrets] | None = None,
    *,
    writes: bool = False,
    count: Callable[[str, int, int], None] | None = None,
) -> tuple[list[Verdict], str]:
    """Check files of a tree.

    :param secrets: gives what is hidden of what checks say; it is asked only where one says something.
    :param writes: whether the root may be written to: see :class:`esmith.checks.views.Views`.
    :param count: called before each program with what is done, how many have ended, and how many there are.
    :return: a verdict for each file that a check knows, in order; and why programs saw copies of the files, "" when
        none did.
    """
    found: dict[str, Verdict] = {}
    waiting: dict[tuple[str, ...], list[Subject]] = {}
    order = []
    rules: Rules | None = None
    for subject in map(_as_installed, subjects):
        order.append(subject.path)
        program = subject.check.command[0] if subject.check.command else subject.check.own
        if subject.check.off:
            reason = f"its check is off: {subject.check.off} ({subject.source})"
            found[subject.path] = Verdict(subject.path, Outcome.UNCHECKED, "", reason)
        elif subject.check.own:
            from esmith.checks.own import Rules

            rules = rules or Rules(tree.layout)
            verdict = _own(subject, tree, rules, secrets)
            if verdict is not None:
                found[subject.path] = verdict
        elif subject.is_a_users:
            reason = f"it is in a directory of a user, so {program} was not run on it"
            found[subject.path] = Verdict(subject.path, Outcome.UNCHECKED, program, reason)
        elif which(program, PATH) is None:
            reason = f"{program} is not installed (Debian package {subject.check.package})"
            found[subject.path] = Verdict(subject.path, Outcome.UNCHECKED, program, reason)
        else:
            waiting.setdefault(_run_key(subject), []).append(subject)
    copied = ""
    if waiting:
        # Most changes are of files that no program checks.
        from esmith.checks.views import Job, Views

        views = Views(tree, writes=writes, count=count)
        ended = views.run([Job(one[0].path, one[0].check) for one in waiting.values()])
        copied = views.copied
        for group, one in zip(waiting.values(), ended, strict=True):
            for subject in group:
                found[subject.path] = _judge(subject, one, group, tree, secrets)
    return [found[path] for path in order if path in found], copied


def _as_installed(subject: Subject) -> Subject:
    """Return the file with the name that its check program has on this machine; the first name where it has none."""

    names = (*subject.check.command[:1], *subject.check.also_called)
    found = next((name for name in names if which(name, PATH)), "")
    if not found or found == names[0]:
        return subject
    return replace(subject, check=replace(subject.check, command=(found, *subject.check.command[1:])))


def _with_settings(verdict: Verdict, rendering: Rendering, schema: Schema) -> Verdict:
    """Return a verdict that also names the settings that may be why a file is refused."""
    if verdict.outcome is not Outcome.REFUSED:
        return verdict
    return replace(verdict, lines=(*verdict.lines, *refused_settings(rendering.reads, schema)))


def _subject(output: Output) -> Subject:
    metadata = output.rendering.metadata
    assert metadata.check is not None
    rendering = None if output.rendering.recalled else output.rendering
    return Subject(output.path, metadata.check, metadata.sources["check"], rendering, output.is_a_users)


def _run_key(subject: Subject) -> tuple[str, ...]:
    """Return what two files have in common that one run of a program checks."""
    wanted = subject.check
    own_name = subject.path if any("{file}" in word for word in wanted.command) else ""
    environment = [f"{name}={value}" for name, value in sorted(wanted.environment.items())]
    return (own_name, os.path.dirname(subject.path), *wanted.command, "", *environment)


def _own(subject: Subject, tree: StagedTree, rules: Rules, secrets: Callable[[], Secrets] | None) -> Verdict | None:
    verdict = partial(Verdict, subject.path, by=subject.check.own, is_a_rules=True)
    try:
        rule = rules.find(subject.check.own, subject.path)
        try:
            return _judged_by(rule, subject, tree, verdict, secrets)
        except TemplateError as error:
            # What a rule raises quotes what it could not read.
            error.message = _shown(error.message, subject, secrets() if secrets else None)
            raise
    except TemplateError as error:
        if not ShippedFiles(tree.layout).is_a_contribs(error.place):
            raise
        lines = (f"{error.place}: {error.message}", *([error.hint] if error.hint else []))
        return verdict(Outcome.REFUSED, reason="its check failed", lines=lines)


def _judged_by(
    rule: Rule | None,
    subject: Subject,
    tree: StagedTree,
    verdict: Callable[..., Verdict],
    secrets: Callable[[], Secrets] | None,
) -> Verdict | None:
    if rule is None and subject.check.inherited:
        return None
    if rule is None:
        reason = f"the check {subject.check.own!r} has no rule for a file of this name ({subject.source})"
        return verdict(Outcome.UNCHECKED, reason=reason, is_a_rules=False)
    from esmith.checks.own.file import File

    try:
        content = tree.read(subject.path)
        findings = rule(File(subject.path, content or b"", tree))
    except OSError as error:
        reason = f"{error.filename or subject.path} cannot be read ({error.strerror})"
        return verdict(Outcome.UNCHECKED, reason=reason)
    hidden = secrets() if secrets and (findings.faults or findings.unknown) else None
    if findings.faults:
        from esmith.checks.complaint import SHOWN_LINES, Complaint, shown_lines

        faults = findings.faults[:SHOWN_LINES]
        faults = [(number, _shown(text, subject, hidden)) for number, text in faults]
        found = [
            Complaint(f"line {number}: {text}" if number else text, subject.path, (number,), subject.rendering)
            for number, text in faults
        ]
        lines = shown_lines(found)
        return verdict(Outcome.REFUSED, reason=f"it is not as {findings.reader} needs it", lines=lines)
    if findings.unknown:
        reason = _shown(findings.unknown, subject, hidden)
        return verdict(Outcome.UNCHECKED, reason=reason)
    return verdict(Outcome.PASSED)


def _shown(text: str, subject: Subject, secrets: Secrets | None) -> str:
    return secrets.without(text, subject.path, subject.rendering) if secrets else text


def _judge(
    subject: Subject, ended: Ended, group: list[Subject], tree: StagedTree, secrets: Callable[[], Secrets] | None
) -> Verdict:
    from esmith.checks.complaint import Complaint, complaints, shown_lines

    program = subject.check.command[0]
    name = os.path.basename(program)
    if ended.why:
        what = {
            "timeout": f"{name} did not end within {subject.check.timeout:g} s",
            "output": f"{name} printed more than a megabyte",
        }.get(ended.why, f"{name} {ended.why}")
        return Verdict(subject.path, Outcome.REFUSED, program, what)
    found_texts = complaints(ended, subject.check.fails_on)
    if found_texts is None:
        return Verdict(subject.path, Outcome.PASSED, program)
    if secrets is not None:
        # Only now: what a program takes for wrong may look like a secret.
        found_texts = [secrets().mask(text) for text in found_texts]
    renderings = {other.path: other.rendering for other in group}
    renderings |= {path: output.rendering for path, output in tree.changed.items()}
    found = [Complaint.about(text, subject.path, renderings) for text in found_texts]
    mine = [complaint for complaint in found if complaint.path == subject.path or complaint.path not in _paths(group)]
    if not mine and found:
        return Verdict(subject.path, Outcome.PASSED, program)
    lines = shown_lines(mine)
    return Verdict(subject.path, Outcome.REFUSED, program, f"{name} refuses it", lines or ("(it printed nothing)",))


def _paths(group: list[Subject]) -> set[str]:
    return {subject.path for subject in group}


def _indented(verdict: Verdict) -> str:
    return "\n  ".join(verdict.lines)
