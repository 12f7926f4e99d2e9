"""What who has stolen one host, with its certificate, password and signing key, can do to the others: each is tried."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator

import pytest

from esmith.fleet.etcd.errors import DeniedError
from esmith.fleet.etcd.operations import delete
from esmith.fleet.journal.keys import SigningKey
from tests.fleet.cluster import Cluster, Options, client_context
from tests.fleet.world.founding import FLEET
from tests.fleet.world.office import Nursery
from tests.fleet.world.trial_settings import LAYERED, REGISTER
from tests.fleet.world.walled import Thief, WalledFleet
from tests.programs import require

pytestmark = pytest.mark.program("etcd")

NEW = SigningKey.generate()
LATER = 1_900_000_000
CELL = [*REGISTER, "stolen"]


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[WalledFleet]:
    """Three hosts; mail2 is the one that is stolen, so its own agent does not run."""
    require(["etcd"])
    folder = tmp_path_factory.mktemp("walled")
    groups: dict[str, tuple[str, ...]] = {"mail1": ("mx",), "mail2": (), "mail3": ()}
    cluster = Cluster(folder / "etcd", 1, Options(tls=True))
    with cluster, WalledFleet(cluster, folder / "roots", nursery, groups) as fleet:
        fleet.do("mail1", "swap")
        fleet.do("mail1", "add")
        fleet.settle()
        fleet["mail2"].end_agent()
        yield fleet


@pytest.fixture
def stolen(walled: WalledFleet) -> Iterator[Thief]:
    """Who has stolen mail2."""
    thief = walled.thief("mail2")
    yield thief
    thief.etcd.close()


@pytest.fixture
def thief(walled: WalledFleet, stolen: Thief) -> Iterator[Thief]:
    """The same; after the test the journal is as it was, and all go on."""
    kept = walled.kept()
    yield stolen
    walled.restore(kept)


def _change(layer: str) -> Callable[[Thief], object]:
    return lambda thief: thief.write("changes", changes=[[layer, *CELL]])


#: Rows that are not the stolen host's to write, and a word of what the others say about them.
NOT_ITS: dict[str, tuple[Callable[[Thief], object], str]] = {
    "the layer of another host": (_change("host:mail1"), "layer"),
    "the layer of another host, by its bare name": (_change("host"), "layer"),
    "a row in the name of another host": (
        lambda thief: thief.write("changes", host="mail1", changes=[["fleet", *CELL]]),
        "signature",
    ),
    "the groups of another host": (lambda thief: thief.write("groups", host="mail1", groups=["evil"]), "signature"),
    "to join in the name of another": (
        lambda thief: thief.write("join", NEW, host="mail1", name="mail1", key=NEW.public, groups=[]),
        "member already",
    ),
    "to join for another": (
        lambda thief: thief.write("join", name="mail1", key=thief.key.public, groups=[]),
        "for itself",
    ),
    "to join again with another key": (
        lambda thief: thief.write("join", NEW, name="mail2", key=NEW.public, groups=[]),
        "member already",
    ),
    "to join without an invitation": (
        lambda thief: thief.write("join", NEW, host="mail9", name="mail9", key=NEW.public, groups=[]),
        "no open invitation",
    ),
    "to invite": (lambda thief: thief.write("invite", name="mail9", key=NEW.public, until=LATER), "only mail1"),
    "to invite under the name of a member": (
        lambda thief: thief.write("invite", name="mail3", key=NEW.public, until=LATER),
        "mail1",
    ),
    "to remove another host": (lambda thief: thief.write("remove", name="mail1"), "only mail1"),
    "a row of no kind": (lambda thief: thief.write("rights", name="mail2"), "kind"),
    "a row of another fleet": (
        lambda thief: thief.write("changes", fleet="other", changes=[["fleet", *CELL]]),
        "fleet",
    ),
    "a row that follows another": (
        lambda thief: thief.write("changes", previous="0" * 64, changes=[["fleet", *CELL]]),
        "follows another",
    ),
    "a row with another number": (
        lambda thief: thief.write("changes", revision=2, changes=[["fleet", *CELL]]),
        "number",
    ),
    "a setting that no store holds": (
        lambda thief: thief.write("changes", changes=[["fleet", "trials", "trial", "A\nB", "x"]]),
        "",
    ),
    "a database out of the directory": (
        lambda thief: thief.write("changes", changes=[["fleet", "../x", "trial", "A", "x"]]),
        "",
    ),
    "a table of the engine's own": (
        lambda thief: thief.write("changes", changes=[["fleet", "=fleet", "host", "", "evil"]]),
        "",
    ),
}


@pytest.mark.parametrize("what", NOT_ITS)
def test_rights_of_a_stolen_node_certificate(walled: WalledFleet, thief: Thief, what: str) -> None:
    """A row that its signer may not write is applied by no host: each stops there, and says which and why."""
    attack, word = NOT_ITS[what]
    before = walled["mail1"].prop(*REGISTER)
    head = walled.head()
    attack(thief)
    for name in ("mail1", "mail3"):
        why = walled[name].wait_stopped()
        assert f"row {head + 1} " in why, why
        assert word in why, why
        assert walled[name].revision == head
        assert walled[name].prop(*REGISTER) == before
    assert f"row {head + 1} " in walled.do("mail1", "swap", outcome="fail")


#: What changes the past, or hides a part of it.
PAST: dict[str, Callable[[Thief], object]] = {
    "rewrite the last row": lambda thief: thief.rewrite(thief.writer.head[0]),
    "rewrite a row before": lambda thief: thief.rewrite(thief.writer.head[0] - 1),
    "delete the last row": lambda thief: thief.etcd.txn([], [delete(thief.writer.key(thief.writer.head[0]))]),
    "go back by one": lambda thief: thief.go_back(),
    "delete the journal": lambda thief: thief.etcd.delete(f"{thief.writer.prefix}j/", f"{thief.writer.prefix}j0"),
    "a head that is none": lambda thief: thief.etcd.put(f"{thief.writer.prefix}head", "evil"),
    "a head that is not there yet": lambda thief: thief.etcd.put(f"{thief.writer.prefix}head", f"99 {'0' * 64}"),
    "a key that is no row": lambda thief: thief.etcd.put(f"{thief.writer.prefix}j/evil", "x"),
}


@pytest.mark.parametrize("what", PAST)
def test_the_past_is_not_changed_unnoticed(walled: WalledFleet, thief: Thief, what: str) -> None:
    """Who rewrites or removes rows that were applied, or the head, is noticed by each host; its settings stay."""
    before = walled["mail1"].prop(*REGISTER)
    head = walled.head()
    PAST[what](thief)
    for name in ("mail1", "mail3"):
        assert walled[name].wait_trouble()
        assert walled[name].prop(*REGISTER) == before
        assert walled[name].revision == head
    if walled["mail1"].stopped:
        assert walled.attempt("mail1", "swap")[0] != "ok"
    assert walled["mail1"].prop(*REGISTER) == before


#: What etcd itself refuses.
DENIED: dict[str, Callable[[Thief], object]] = {
    "the status of another host": lambda thief: thief.etcd.put(f"/esm/{FLEET}/s/mail1", "{}"),
    "the status of a host whose name begins alike": lambda thief: thief.etcd.put(f"/esm/{FLEET}/s/mail22", "{}"),
    "the answer of another host": lambda thief: thief.etcd.put(f"/esm/{FLEET}/a/mail1/000000000001", "{}"),
    "to delete a status": lambda thief: thief.etcd.delete(f"/esm/{FLEET}/s/mail1"),
    "to delete the fleet": lambda thief: thief.etcd.delete(f"/esm/{FLEET}/", f"/esm/{FLEET}0"),
    "another key of the fleet": lambda thief: thief.etcd.put(f"/esm/{FLEET}/x", "x"),
    "another fleet": lambda thief: thief.etcd.put("/esm/other/head", "x"),
    "to read another fleet": lambda thief: thief.etcd.get("/esm/other/head"),
    "to read all": lambda thief: thief.etcd.range("/", "0"),
    "to see the users": lambda thief: thief.etcd.access.users(),
    "to make a user": lambda thief: thief.etcd.access.user_add("evil", "x"),
    "another's password": lambda thief: thief.etcd.access.user_set_password(f"{FLEET}-mail1", "x"),
    "to delete a user": lambda thief: thief.etcd.access.user_delete(f"{FLEET}-mail1"),
    "more rights": lambda thief: thief.etcd.access.user_grant(f"{FLEET}-mail2", "root"),
    "the rights of another host": lambda thief: thief.etcd.access.user_grant(f"{FLEET}-mail2", f"fleet-{FLEET}-mail1"),
    "a role with more rights": lambda thief: thief.etcd.access.role_grant(
        f"fleet-{FLEET}-mail2", "/", "0", "READWRITE"
    ),
    "to end the passwords": lambda thief: thief.etcd.access.auth_disable(),
}


@pytest.mark.parametrize("what", DENIED)
def test_etcd_refuses(thief: Thief, what: str) -> None:
    """What belongs to another host, to another fleet, or to etcd's administrator is refused by etcd itself."""
    with pytest.raises(DeniedError):
        DENIED[what](thief)


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"Authorization": "root"}], ids=["bare", "accept", "name"])
def test_a_certificate_alone_gives_no_rights(walled: WalledFleet, headers: dict[str, str]) -> None:
    """Without a password a certificate reads nothing and changes nothing, whatever its bearer sends or leaves out."""
    files, member = walled.cluster.files, walled.cluster.members[0]
    assert files is not None
    for path, body in (
        ("/v3/auth/user/list", {}),
        ("/v3/kv/range", {"key": "Lw==", "range_end": "MA=="}),
        ("/v3/kv/put", {"key": "L3g=", "value": "eA=="}),
        ("/v3/auth/disable", {}),
    ):
        connection = http.client.HTTPSConnection("127.0.0.1", member.port, context=client_context(files), timeout=10)
        with contextlib.closing(connection):
            connection.putrequest("POST", path, skip_accept_encoding=True)
            data = json.dumps(body).encode()
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                connection.putheader(name, value)
            connection.endheaders(data)
            answer = connection.getresponse()
            text = answer.read()
        assert answer.status >= 400, (path, text)


def test_what_a_stolen_host_can_do(walled: WalledFleet, stolen: Thief) -> None:
    """It changes what the fleet and any group share, its own groups, and reads all of that: as every host may."""
    stolen.write("changes", changes=[["fleet", *CELL], ["group:mx", *LAYERED, "also stolen"]])
    last = stolen.write("groups", groups=["mx"])
    for name in ("mail1", "mail3"):
        walled[name].wait(last)
        assert walled[name].prop(*REGISTER) == "stolen"
    assert walled["mail1"].prop(*LAYERED) == "also stolen"
    assert stolen.writer.rows()
    stolen.etcd.put(f"/esm/{FLEET}/s/mail2", '{"host": "mail2"}')
    # etcd lets every user raise and clear its alarm, and then it takes no change of anybody.
    stolen.alarm("ACTIVATE")
    assert "alarm" in walled.do("mail1", "swap", outcome="fail")
    stolen.alarm("DEACTIVATE")
    # It lets every user have it forget old revisions; no host needs these.
    stolen.etcd.compact(stolen.etcd.range(f"/esm/{FLEET}/head").revision)
    walled.do("mail1", "swap")
    walled["mail3"].wait(walled.head())
