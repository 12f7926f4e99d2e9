"""A fleet of two hosts for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.agent.kit import Fleet
from tests.fleet.cluster import Cluster

_numbers = itertools.count(1)


@pytest.fixture
def fleet(etcd: Cluster, tmp_path: Path) -> Iterator[Fleet]:
    """Two hosts, of which no agent runs yet."""
    one = Fleet(f"mail{next(_numbers)}", tmp_path, etcd.endpoints)
    one.found()
    yield one
    one.end()
