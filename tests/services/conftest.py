"""Fixtures: a tree of services, and the real servers over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import path_of

from .servers import Runsvdir, Server, ServiceTree, Svscan


@pytest.fixture
def tree(tmp_path: Path) -> ServiceTree:
    """A root without services."""
    return ServiceTree(str(tmp_path))


_EACH_SERVER = [
    pytest.param(Runsvdir, marks=pytest.mark.program("runsvdir", "sv"), id="runit"),
    pytest.param(Svscan, marks=pytest.mark.program("svscan", "svc"), id="daemontools"),
]


def _required(server: Server) -> Server:
    path_of(server.program)
    path_of(server.control)
    return server


@pytest.fixture
def runit(tree: ServiceTree) -> Iterator[Server]:
    """A runsvdir, to be started by the test when its services are in place."""
    server = _required(Runsvdir(tree))
    yield server
    server.stop()


@pytest.fixture
def daemontools(tree: ServiceTree) -> Iterator[Server]:
    """A svscan, to be started by the test when its services are in place."""
    server = _required(Svscan(tree))
    yield server
    server.stop()


@pytest.fixture(params=_EACH_SERVER)
def server(request: pytest.FixtureRequest, tree: ServiceTree) -> Iterator[Server]:
    """Each of the two in turn, to be started by the test when its services are in place."""
    server = _required(request.param(tree))
    yield server
    server.stop()


@pytest.fixture(scope="module", params=_EACH_SERVER)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Each of the two in turn, started, for all tests of a module: they take services called "up" or "down"."""
    tree = ServiceTree(str(tmp_path_factory.mktemp("shared")))
    tree.add_some("up", 10)
    tree.add_some("down", 5, down=True)
    server = _required(request.param(tree))
    try:
        server.start()
        yield server
    finally:
        server.stop()
