"""Cables are pulled in a network of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet import namespaces

pytestmark = pytest.mark.program("etcd", "ip", "unshare")


@pytest.mark.root("makes a network of its own")
def test_cables_are_pulled(tmp_path: Path) -> None:
    """A host without its cable reads on and writes nothing; without the leader's the others go on; then all agree."""
    namespaces.play("tests.fleet.world.cut_off:cables_are_pulled", tmp_path)
