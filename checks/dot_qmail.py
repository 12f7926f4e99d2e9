"""Delivery instructions, as dot-qmail(5) states them."""

from __future__ import annotations

import os

from esmith.checks.own.file import File, Findings
from esmith.schema.addresses import delivery_fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def rule_for(path: str) -> Callable[[File], Findings] | None:
    """Return the rule for a file whose name begins with .qmail; None for other files."""
    if not os.path.basename(path).startswith(".qmail"):
        return None
    return lambda file: Findings.of("qmail-local", _faults(file))


def _faults(file: File) -> Iterator[tuple[int, str]]:
    for number, line in file.lines():
        text = line.rstrip(" \t")
        if not text and number == 1:
            yield number, "the first line is empty, so qmail-local defers the mail"
        elif fault := delivery_fault(text):
            yield number, f"{text!r} {fault}"
