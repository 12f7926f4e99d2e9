"""Fixtures: a root in which passwords were used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.kit import FIRST, NOW, SECOND, outlive_the_clock
from tests.commands import Root, copy_tree
from tests.events.kit import make_event


@pytest.fixture(scope="module")
def _box(_fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("box") / "root"
    copy_tree(_fresh, path)
    root = Root(path)
    root.custom("/etc/box.conf/10x", "password {{ box.Password }}\nport {{ box.Port }}\n")
    root.custom("/etc/port.conf/10x", "port {{ box.Port }}\n")
    make_event(
        root.path,
        "box-update",
        templates="/etc/box.conf\n/etc/port.conf\n",
        actions={"S90say": "config getprop box Password"},
    )
    outlive_the_clock(root)
    root.config("set", "box", "vpnbox", "Password", FIRST, "Port", "1")
    root.signal("box-update")
    root.write("/etc/box.conf", f"# mine: {FIRST}, {FIRST}\n")
    root.config("setprop", "box", "Password", SECOND, "Port", "2")
    root.signal("box-update")
    root.config("setprop", "box", "Password", NOW, "Port", "3")
    root.signal("box-update", FIRST)
    root.config("setprop", "box", "Port", "4")
    root.signal("box-update")
    return path


@pytest.fixture
def box(_box: Path, copy_root: Callable[[Path], Root]) -> Root:
    """Return a root in which two passwords were used and are kept everywhere; the third is that of today."""
    return copy_root(_box)
