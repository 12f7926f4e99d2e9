"""What the generated files would become with an override that is not saved, and whether the checks accept them.

The override is written to a folder of its own, which is nearer than ``templates-custom`` for a preview. Nothing
else is written, and no lock is taken.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import mkdtemp

from esmith.errors import EsmithError, TemplateError
from esmith.events.affected import TemplateUse, find_affected
from esmith.events.preview import Preview, preview
from esmith.layout import LAYERS, Layout
from esmith.names import counted
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


def try_text(layout: Layout, store: Store, name: str, text: bytes) -> Trial:
    """Return what would happen with an override.

    :param store: the databases; reading is enough.
    :param name: its path below ``/etc/e-smith``.
    :param text: what it would hold.
    """
    trial = Trial()
    layer, _, inner = name.partition("/")
    try:
        if layer == LAYERS[0]:
            _try_template(layout, store, inner, text, trial)
        elif name.endswith(".toml"):
            tomllib.loads(text.decode())
    except EsmithError as error:
        trial.fault = error
    except ValueError as error:
        trial.fault = TemplateError(f"is no TOML: {error}", place=f"/etc/e-smith/{name}", hint="correct the line")
    return trial


def _try_template(layout: Layout, store: Store, inner: str, text: bytes, trial: Trial) -> None:
    place = f"{layout.layer(LAYERS[0])}/{inner}"
    with store.snapshot() as snapshot:
        known = TemplateUse.of(layout, snapshot)
    templates = find_affected(layout, known, [place]).templates
    with _folder(inner, text) as folder:
        try:
            found = preview(layout, store, templates=templates, fragments=folder, checks=True)
            trial.lines += _shown(found, known)
            trial.event = next((event for event in found.events if event), "")
            trial.fault = _fault_of(found)
        except EsmithError as error:
            trial.fault = error
        _rename(trial, f"{folder}/{inner}", place)
    if trial.fault is not None and _is_so_anyway(layout, store, templates, trial.fault):
        trial.lines += ["this is wrong already, also without it:", *str(trial.fault).splitlines()]
        trial.fault = None


def _fault_of(found: Preview) -> EsmithError | None:
    return found.refused or next((fault.error for fault in found.faults), None)


def _is_so_anyway(layout: Layout, store: Store, templates: list[str], fault: EsmithError) -> bool:
    """Return whether something is wrong also with what is saved: of that no override is to blame."""
    try:
        now = _fault_of(preview(layout, store, templates=templates, checks=True))
    except EsmithError as error:
        now = error
    return now is not None and (now.place, now.message) == (fault.place, fault.message)


def _shown(found: Preview, known: TemplateUse) -> list[str]:
    lines = list(dict.fromkeys(line for text in found.warnings for line in text.splitlines()))
    own = [file for file in found.files if not file.anyway]
    lines += [line for file in own[:_SHOWN] for line in file.diff]
    if len(own) > _SHOWN:
        lines.append(f"... and {counted(len(own) - _SHOWN, 'more file')} would change")
    if len(found.files) > len(own):
        lines.append(f"{counted(len(found.files) - len(own), 'file')} would change as well, also without it")
    if not own and _fault_of(found) is None:
        lines.append("no file would change because of it")
    passed = [file.path for file in own if file.verdict is not None and file.verdict.outcome is Outcome.PASSED]
    lines += [f"the check accepts {path}" for path in passed[:_SHOWN]]
    lines += unchecked(found.verdicts)
    lines += [f"service {name}: {' '.join(actions)}" for name, actions in found.services.items()]
    templates = dict.fromkeys(file.template for file in own)
    lines += [f"no event expands {path}; expand-template does" for path in templates if path not in known.events]
    return lines


def _rename(trial: Trial, folder: str, place: str) -> None:
    """Have messages name the override where it will be, not in the folder of the trial."""
    trial.lines = [line.replace(folder, place) for line in trial.lines]
    fault = trial.fault
    if fault is not None:
        fault.place, fault.message, fault.hint = (
            text.replace(folder, place) for text in (fault.place, fault.message, fault.hint)
        )


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
