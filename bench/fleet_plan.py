"""Reckons a fleet of 10, 100 and 1,000 hosts with a virtual clock: ``python -m bench.fleet_plan [--check]``.

Nobody has 1,000 machines to try. So what one host and one etcd do is measured (``bench/fleet_plan.toml``), and what
many of them do at once is played here: each member of etcd answers one request after the other, each host waits, asks,
checks and stores as the agent does, with its delays and its patience. No time passes but that of the virtual clock, and
the random delays come from a fixed seed, so the same figures come out each time.

It writes the tables of docs/fleet.md between two marks; with ``--check`` it only says whether they are up to date.
"""

from __future__ import annotations

import heapq
import math
import random
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench import document
from bench.table import markdown

COSTS = Path(__file__).parent / "fleet_plan.toml"
DOCUMENT = Path(__file__).parent.parent / "docs/fleet.md"
BEGIN, END = "<!-- python -m bench.fleet_plan: begin -->\n", "<!-- python -m bench.fleet_plan: end -->\n"
HOSTS, PROPERTIES = (10, 100, 1_000), (1_000, 10_000, 100_000)
#: How often somebody changes something, a minute, and how old the journal of a full sync is, in days.
CHURN, AGE_DAYS = 1.0, 2
MEMBERS = 3
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_MINUTE, _DAY, _YEAR_DAYS = 60, 86_400, 365
_MILLION = 1e6
#: After so many seconds of the virtual clock an overload counts as one that never ends.
_NEVER_SECONDS = 14_400.0


def costs(path: Path = COSTS) -> dict[str, float]:
    """Return what the file names, as ``etcd.commit``: times in seconds, the rest as it stands there."""
    tables = tomllib.loads(path.read_text())
    return {
        f"{part}.{name}": float(cost["value"]) * _SECONDS.get(cost["unit"], 1.0)
        for part, table in tables.items()
        for name, cost in table.items()
    }


class Clock:
    """A clock that jumps to the next thing that happens."""

    def __init__(self) -> None:
        self.now = 0.0
        self._count = 0
        self._next: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Have something done after some seconds; of the same moment what was asked for first comes first."""
        self._count += 1
        heapq.heappush(self._next, (self.now + seconds, self._count, do))

    def run(self) -> None:
        """Do all of it, but for what comes after some hours."""
        while self._next and self._next[0][0] <= _NEVER_SECONDS:
            self.now, _, do = heapq.heappop(self._next)
            do()


class Member:
    """A member of etcd: it does one thing after the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free = 0.0
        self.busy = 0.0

    def serve(self, seconds: float) -> float:
        """Take some work, and return when it will be done, in seconds from now."""
        self._free = max(self._free, self._clock.now) + seconds
        self.busy += seconds
        return self._free - self._clock.now


def spread(cost: dict[str, float], hosts: int, changes: float = 1) -> tuple[float, float]:
    """Return when half of the hosts and when all of them have a change that was accepted, in seconds.

    :param changes: how many rows come at once.
    """
    clock, ends = Clock(), list[float]()
    members = [Member(clock) for _ in range(MEMBERS)]
    for host in range(hosts):
        sent = members[host % MEMBERS].serve(cost["etcd.watcher"] * changes)
        work = (cost["host.check"] + cost["host.apply"]) * changes
        clock.after(cost["etcd.commit"] + cost["etcd.event"] + sent + work, lambda: ends.append(clock.now))
    clock.run()
    return ends[len(ends) // 2], ends[-1]


class Sync(NamedTuple):
    """How a full sync of all hosts at once goes.

    :param half: when half of them have all, in seconds; infinite where they never do.
    :param last: when all have.
    :param requests: how many requests etcd was asked.
    :param repeated: how many of them were given up and asked again.
    :param busy: how much of that time the busiest member worked, from 0 to 1.
    """

    half: float
    last: float
    requests: int
    repeated: int
    busy: float


class _Syncing:
    """All hosts read the whole journal at once, as the agent does: a login, then pages, each stored before the next."""

    def __init__(self, cost: dict[str, float], hosts: int, rows: int, properties: int) -> None:
        self._cost, self._clock, self._hosts = cost, Clock(), hosts
        self._random = random.Random(hosts * 1_000_003 + rows)
        self._members = [Member(self._clock) for _ in range(MEMBERS)]
        self._rows, self._page = rows, int(cost["agent.page"])
        # The settings of the first host came as one changeset; what is long is in blobs, a request each.
        blobs = -(-properties // int(cost["journal.cells"]))
        blob = cost["etcd.request"] + cost["journal.cells"] * cost["etcd.cell"]
        self._steps = [cost["etcd.login"], *([blob] * blobs), *self._pages()]
        self._work = [0.0, *([cost["journal.cells"] * cost["host.cell"]] * blobs), *self._checks()]
        self._ends: list[float] = []
        self._requests = self._repeated = 0
        for host in range(hosts):
            self._clock.after(self._random.uniform(0, cost["agent.longest"]), self._asking(host % MEMBERS, 0, 0))

    def _sizes(self) -> Iterator[int]:
        for first in range(0, self._rows, self._page):
            yield min(self._page, self._rows - first)

    def _pages(self) -> Iterator[float]:
        """Yield what each page takes of etcd."""
        for size in self._sizes():
            yield self._cost["etcd.request"] + size * self._cost["etcd.row"]

    def _checks(self) -> Iterator[float]:
        """Yield what each page takes of the host."""
        for size in self._sizes():
            yield self._cost["host.apply"] + size * (self._cost["host.check"] + self._cost["host.row"])

    def _asking(self, member: int, step: int, failed: int) -> Callable[[], None]:
        return lambda: self._ask(member, step, failed)

    def _ask(self, member: int, step: int, failed: int) -> None:
        if step == len(self._steps):
            self._ends.append(self._clock.now)
            return
        self._requests += 1
        took = self._members[member].serve(self._steps[step])
        if took <= self._cost["agent.patience"]:
            self._clock.after(took + self._work[step], self._asking(member, step + 1, 0))
            return
        # It is not waited for; etcd does the work still, and after a pause the next endpoint is asked.
        self._repeated += 1
        pause = min(self._cost["agent.longest"], self._cost["agent.first"] * 2.0**failed) * self._random.uniform(0.5, 1)
        self._clock.after(
            self._cost["agent.patience"] + pause, self._asking((member + 1) % MEMBERS, step, min(failed + 1, 12))
        )

    def play(self) -> Sync:
        """Play it to its end."""
        self._clock.run()
        self._ends += [math.inf] * (self._hosts - len(self._ends))
        last = self._ends[-1]
        busy = max(member.busy for member in self._members) / min(last, self._clock.now)
        return Sync(self._ends[len(self._ends) // 2], last, self._requests, self._repeated, min(busy, 1.0))


def full_sync(cost: dict[str, float], hosts: int, properties: int, days: float = AGE_DAYS) -> Sync:
    """Play that all hosts sync in full at once, as after etcd was restored.

    :param properties: how many the fleet shares.
    :param days: how old the journal is.
    """
    return _Syncing(cost, hosts, round(days * _DAY / _MINUTE * CHURN), properties).play()


class Load(NamedTuple):
    """What a fleet asks of etcd while nothing is wrong.

    :param requests: how many a second.
    :param sent: how many bytes etcd sends, a second.
    :param busy: how much of the processors of all members, in processors.
    """

    requests: float
    sent: float
    busy: float


def load(cost: dict[str, float], hosts: int) -> Load:
    """Return what etcd is asked: changes, what watchers get of them, and what each host looks at and reports."""
    changes, beats = CHURN / _MINUTE, hosts / cost["agent.heartbeat"]
    # A host reports at each heartbeat, and after a change. What all report is read together, less often where many do.
    reports = beats + changes * hosts
    looks = beats / max(1, hosts // int(cost["agent.few"]))
    sent = changes * hosts * cost["journal.row"] + looks * hosts * cost["agent.status"] + beats * cost["journal.row"]
    busy = (changes + reports) * cost["etcd.put"] + changes * hosts * cost["etcd.watcher"]
    busy += (beats + looks) * cost["etcd.request"] + looks * hosts * cost["etcd.row"]
    answers = (reports + beats + looks) * cost["etcd.answer"]
    return Load(changes + reports + beats + looks, sent * cost["etcd.text"] + answers, busy)


def memory(cost: dict[str, float], properties: int) -> tuple[float, float]:
    """Return the memory of an agent, and what the settings of the fleet take in the store of a host, in MB."""
    return cost["host.memory"], properties * cost["host.stored"] / _MILLION


def plan_rows(cost: dict[str, float]) -> Iterator[list[str]]:
    """Yield the rows of the table of fleets."""
    for hosts in HOSTS:
        half, last = spread(cost, hosts)
        asked = load(cost, hosts)
        for properties in PROPERTIES:
            sync = full_sync(cost, hosts, properties)
            held, stored = memory(cost, properties)
            yield [
                f"{hosts:,}",
                f"{properties:,}",
                f"{shown(half)}, {shown(last)}",
                f"{shown(sync.half)}, {shown(sync.last)}",
                f"{sync.busy:.0%}, {sync.repeated / sync.requests:.0%}",
                f"{asked.requests:.1f}/s, {asked.sent / 1000:.0f} kB/s, {asked.busy:.0%}",
                f"{held:.0f} MB, {stored:.2g} MB",
            ]


def journal_rows(cost: dict[str, float]) -> Iterator[list[str]]:
    """Yield the rows of the table of the journal."""
    for name, a_day in (("20 a day", 20.0), ("one every 10 minutes", 144.0), ("one a minute", 1440.0)):
        rows = a_day * _YEAR_DAYS
        size = rows * (cost["journal.row"] + cost["etcd.overhead"])
        page = cost["etcd.request"] + cost["host.apply"]
        replay = rows * (cost["host.check"] + cost["host.row"] + cost["etcd.row"] + page / cost["agent.page"])
        years = cost["etcd.quota"] * _MILLION / size
        yield [name, f"{rows:,.0f}", f"{size / _MILLION:.0f} MB", f"{float(f'{years:.2g}'):g} years", shown(replay)]


def shown(seconds: float) -> str:
    """Return a time as it is shown, with two digits."""
    if math.isinf(seconds):
        return "never"
    for limit, unit, factor in ((1.0, "ms", 1000.0), (120.0, "s", 1.0)):
        if seconds < limit:
            return f"{float(f'{seconds * factor:.2g}'):g} {unit}"
    return f"{seconds / _MINUTE:.0f} min"


def made(cost: dict[str, float]) -> str:
    """Return the part of the document that is made here."""
    fleets = markdown(
        (
            "hosts",
            "properties",
            "half, all have a change",
            "half, all have synced in full",
            "etcd busy meanwhile, asked again",
            "load on etcd otherwise",
            "agent, settings in the store",
        ),
        list(plan_rows(cost)),
    )
    head = ("changes", "rows a year", "etcd grows a year", "the quota of 4 GiB lasts", "a host replays a year in")
    journal = markdown(head, list(journal_rows(cost)))
    return f"{fleets}\n{journal}"


def rewritten(text: str, part: str) -> str:
    """Return the text of docs/fleet.md with other tables between its marks.

    :raises ValueError: when it does not have both marks.
    """
    return document.rewritten(text, part, (BEGIN, END), DOCUMENT.name)


def main(words: list[str]) -> int:
    """Write the tables, or say whether they are up to date.

    :return: the exit code.
    """
    text = DOCUMENT.read_text()
    wanted = rewritten(text, made(costs()))
    if "--check" in words:
        print("up to date" if wanted == text else "not up to date: python -m bench.fleet_plan")
        return int(wanted != text)
    DOCUMENT.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
