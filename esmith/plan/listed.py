"""What the engine remembers of templates whose keys are made, by ``outputs`` or ``key``: once, not with each output.

That is what their keys were made of, and what several outputs have in common that were made of the very same. The row
of such an output has a digest in the place of it: when that is not found here, the output counts as not remembered.
"""

from __future__ import annotations

from esmith.fields import dataclass, field, replace
from esmith.store.table import is_path, json_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.plan.installed import Installed
    from esmith.plan.remembered import Cell
    from esmith.store.protocol import Snapshot

#: What a digest begins with where something else is remembered of other outputs.
_MARK = "="


@dataclass(frozen=True)
class Listed:
    """The keys of a template.

    The row is about the keys alone and not about what is installed, so it stays when files are taken back.

    :param inputs: what they were made of; see :mod:`esmith.plan.memory`.
    :param keys: the keys in order, each with the key of the record it stands for, "" for none.
    :param common: what several outputs were made of, by its digest.
    """

    inputs: str
    keys: dict[str, str] = field(default_factory=dict)
    common: dict[str, str] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        """What the keys and the outputs were made of."""
        return [self.inputs, *self.common.values()]

    def resolved(self, inputs: str) -> str:
        """Return what an output was made of; "" when that is not remembered.

        :param inputs: what its row says.
        """
        return self.common.get(inputs[len(_MARK) :], "") if is_common(inputs) else inputs


#: The engine's table of keys: path of the template -> :class:`Listed`.
LISTED = json_table(
    "listed",
    Listed,
    lambda path: f"for which keys {path} makes a file is found out again by the next event",
    lambda path, _: is_path(path),
)


def is_common(inputs: str) -> bool:
    """Return whether what an output was made of stands in the row of its template."""
    return inputs.startswith(_MARK)


def common_of(texts: Iterable[str]) -> dict[str, str]:
    """Return the texts that occur more than once, each with what stands for it in the rows of the outputs."""
    from esmith.plan.remembered import digest

    counted: dict[str, int] = {}
    for text in texts:
        if text and not is_common(text):
            counted[text] = counted.get(text, 0) + 1
    return {text: f"{_MARK}{digest(text)}" for text, number in counted.items() if number > 1}


def kept_common(shared: dict[str, str], before: Listed | None, still_used: set[str]) -> dict[str, str]:
    """Return what outputs have in common now, by its digest.

    :param shared: what :func:`common_of` gave.
    :param before: what was remembered of the template.
    :param still_used: what stands in the rows of outputs that are as they were.
    """
    known = before.common if before is not None else {}
    found = {name: text for name, text in known.items() if f"{_MARK}{name}" in still_used}
    return found | {mark[len(_MARK) :]: text for text, mark in shared.items()}


def resolved(snapshot: Snapshot, installed: Installed | None, known: dict[str, Listed | None]) -> Installed | None:
    """Return a row that says itself what the output was made of: it is kept longer than the row of the template.

    :param known: what was read of templates for other outputs, by their path; it gets what is read for this one.
    """
    if installed is None or not is_common(installed.inputs):
        return installed
    listed = _listed(snapshot, installed.template, known)
    return replace(installed, inputs=listed.resolved(installed.inputs) if listed is not None else "")


def _listed(snapshot: Snapshot, template: str, known: dict[str, Listed | None]) -> Listed | None:
    if template not in known:
        # It names all keys, so it is not decoded for each of them.
        known[template] = LISTED.get(snapshot, template)
    return known[template]


def all_reads_of(
    snapshot: Snapshot, installed: Installed, known: dict[str, Listed | None] | None = None
) -> set[Cell] | None:
    """Return the cells that an output was made from, also those its key was; None when that is not remembered.

    :param known: as for :func:`resolved`.
    """
    from esmith.plan.remembered import reads_of

    listed = _listed(snapshot, installed.template, {} if known is None else known)
    if listed is None:
        return reads_of(installed.inputs)
    own = reads_of(listed.resolved(installed.inputs))
    return None if own is None else own | (reads_of(listed.inputs) or set())


def included_in(listed: Listed) -> set[str]:
    """Return the other templates that were expanded for the keys of a template, or inside its outputs."""
    from esmith.plan.remembered import included

    return {path for text in listed.texts for path in included(text)}
