"""Etcd for the tests of the fleet: one node and three, each started once a module."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.fleet.cluster import Cluster, Options
from tests.programs import require

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One node, plain http; the test needs the marker ``program("etcd")``."""
    require(["etcd"])
    with Cluster(tmp_path_factory.mktemp("etcd")) as one:
        yield one


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes behind proxies, plain http, as they are when the module begins."""
    require(["etcd"])
    with Cluster(tmp_path_factory.mktemp("cluster"), 3, Options(proxied=True)) as all_three:
        yield all_three


@pytest.fixture
def cluster(three: Cluster) -> Iterator[Cluster]:
    """Three nodes behind proxies; after the test all is healed, and who was killed is started again."""
    yield three
    three.heal()
    three.start()
    three.leader()


@pytest.fixture
def prefix() -> str:
    """A prefix of keys that no other test has."""
    return f"/test/{next(_numbers)}/"
