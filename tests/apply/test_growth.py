"""The work of a plan and of its install grows as its list does, never as the square: counted in calls, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from esmith.apply.compare import compare, shown
from esmith.schema.load import Schema
from tests.apply.kit import AUTHOR, Bench

PEERS = "/etc/peers/{key}"
SIZES = (20, 40, 80)
#: Twice as much more for twice as many more; what is sorted takes a little more than that.
MOST = 2.3


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember also what is younger than a second."""
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))


def _calls(work: Callable[[], object]) -> int:
    """Return how many functions are called, also those of C."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def _bench(path: Path, count: int) -> Bench:
    """Return a root with a template that makes a link for each of some networks, out of one text for all of them."""
    path.mkdir()
    bench = Bench(path)
    bench.trees.standard("/etc/template.toml", "services = []\n")
    bench.trees.standard("/clients", "{% for network in records('networks:network') %}{{ network.key }}\n{% endfor %}")
    bench.template(PEERS, "local\n", 'kind = "symlink"\noutputs = "{{ template(\'/clients\') }}"')
    with bench.store.transaction(AUTHOR) as transaction:
        for number in range(count):
            transaction.set_type("networks", f"10.{number}", "network")
            transaction.set_prop("networks", f"10.{number}", "Mask", "255.0.0.0")
    return bench


def _first(bench: Bench) -> Callable[[], object]:
    return lambda: bench.apply(PEERS)


def _one_changed(bench: Bench) -> Callable[[], object]:
    bench.apply(PEERS)
    bench.set("networks", "10.5", "network", Mask="255.255.0.0")
    return lambda: bench.apply(PEERS)


def _all_removed(bench: Bench) -> Callable[[], object]:
    bench.apply(PEERS)
    with bench.store.transaction(AUTHOR) as transaction:
        for key in transaction.keys("networks"):
            transaction.delete_record("networks", key)
    return lambda: bench.apply(PEERS)


def _compared(bench: Bench) -> Callable[[], object]:
    bench.apply(PEERS)
    with bench.store.transaction(AUTHOR) as transaction:
        transaction.set_prop("networks", "10.5", "Password", "secret-of-the-network")

    def work() -> None:
        with bench.store.snapshot() as snapshot:
            found = compare(bench.layout, snapshot, None, None)
            assert found
            shown(found, snapshot, Schema(bench.layout))

    return work


@pytest.mark.parametrize("prepare", [_first, _one_changed, _all_removed, _compared])
def test_work_grows_as_the_list(tmp_path: Path, prepare: Callable[[Bench], Callable[[], object]]) -> None:
    """Twice as many networks more take no more than about twice as many calls more."""
    work = prepare(_bench(tmp_path / "warm", SIZES[0]))
    work()
    counts = [_calls(prepare(_bench(tmp_path / str(size), size))) for size in SIZES]
    assert counts[2] - counts[1] <= MOST * (counts[1] - counts[0]), counts


def test_hosts_are_found_below_their_domain(bench: Bench) -> None:
    """A listing below a name has the records with keys below it, in order, at any depth, and no other."""
    for key in ("www.example.com", "a.b.example.com", "example.com", "xexample.com", "mail.example.org"):
        bench.set("hosts", key, "host")
    bench.set("hosts", "list.example.com", "other")
    text = "{% for host in records('hosts:host', below='example.com') %}{{ host.key }} {% endfor %}\n"
    bench.template("/etc/hosts-below", text)
    assert bench.one("/etc/hosts-below").rendering.content == b"a.b.example.com www.example.com "


def test_each_domain_looks_at_its_own_hosts(tmp_path: Path) -> None:
    """Twice as many domains with a host each take about twice as many calls to list them all."""
    counts = []
    for size in (5, *SIZES):
        path = tmp_path / str(size)
        path.mkdir()
        bench = Bench(path)
        with bench.store.transaction(AUTHOR) as transaction:
            for number in range(size):
                transaction.set_type("domains", f"d{number}.org", "domain")
                transaction.set_type("hosts", f"www.d{number}.org", "host")
        bench.template(
            "/etc/sites",
            "{% for domain in records('domains') %}{% for host in records('hosts', below=domain.key) %}"
            "{{ host.key }}\n{% endfor %}{% endfor %}",
        )
        counts.append(_calls(partial(bench.plan, "/etc/sites")))
    assert counts[3] - counts[2] <= MOST * (counts[2] - counts[1]), counts
