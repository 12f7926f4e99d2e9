"""What the generated files would become with an override that is not saved, and whether the checks accept them.

The override is written to a folder of its own, which is nearer than ``templates-custom`` for a preview. Nothing
else is written, and no lock is taken.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import mkdtemp

from esmith.errors import EsmithError
from esmith.events.affected import TemplateUse, find_affected
from esmith.events.preview import Preview, preview
from esmith.layout import LAYERS, Layout
from esmith.names import counted
from esmith.overrides.service_trial import check_service_file
from esmith.plan.verdict import Outcome, unchecked
from esmith.store.protocol import Store

#: Of a template-begin there may be hundreds of files.
_SHOWN = 20


@dataclass
class Trial:
    """What would happen.

    :param lines: for people: how files would change, and what is wrong.
    :param fault: what is broken, or which check refuses a file; None when nothing is.
    :param event: an event that would install the files, "" for none.
    """

    lines: list[str] = field(default_factory=list)
    fault: EsmithError | None = None
    event: str = ""


def try_text(layout: Layout, store: Store, name: str, text: bytes, draft: str) -> Trial:
    """Return what would happen with an override.

    :param store: the databases; reading is enough.
    :param name: its path below ``/etc/e-smith``.
    :param text: what it would hold.
    :param draft: the file that holds it so far: a fault names that one, since the override may not be there.
    """
    trial = Trial()
    layer, _, inner = name.partition("/")
    try:
        if layer == LAYERS[0]:
            _try_template(layout, store, inner, text, trial, draft)
        else:
            trial.lines += check_service_file(layout, inner, text, draft)
    except EsmithError as error:
        trial.fault = error
    return trial


def _try_template(layout: Layout, store: Store, inner: str, text: bytes, trial: Trial, draft: str) -> None:
    place = f"{layout.layer(LAYERS[0])}/{inner}"
    with store.snapshot() as snapshot:
        known = TemplateUse.of(layout, snapshot)
    templates = find_affected(layout, known, [place]).templates
    with _folder(inner, text) as folder:
        try:
            found = preview(layout, store, templates=templates, fragments=folder, checks=True)
            trial.lines += _shown(found, known)
            trial.event = next((event for event in found.events if event), "")
            wrong = _wrong(found)
        except EsmithError as error:
            wrong = _one_wrong(error)
    tried = f"{folder}/{inner}"
    trial.lines = [line.replace(tried, place) for line in trial.lines]
    # Of what is wrong also with what is saved no override is to blame.
    there = _wrong_now(layout, store, templates) if wrong else {}
    new = [error for facts, error in wrong.items() if tuple(fact.replace(tried, place) for fact in facts) not in there]
    if new:
        trial.fault = _renamed(new[0], tried, draft)
    elif wrong:
        errors = {id(error): _renamed(error, tried, place) for error in wrong.values()}.values()
        trial.lines += ["this is wrong already, also without it:"]
        trial.lines += [line for error in errors for line in str(error).splitlines()]


def _wrong(found: Preview) -> dict[tuple[str, ...], EsmithError]:
    """Return all that is wrong, each by the facts in which it differs from another; what stops everything is first."""
    refused = found.refused
    facts: dict[tuple[str, ...], EsmithError] = {}
    if refused is not None:
        # One error is for all files that are refused.
        verdicts = [one for one in found.verdicts if one.outcome is Outcome.REFUSED]
        facts = {(one.path, one.reason, *one.lines): refused for one in verdicts} or _one_wrong(refused)
    for fault in found.faults:
        facts |= _one_wrong(fault.error)
    return facts


def _one_wrong(error: EsmithError) -> dict[tuple[str, ...], EsmithError]:
    return {(error.place, error.message, error.hint): error}


def _wrong_now(layout: Layout, store: Store, templates: list[str]) -> dict[tuple[str, ...], EsmithError]:
    """Return all that is wrong with what is saved."""
    try:
        return _wrong(preview(layout, store, templates=templates, checks=True))
    except EsmithError as error:
        return _one_wrong(error)


def _shown(found: Preview, known: TemplateUse) -> list[str]:
    lines = list(dict.fromkeys(line for text in found.warnings for line in text.splitlines()))
    own = [file for file in found.files if not file.anyway]
    lines += [line for file in own[:_SHOWN] for line in file.diff]
    if len(own) > _SHOWN:
        lines.append(f"... and {counted(len(own) - _SHOWN, 'more file')} would change")
    if len(found.files) > len(own):
        lines.append(f"{counted(len(found.files) - len(own), 'file')} would change as well, also without it")
    if not own and not _wrong(found):
        lines.append("no file would change because of it")
    passed = [file.path for file in own if file.verdict is not None and file.verdict.outcome is Outcome.PASSED]
    lines += [f"the check accepts {path}" for path in passed[:_SHOWN]]
    lines += unchecked(found.verdicts)
    lines += [f"service {name}: {' '.join(actions)}" for name, actions in found.services.items()]
    templates = dict.fromkeys(file.template for file in own)
    lines += [f"no event expands {path}; expand-template does" for path in templates if path not in known.events]
    return lines


def _renamed(fault: EsmithError, tried: str, place: str) -> EsmithError:
    """Have an error name another file than the one in the folder of the trial."""
    fault.place, fault.message, fault.hint = (
        text.replace(tried, place) for text in (fault.place, fault.message, fault.hint)
    )
    return fault


@contextmanager
def _folder(inner: str, text: bytes) -> Iterator[str]:
    """Yield a folder with one fragment in it, as a layer."""
    folder = mkdtemp(prefix="esmith-override-")
    try:
        place = os.path.join(folder, inner)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(text)
        yield folder
    finally:
        shutil.rmtree(folder)
