"""The fleets of these tests: one that a module shares, and what agents are forked from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.cluster import Cluster, Options
from tests.fleet.world.fleet import Fleet
from tests.fleet.world.office import Nursery
from tests.programs import require

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """What agents are forked from."""
    agents = Nursery(tmp_path_factory.mktemp("nursery"))
    yield agents
    agents.close()


@pytest.fixture(scope="package")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three members of etcd behind proxies; all modules here share them, since each test makes a fleet of its own."""
    require(["etcd"])
    with Cluster(tmp_path_factory.mktemp("cluster"), 3, Options(proxied=True)) as members:
        yield members


@pytest.fixture
def fleet(cluster: Cluster, tmp_path: Path, nursery: Nursery) -> Iterator[Fleet]:
    """Three hosts of a new fleet over three members of etcd behind proxies."""
    with Fleet(cluster, tmp_path, nursery) as three:
        yield three
