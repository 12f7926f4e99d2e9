"""A host that was restored from an old backup, one whose disk is full, and a network that is parted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.fleet.cluster import Cluster, wait_for
from tests.fleet.world.disks import SmallDisk
from tests.fleet.world.fleet import Fleet
from tests.fleet.world.office import Host, Nursery
from tests.fleet.world.trial_settings import COUNTER, REGISTER
from tests.store.stores import data_file

pytestmark = pytest.mark.program("etcd")


def _restore(host: Host, copy: Path) -> None:
    """Put an old copy of the databases in place, as docs/concepts.md#one-transaction-a-command has it."""
    place = data_file(host.root)
    fresh = place.with_name("restored")
    shutil.copyfile(copy, fresh)
    os.rename(fresh, place)


@pytest.mark.parametrize("is_running", [False, True], ids=["agent down", "agent running"])
def test_rejoin_restored_from_backup(fleet: Fleet, tmp_path: Path, is_running: bool) -> None:
    """A host whose databases are older than the fleet writes nothing before it has caught up, and loses nothing."""
    host, copy = fleet["mail2"], tmp_path / "old.mdb"
    fleet.do("mail2", "add")
    fleet.settle()
    host.end_agent()
    shutil.copyfile(data_file(host.root), copy)
    host.start_agent()
    for name in fleet.hosts:
        fleet.do(name, "add")
        fleet.do(name, "swap")
    fleet.settle()
    host.kill_hand()
    if is_running:
        _restore(host, copy)
    else:
        host.end_agent()
        _restore(host, copy)
        host.start_agent(wait=False)
        wait_for(host.status, "the agent to answer")
    # What it raises is the newest number, not that of the backup.
    fleet.do("mail2", "add")
    fleet.settle()
    assert {each.prop(*COUNTER) for each in fleet.hosts.values()} == {"5"}
    fleet.judge()


@pytest.mark.root("mounts a small disk")
@pytest.mark.program("unshare")
def test_replica_disk_full(cluster: Cluster, tmp_path: Path, nursery: Nursery) -> None:
    """On a host whose disk is full a change of others is not there, or whole; with room again it catches up."""
    with Fleet(cluster, tmp_path / "roots", nursery) as fleet:
        host = fleet["mail3"]
        host.end_agent()
        host.kill_hand()
        with SmallDisk(host.root.path.parent / "disk", "8m") as disk:
            shutil.copytree(host.root.path, disk.path / "root", symlinks=True)
            small = Host("mail3", disk.path / "root", nursery)
            inside = host.root.path.parent / "disk" / "root"
            disk.fill()
            with small.agent_in(*disk.words, root=inside):
                fleet.do("mail1", "swap")
                fleet.do("mail2", "many")
                trouble = small.wait_trouble()
                assert "space" in trouble or "disk" in trouble, trouble
                with small.snapshot() as snapshot:
                    record = snapshot.record("trials", "trial")
                assert record is not None and not any(name.startswith("Many") for name in record.props)
                disk.empty()
                for one in (small, fleet["mail1"]):
                    one.wait(fleet.head())
                assert small.prop(*REGISTER) == fleet["mail1"].prop(*REGISTER)
                with small.snapshot() as here, fleet["mail1"].snapshot() as there:
                    assert here.state("fleet", "digest") == there.state("fleet", "digest")
