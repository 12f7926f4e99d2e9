"""The verdict about a contrib: it works, works except for something, or would stop events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from esmith.contrib.place import FAILS, Finding
from esmith.errors import ExitCode
from esmith.events.definition import TEMPLATES
from esmith.names import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

_Key = TypeVar("_Key")

WORKS = "works"
EXCEPT = "works, except"
STOPS = "would stop"
#: Why a verdict that nothing is wrong may be.
_READ = "as far as reading it shows; --rehearse expands it in a copy of the root"


@dataclass(frozen=True)
class EventVerdict:
    """What one event would do.

    :param event: its name.
    :param exit_code: what ``signal-event`` would end with.
    :param reason: what would stop it; "" when nothing would.
    :param left: the files that would stay as they are, each with the reason.
    :param failed: the actions that would fail, each with the reason.
    :param before: whether all of this is so without the contrib, too.
    """

    event: str
    exit_code: int = ExitCode.OK
    reason: str = ""
    left: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    before: bool = False

    def compared(self, other: EventVerdict) -> EventVerdict:
        """Return the same, with whether another one, of the root without the contrib, has all of it, too."""
        return replace(self, before=replace(other, before=False) == self)


@dataclass(frozen=True)
class Verdict:
    """What comes of a contrib.

    :param findings: what was found in its files, sorted.
    :param events: the events that it touches.
    :param rehearsed: whether its fragments were expanded.
    """

    findings: list[Finding]
    events: list[EventVerdict]
    rehearsed: bool

    @property
    def word(self) -> str:
        """What it is: :data:`WORKS`, :data:`EXCEPT` or :data:`STOPS`."""
        codes = {one.exit_code for one in self._new}
        if codes - {ExitCode.OK, ExitCode.PARTIAL}:
            return STOPS
        return EXCEPT if codes - {ExitCode.OK} or self._others() else WORKS

    @property
    def _new(self) -> list[EventVerdict]:
        """The events that do what they do because of the contrib."""
        return [one for one in self.events if not one.before]

    def lines(self) -> list[str]:
        """Return the verdict for people."""
        stopped = _grouped(((one.exit_code, one.reason), one.event) for one in self._new if one.reason)
        left = _grouped(((path, why), one.event) for one in self._new for path, why in one.left.items())
        failed = _grouped(((path, why), one.event) for one in self._new for path, why in one.failed.items())
        lines = [f"{STOPS} {events} (exit code {code}) because {why}" for (code, why), events in stopped.items()]
        items = [f"{path} stays as it is in {events}: {why}" for (path, why), events in left.items()]
        items += [f"{path} fails in {events}: {why}" for (path, why), events in failed.items()]
        others = self._others()
        items += [f"{counted(len(others), 'thing')} above that no exit code shows"] if others else []
        if items:
            lines += ["the other events work, except:" if lines else f"{EXCEPT}:", *(f"  {item}" for item in items)]
        return lines or [WORKS if self.rehearsed else f"{WORKS}, {_READ}"]

    def data(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "verdict": self.word,
            "rehearsed": self.rehearsed,
            "events": [vars(one) for one in self.events],
            "findings": [vars(one) for one in self.findings],
        }

    def _others(self) -> list[Finding]:
        """Return what does not work and is the reason for nothing that an event reports."""
        reasons = [text for one in self._new for text in (one.reason, *one.left.values(), *one.failed.values())]
        gone = {path for one in self._new for path in one.left}
        return [
            finding
            for finding in self.findings
            if finding.kind == FAILS
            and not any(f"{finding.path}:" in text for text in reasons)
            and finding.path.partition(f"/{TEMPLATES}")[2] not in gone
        ]


def _grouped(pairs: Iterable[tuple[_Key, str]]) -> dict[_Key, str]:
    """Return the events of each key, as one text."""
    found: dict[_Key, list[str]] = {}
    for key, event in pairs:
        found.setdefault(key, []).append(event)
    return {key: ", ".join(events) for key, events in found.items()}
