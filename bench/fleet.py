"""A fleet: from a commit on one host to another's store, commands of a member, a first sync, fifty agents."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import resource
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench import roots
from bench.measuring import CommandError, by_turns, median, ratio
from bench.rows import Figures
from bench.settings import KEY
from bench.workshop import Measured, Workshop
from demo.fleet.fleet import Fleet
from demo.fleet.hosts import Host
from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author

if TYPE_CHECKING:
    from esmith.store.protocol import Store

#: How often something is changed, and how many settings a first sync brings.
CHANGES, SETTINGS, AGENTS = 200, 10_000, 50
#: The property that is changed.
_PROPERTY = "MaxScannerSize"
_TICKS = os.sysconf("SC_CLK_TCK")
#: How often a store is looked at, in seconds: a look takes 20 us.
_LOOK_SECONDS = 0.0002
_LONGEST_SECONDS = 120.0


def measure(shop: Workshop) -> Measured:
    """Measure a fleet of two hosts, and one of fifty-one.

    :raises CommandError: when etcd cannot be had, or a command fails.
    """
    single = shop.root("fleet-single")
    try:
        with _fleet(shop, "two", ["mail1", "mail2"]) as fleet:
            yield "fleet-commit", _commits(fleet)
            first = fleet.hosts[0].root
            yield "fleet-getprop", _beside(shop, first, single, lambda: ("getprop", KEY, "DNSBL"))
            values = itertools.cycle(range(3, 10))
            yield "fleet-setprop", _beside(shop, first, single, lambda: ("setprop", KEY, _PROPERTY, str(next(values))))
            yield f"fleet-sync-{SETTINGS}", _first_sync(fleet)
        with _fleet(shop, "many", [f"h{number}" for number in range(AGENTS)]) as fleet:
            yield f"fleet-agents-{AGENTS}", _agents(fleet)
    except EsmithError as error:
        raise CommandError(f"the fleet cannot be measured: {error}\n{error.hint}") from error


@contextlib.contextmanager
def _fleet(shop: Workshop, name: str, hosts: list[str]) -> Iterator[Fleet]:
    """Return a context with a fleet whose agents run."""
    # The path of a socket is short (unix(7)).
    fleet = Fleet(shop.folder / name, hosts, is_quiet=True)
    fleet.folder.mkdir()
    model = shop.root("fleet-model")
    for host in fleet.hosts:
        _copy(model, host)
    try:
        fleet.make_etcd()
        fleet.start_etcd()
        fleet.make()
        fleet.wait_for_all()
        yield fleet
    finally:
        fleet.stop()


def _copy(model: Path, host: Host) -> None:
    """Make the root of a host: of what no agent changes links to the files of another root."""
    for path in ("home", "var"):
        shutil.copytree(model / path, host.root / path, symlinks=True)
    for path in ("etc", "sbin", "usr"):
        shutil.copytree(model / path, host.root / path, symlinks=True, copy_function=os.link)


def _commits(fleet: Fleet) -> Figures:
    """Change a property on one host, and wait until it is in the store of another; the figures of many times."""
    first, second = fleet.hosts[:2]
    pids = [host.agent.pid for host in fleet.hosts]
    author = Author.current(["bench"])
    times = []
    with (
        contextlib.closing(open_store(Layout(str(first.root)), write=True)) as here,
        contextlib.closing(open_store(Layout(str(second.root)))) as there,
    ):
        before = sum(map(seconds_of, pids))
        for number in range(CHANGES):
            old = second.revision_in(there)
            began = time.monotonic()
            with here.transaction(author, "fleet") as transaction:
                transaction.set_prop("configuration", KEY, _PROPERTY, str(100 + number))
            _wait(functools.partial(_is_other, there, old), "a change at the other host")
            times.append(time.monotonic() - began)
            # As an administrator does, and not as a flood.
            time.sleep(0.02)
        cpu = (sum(map(seconds_of, pids)) - before) / CHANGES
    cuts = statistics.quantiles(times, n=100)
    return {"cpu": cpu, "p50": cuts[49], "p95": cuts[94]}


def _beside(shop: Workshop, member: Path, single: Path, words: Callable[[], tuple[str, ...]]) -> Figures:
    """Measure a command of a member beside the same one of a server in no fleet."""
    tasks = {
        "interpreter": shop.runner.interpreter,
        "ours": lambda: shop.command(member, "config", *words())(),
        "single": lambda: shop.command(single, "config", *words())(),
    }
    costs = by_turns(tasks, shop.rounds)
    ours = costs["ours"]
    figures = {"interpreter": ratio(ours, costs["interpreter"]), "against": ratio(ours, costs["single"])}
    return {"cpu": median(ours).cpu, "peak": median(ours).peak, **figures}


def _first_sync(fleet: Fleet) -> Figures:
    """Have a host join a fleet that shares many settings, and wait until it has them."""
    first = fleet.hosts[0]
    records = (f"set h{number}.example.com host HostType Self" for number in range(SETTINGS))
    roots.batch(first.root, "hosts", records)
    late = Host("mail3", fleet.folder, is_quiet=True)
    _copy(fleet.folder.parent / "fleet-model", late)
    fleet.hosts.append(late)
    began, before = time.monotonic(), _of_commands()
    fleet.join(late)
    cpu = _of_commands() - before
    late.start_agent()
    fleet.wait_for_all()
    cpu += seconds_of(late.agent.pid)
    return {"cpu": cpu, "last": time.monotonic() - began, "peak": megabytes_of(late.agent.pid)}


def _of_commands() -> float:
    """Return the processor time that all commands have taken which ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _agents(fleet: Fleet) -> Figures:
    """Change a property on one of many hosts, and wait until all have it; the median of several times."""
    pids = [host.agent.pid for host in fleet.hosts]
    times = []
    before = sum(map(seconds_of, pids))
    rounds = 10
    with contextlib.ExitStack() as stack:
        stores = [
            stack.enter_context(contextlib.closing(open_store(Layout(str(host.root)), write=host is fleet.hosts[0])))
            for host in fleet.hosts
        ]
        for number in range(rounds):
            began = time.monotonic()
            with stores[0].transaction(Author.current(["bench"]), "fleet") as transaction:
                transaction.set_prop("configuration", KEY, _PROPERTY, str(100 + number))
            now = fleet.hosts[0].revision_in(stores[0])
            for store in stores:
                _wait(functools.partial(_has, store, now), "a change at all hosts")
            times.append(time.monotonic() - began)
    cpu = (sum(map(seconds_of, pids)) - before) / rounds / len(pids)
    return {"cpu": cpu, "last": statistics.median(times), "peak": statistics.median(map(megabytes_of, pids))}


def _is_other(store: Store, revision: str) -> bool:
    return Host.revision_in(store) != revision


def _has(store: Store, revision: str) -> bool:
    return Host.revision_in(store) == revision


def _wait(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _LONGEST_SECONDS
    while not is_so():
        if time.monotonic() > end:
            raise CommandError(f"{what} is not there after {_LONGEST_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)


def seconds_of(pid: int) -> float:
    """Return the processor time that a process has taken (proc(5), "stat")."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / _TICKS


def megabytes_of(pid: int) -> float:
    """Return the memory of a process, in MB: of what several share its part (PSS)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024 / 1_000_000
