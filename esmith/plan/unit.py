"""What changes together: the outputs one service reads, or one check covers (docs/events.md#a-fault-of-a-contrib)."""

from __future__ import annotations

import os

from esmith.errors import TemplateError
from esmith.fragments.metadata import Metadata
from esmith.plan.output import Difference, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The metadata of an output where they cannot be read.
UNKNOWN = Metadata()


class LeftWithError(TemplateError):
    """An output is left as it is because another one is that it belongs together with.

    :param other: the path of that one.
    """

    def __init__(self, path: str, other: str) -> None:
        super().__init__(f"belongs together with {other}, which is left as it is", place=path)
        self.other = other


def leave_units(outputs: Iterable[Output], at_fault: Iterable[Output]) -> None:
    """Leave as they are the outputs that belong together with others at fault, also by way of further ones.

    :param outputs: all of the plan.
    :param at_fault: those that are left because of a fault of a contrib.
    """
    cause = {id(output): output for output in at_fault}
    members: dict[tuple[str, str], list[Output]] = {}
    for output in outputs if cause else ():
        for unit in (_directory_of(output), *_units_of(output)):
            members.setdefault(unit, []).append(output)
    waiting = list(cause.values())
    while waiting:
        output = waiting.pop()
        # Metadata hold for a directory, so what is in the same one has the same perhaps.
        is_unknown = output.rendering.metadata is UNKNOWN
        for unit in [_directory_of(output)] if is_unknown else _units_of(output):
            for other in members.pop(unit, []):
                if id(other) not in cause:
                    cause[id(other)] = cause[id(output)]
                    waiting.append(other)
                    if other.difference is not Difference.NONE and other.left is None:
                        other.left = LeftWithError(other.path, cause[id(output)].path)


def _units_of(output: Output) -> Iterator[tuple[str, str]]:
    metadata = output.rendering.metadata
    for service in metadata.services or {}:
        yield "service", service
    if metadata.unit:
        yield "unit", metadata.unit
    if metadata.check is not None and metadata.check.own:
        yield "check", metadata.check.own


def _directory_of(output: Output) -> tuple[str, str]:
    return "directory", os.path.dirname(output.path)
