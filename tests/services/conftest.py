"""Fixtures: a tree of services, and the real servers over it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .servers import Runsvdir, Server, ServiceTree, Svscan


def requires_program(program: str, *, package: str) -> None:
    """Skip the test when a program is missing; fail it when the environment has ESMITH_REQUIRE_DAEMONS=1.

    :param package: the Debian package that has it.
    """
    if shutil.which(program):
        return
    missing = f"the program {program} is missing (Debian package {package})"
    if os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture
def tree(tmp_path: Path) -> ServiceTree:
    """A root without services."""
    return ServiceTree(str(tmp_path))


def _serving(server: Server, control: str) -> Iterator[Server]:
    requires_program(server.program, package=server.package)
    requires_program(control, package=server.package)
    yield server
    server.stop()


@pytest.fixture
def runit(tree: ServiceTree) -> Iterator[Server]:
    """A runsvdir, to be started by the test when its services are laid out."""
    yield from _serving(Runsvdir(tree), "sv")


@pytest.fixture
def daemontools(tree: ServiceTree) -> Iterator[Server]:
    """A svscan, to be started by the test when its services are laid out."""
    yield from _serving(Svscan(tree), "svc")


@pytest.fixture(
    params=[
        pytest.param("runit", marks=pytest.mark.daemon("runit")),
        pytest.param("daemontools", marks=pytest.mark.daemon("daemontools")),
    ]
)
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two servers in turn."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, Server)
    return server
