"""What was tried and what went wrong, as a table and as JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field

from tests.crash.attack import NO_ATTACK
from tests.crash.judge import Outcome
from tests.documents import rows, section


@dataclass
class Table:
    """The figures of one command.

    :param name: the command.
    :param calls: how many calls that write it has when nothing is attacked.
    :param sites: how many of them are different.
    :param kills: how often it was killed, also for a second time.
    :param faults: how often it got an error.
    :param refused: how often it exited with an error because of one.
    :param missed: how often it had ended before the call at which it was to be attacked.
    :param violations: what was wrong: the kind, how often, and the first trial in which it was.
    :param cpu: the processor time of each recovery, in seconds.
    :param seconds: how long it took.
    """

    name: str
    calls: int
    sites: int
    kills: int = 0
    faults: int = 0
    refused: int = 0
    missed: int = 0
    violations: dict[str, tuple[int, str]] = field(default_factory=dict)
    cpu: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, outcome: Outcome) -> None:
        """Count a trial."""
        attack = outcome.trial.attack
        if attack.error:
            self.faults += 1
            self.refused += outcome.code != 0
        else:
            self.kills += 1
        self.kills += outcome.trial.second != NO_ATTACK
        self.missed += bool(attack.at) and outcome.site is None
        if outcome.cpu:
            self.cpu.append(outcome.cpu)
        where = f"{outcome.trial}; at {outcome.site}; it exited {outcome.code}"
        for text in outcome.wrong:
            kind = _kind(text)
            number, first = self.violations.get(kind, (0, f"{text}\n        {where}"))
            self.violations[kind] = (number + 1, first)

    def add(self, other: Table) -> None:
        """Add the figures of another part of the same command."""
        self.kills += other.kills
        self.faults += other.faults
        self.refused += other.refused
        self.missed += other.missed
        self.cpu += other.cpu
        self.seconds += other.seconds
        numbers = Counter({kind: number for kind, (number, _) in self.violations.items()})
        numbers.update({kind: number for kind, (number, _) in other.violations.items()})
        firsts = {**other.violations, **self.violations}
        self.violations = {kind: (number, firsts[kind][1]) for kind, number in numbers.items()}

    @property
    def summary(self) -> str:
        """The figures in one line."""
        wrong = sum(number for number, _ in self.violations.values())
        worst = f"{max(self.cpu) * 1000:.0f}" if self.cpu else "-"
        return (
            f"{self.name:<16} {self.calls:>6} {self.sites:>6} {self.kills:>6} {self.faults:>7} {self.refused:>8}"
            f" {wrong:>10} {worst:>8} {self.seconds:>7.0f}"
        )


def _kind(text: str) -> str:
    """Return what is wrong without numbers and names, by which violations are counted."""
    return re.sub(r"\d+", "#", re.sub(r"(?<=differ): .*|: /.*", "", text))


_HEAD = (
    f"{'command':<16} {'calls':>6} {'sites':>6} {'kills':>6} {'faults':>7} {'refused':>8}"
    f" {'violations':>10} {'CPU ms':>8} {'seconds':>7}"
)


def render(tables: list[Table]) -> str:
    """Return the table, and below it each kind of violation with its first trial."""
    whole = Table("all", sum(one.calls for one in tables), sum(one.sites for one in tables))
    for one in tables:
        whole.add(one)
    lines = [_HEAD, *(one.summary for one in tables), whole.summary]
    for one in tables:
        for kind, (number, first) in sorted(one.violations.items()):
            note = " (known: docs/reliability.md)" if (one.name, kind) in known() else ""
            lines.append(f"\n{one.name}: {number} times{note}: {kind}\n    first: {first}")
    return "\n".join(lines)


def known() -> set[tuple[str, str]]:
    """Return the violations that are known, each with its command: docs/reliability.md#known-violations."""
    table = rows(section("reliability.md", "Known violations"))
    return {(row[0].strip("`"), row[1].strip("`")) for row in table}


def unknown(table: Table) -> list[str]:
    """Return the first trial of each kind of violation that is not known."""
    return [first for kind, (_, first) in table.violations.items() if (table.name, kind) not in known()]


def as_json(tables: list[Table]) -> str:
    """Return the figures as JSON, for :func:`from_json`."""
    return json.dumps([asdict(one) for one in tables], indent=1)


def from_json(text: str) -> list[Table]:
    """Return the figures again."""
    tables = [Table(**one) for one in json.loads(text)]
    for table in tables:
        table.violations = {kind: (number, first) for kind, (number, first) in table.violations.items()}
    return tables
