"""One etcd with TLS, for all tests of this folder; it ends with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.cluster import Cluster, Options
from tests.fleet.commands.kit import Town
from tests.programs import require


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One etcd that asks for certificates, and after the first fleet for passwords, too."""
    require(["etcd"])
    with Cluster(tmp_path_factory.mktemp("guarded"), 1, Options(tls=True)) as one:
        yield one


@pytest.fixture
def town(guarded: Cluster, tmp_path: Path) -> Iterator[Town]:
    """Servers of a test, of which no agent runs yet."""
    made = Town(guarded, tmp_path)
    yield made
    made.end()
