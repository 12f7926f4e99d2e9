"""etcd forgets its history, is full, loses its disk, or is restored from an old copy of itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.cluster import Cluster, Options, wait_for
from tests.fleet.world.disks import SmallDisk
from tests.fleet.world.fleet import Fleet
from tests.fleet.world.founding import FLEET
from tests.fleet.world.office import Nursery
from tests.fleet.world.trial_settings import REGISTER
from tests.programs import path_of

pytestmark = pytest.mark.program("etcd")


def test_compaction_while_away(fleet: Fleet) -> None:
    """A host that was away, or stood still, while etcd forgot its history has all changes afterwards."""
    away, still = fleet["mail3"], fleet["mail2"]
    away.end_agent()
    still.pause_agent()
    for _ in range(4):
        fleet.do("mail1", "swap")
        fleet.do("mail1", "add")
    fleet.etcd.compact(fleet.etcd.range(f"/esm/{FLEET}/head").revision)
    fleet.do("mail1", "bundle")
    still.resume_agent()
    away.start_agent()
    fleet.judge()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Cluster]:
    """One member of etcd with a quota that is soon reached."""
    with Cluster(tmp_path / "etcd", 1, Options(proxied=True, quota=2**20, extra=("--snapshot-count", "1000"))) as one:
        yield one


def test_quota_alarm_is_reported_with_the_cure(small: Cluster, tmp_path: Path, nursery: Nursery) -> None:
    """When etcd's database is full a write is refused with that and the cure; after the cure it is taken."""
    groups = {"mail1": ("mx",), "mail2": ()}
    with Fleet(small, tmp_path / "roots", nursery, groups=groups) as fleet:
        fleet.do("mail1", "swap")
        before = fleet["mail1"].prop(*REGISTER)
        _fill(small)
        message = fleet.do("mail1", "swap", outcome="fail")
        assert "space exceeded" in message and "alarm" in message, message
        assert fleet["mail1"].prop(*REGISTER) == before
        # Reading goes on.
        assert fleet["mail2"].root.db("trials", "getprop", "trial", "Register").out.strip() == before
        health = fleet.etcd.health()
        cures = [trouble for member in health for trouble in member.troubles]
        assert any("NOSPACE" in f"{trouble.kind} {trouble.message}" or "quota" in trouble.message for trouble in cures)
        _cure(small, fleet)
        fleet.do("mail1", "swap")
        fleet.settle()
        assert fleet["mail2"].prop(*REGISTER) == fleet["mail1"].prop(*REGISTER)


def _fill(cluster: Cluster) -> None:
    """Write until etcd raises its alarm."""
    member = cluster.members[0]
    body = {"key": "ZmlsbA==", "value": "eHh4" * 20000}
    wait_for(lambda: not member.call("/v3/kv/put", body), "etcd to be full")


def _cure(cluster: Cluster, fleet: Fleet) -> None:
    """Do what the cure says: compact, defragment, and clear the alarm."""
    member = cluster.members[0]
    revision = fleet.etcd.range("fill").revision
    fleet.etcd.compact(revision)
    member.call("/v3/maintenance/defragment", {}, 30.0)
    for alarm in member.call("/v3/maintenance/alarm", {"action": "GET"}).get("alarms", []):
        member.call("/v3/maintenance/alarm", {"action": "DEACTIVATE", **alarm})


@pytest.mark.root("mounts a small disk")
@pytest.mark.program("unshare")
def test_etcd_disk_full_one_node(tmp_path: Path, nursery: Nursery) -> None:
    """With the disk of one member full the others go on; the member is named, and comes back when there is room."""
    cluster = Cluster(tmp_path / "etcd", 3, Options(proxied=True))
    member = cluster.members[2]
    with SmallDisk(member.data, "200m") as disk:
        member.words[:0] = disk.words
        with cluster, Fleet(cluster, tmp_path / "roots", nursery) as fleet:
            fleet.do("mail1", "swap")
            disk.fill()
            # More than what etcd has taken of its disk beforehand.
            body = {"key": "ZmlsbA==", "value": "eHh4" * 350_000}
            wait_for(lambda: cluster.members[0].call("/v3/kv/put", body) and not member.is_running, "etcd to end")
            for name in fleet.hosts:
                fleet.do(name, "add")
            ill = [each for each in fleet.etcd.health() if each.troubles]
            assert [each.endpoint for each in ill] == [f"http://127.0.0.1:{member.port}"]
            disk.empty()
            member.process = None
            member.start()
            fleet.judge()


@pytest.mark.program("etcdctl")
def test_etcd_restored_from_a_snapshot(tmp_path: Path, nursery: Nursery) -> None:
    """When etcd was restored from an old copy each host notices, writes nothing, keeps its settings, and says why."""
    cluster = Cluster(tmp_path / "etcd", 1, Options(proxied=True))
    groups = {"mail1": ("mx",), "mail2": ()}
    with cluster, Fleet(cluster, tmp_path / "roots", nursery, groups=groups) as fleet:
        fleet.do("mail1", "swap")
        copy = tmp_path / "copy.db"
        _etcdctl(cluster, "snapshot", "save", str(copy))
        for _ in range(3):
            fleet.do("mail1", "swap")
        fleet.settle()
        before = fleet["mail2"].prop(*REGISTER)
        _restore(cluster, copy)
        for host in fleet.hosts.values():
            stopped = host.wait_stopped()
            assert "restored" in stopped, stopped
        assert "restored" in fleet.do("mail1", "swap", outcome="fail")
        assert {host.prop(*REGISTER) for host in fleet.hosts.values()} == {before}


def _etcdctl(cluster: Cluster, *words: str) -> None:
    command = [path_of("etcdctl"), f"--endpoints=http://127.0.0.1:{cluster.members[0].port}", *words]
    subprocess.run(command, check=True, capture_output=True, env={"ETCDCTL_API": "3"}, timeout=60)


def _restore(cluster: Cluster, copy: Path) -> None:
    member = cluster.members[0]
    member.kill()
    member.data.rename(member.data.with_suffix(".old"))
    peer = f"http://127.0.0.1:{member.peer_port}"
    words = ["--name", member.name, "--initial-cluster", f"{member.name}={peer}", "--initial-advertise-peer-urls", peer]
    _etcdctl(cluster, "snapshot", "restore", str(copy), "--data-dir", str(member.data), *words)
    member.start()
