"""How members are, and that following the cure that is shown cures."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest

from esmith.fleet.admin.etcd_servers import servers_of
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.cures import ends_soon
from esmith.fleet.etcd.errors import FullError, OutcomeUnknownError
from esmith.fleet.etcd.operations import created_is, put
from esmith.fleet.etcd.tls import Tls
from tests.documents import blocks
from tests.fleet.cluster import PATIENCE, Cluster, Options, wait_for
from tests.fleet.etcd.impostor import answer, impostor, refusing, silent
from tests.fleet.etcd_certificates import make_files

_STATUS = (
    b'{"header":{"member_id":"1","revision":"7"},"version":"3.4.23","leader":"1","dbSize":"20","dbSizeInUse":"10"}'
)


@pytest.mark.program("etcd")
def test_a_member_that_is_well_has_no_trouble(etcd: Cluster) -> None:
    """A member that is well reports its name, its version and its sizes."""
    (health,) = Etcd(etcd.endpoints).health()
    assert (health.endpoint, health.name, health.answers) == (etcd.endpoints[0], "m1", True)
    assert (health.has_leader, health.leads, health.error, list(health.troubles)) == (True, True, "", [])
    assert health.version.startswith("3.")
    assert health.db_size >= health.db_size_in_use > 0


@pytest.mark.program("etcd")
def test_what_is_refused_at_the_quota_has_not_happened(tmp_path: Path) -> None:
    """Changes of many at once that reach the quota: etcd refuses some that it did, and that is found out."""
    with Cluster(tmp_path, 1, Options(quota=2 * 2**20)) as cluster, Etcd(cluster.endpoints, timeout=PATIENCE) as client:
        refused: list[str] = []
        done: list[str] = []

        def fill(number: int) -> None:
            for n in range(100):
                key = f"{number}/{n}"
                try:
                    client.txn([created_is(key, 0)], [put(key, b"x" * 100_000)])
                except FullError as error:
                    assert not error.is_doubtful
                    refused.append(key)
                    return
                done.append(key)

        threads = [threading.Thread(target=fill, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        there = {row.key.decode() for row in client.range(b"\0", b"\0", keys_only=True).rows}
    assert len(refused) == 12
    assert there == set(done)


@pytest.mark.program("etcd", "etcdctl")
@pytest.mark.parametrize("source", ["shown", "document"])
def test_a_full_database_is_cured_by_what_is_shown(tmp_path: Path, source: str) -> None:
    """At the quota a change is refused and certain, the trouble is named, and commands cure it: shown, in fleet.md."""
    with Cluster(tmp_path, 1, Options(quota=2**20)) as cluster, Etcd(cluster.endpoints, timeout=PATIENCE) as client:
        client.put("a", "kept")
        with pytest.raises(FullError) as caught:
            for _n in range(10_000):
                client.txn([], [put("b", b"x" * 100_000)])
        assert caught.value.is_doubtful
        kept = client.get("a")
        assert kept is not None
        with pytest.raises(FullError):
            client.put("a", "refused")
        with pytest.raises(FullError) as caught:
            client.txn([created_is("c", 0)], [put("c", "refused")])
        assert not caught.value.is_doubtful
        assert client.range("a").rows[0] == kept
        health = wait_for(lambda: [each for each in client.health() if each.alarms], "the alarm")[0]
        assert list(health.alarms) == ["NOSPACE"]
        (trouble,) = health.troubles
        assert trouble.kind == "full"
        typed, environment = "\n".join(trouble.commands), dict(os.environ)
        if source == "document":
            (typed,) = (one.text for one in blocks("sh") if one.section == "When etcd is full")
            environment |= {"ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": cluster.endpoints[0]}
        subprocess.run(["sh", "-ec", typed], check=True, capture_output=True, timeout=PATIENCE, env=environment)
        client.put("a", "taken")
        (cured,) = client.health()
        assert list(cured.troubles) == []
        assert cured.db_size < health.db_size


@pytest.mark.parametrize("host", ["10.0.0.1", "[fd00::1]", "mx.example.com"])
def test_a_new_certificate_is_for_the_address_that_is_asked(host: str) -> None:
    """The command that makes a new certificate is one that can be typed, whatever the endpoint is."""
    command = ends_soon(f"https://{host}:2379", 3).commands[0].split()
    assert [server.address for server in servers_of(command[-1:])] == [host.strip("[]")]


def test_members_that_do_not_answer_take_no_longer_than_the_limit() -> None:
    """Three members that are away are three troubles, asked for at once."""
    with silent() as one, refusing() as two, silent() as three:
        found = Etcd([one, two, three], timeout=0.3).health()
    assert [each.endpoint for each in found] == [one, two, three]
    assert [each.error for each in found] == ["no answer in time", "connection refused", "no answer in time"]


def test_a_name_that_is_not_to_be_had_is_no_trouble() -> None:
    """A member that answers for itself and not for the list of members, as without a leader, is not away."""
    with impostor(lambda path: answer(_STATUS) if path.endswith("status") else None) as other:
        (health,) = Etcd([other.url]).health()
    assert (health.answers, health.name, health.error, list(health.troubles)) == (True, "", "", [])


@pytest.mark.parametrize(
    ("ahead", "words"), [(3600, "3600 s ahead of that of this host"), (-3600, "3600 s behind that of this host")]
)
def test_a_clock_that_differs_is_named(ahead: int, words: str) -> None:
    """A member whose clock is an hour off is named with the direction."""

    def reply(_path: str) -> bytes:
        return answer(_STATUS, headers=f"Date: {formatdate(time() + ahead, usegmt=True)}\r\n")

    with impostor(reply) as other:
        (health,) = Etcd([other.url]).health()
    (trouble,) = health.troubles
    assert (trouble.kind, words in trouble.message.replace("3599", "3600").replace("3601", "3600")) == ("clock", True)


@pytest.mark.parametrize(("days", "answers"), [(-1, False), (5, True)])
def test_a_certificate_that_ends_is_named(tmp_path: Path, days: int, answers: bool) -> None:
    """An expired certificate of a member keeps it from being asked, one that ends soon is named before."""
    files = make_files(tmp_path, days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server, files.server_key)
    with impostor(answer(_STATUS), context) as other:
        client = Etcd([other.url], tls=Tls(str(files.ca), str(files.client), str(files.client_key)))
        (health,) = client.health()
    (trouble,) = health.troubles
    assert (health.answers, trouble.kind) == (answers, "certificate")
    assert ("ends in 5 days" if answers else "has expired") in trouble.message
    assert any("certificates" in command for command in trouble.commands)


@pytest.mark.parametrize(
    ("errors", "kinds"),
    [
        ('["memberID:1 alarm:CORRUPT "]', ["corrupt"]),
        ('["memberID:1 alarm:NOSPACE "]', ["full"]),
        ('["memberID:1 alarm:NOSPACE ","memberID:2 alarm:CORRUPT "]', ["corrupt", "full"]),
        ('["something else"]', []),
        ("7", ["down"]),
        ('"x"', ["down"]),
        ("[7]", ["down"]),
    ],
)
def test_alarms_are_read_and_nonsense_is_not_believed(errors: str, kinds: list[str]) -> None:
    """Each alarm is a trouble; an answer that is not one of etcd is a member that does not answer."""
    with impostor(answer(_STATUS[:-1] + f',"errors":{errors}}}'.encode())) as other:
        (health,) = Etcd([other.url]).health()
    assert [trouble.kind for trouble in health.troubles] == kinds


def test_an_unknown_outcome_has_its_reason() -> None:
    """The message of an unknown outcome has the endpoint and the reason, without what would break a terminal."""
    red = answer(b'{"error":"\\u001b[31mred","code":2}', status="500 x")
    with impostor(red) as other, pytest.raises(OutcomeUnknownError, match=other.url) as caught:
        Etcd([other.url]).put("a", "b")
    assert "\x1b" not in str(caught.value)
