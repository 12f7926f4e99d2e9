"""``esmith fleet init``, ``invite``, ``join``, ``leave`` and ``remove``."""

from __future__ import annotations

import json
import time

import pytest

from esmith.errors import UsageError
from esmith.fleet import place
from esmith.fleet.admin.join import Joining
from esmith.fleet.etcd.errors import DeniedError
from esmith.fleet.journal.token import Invitation
from tests.fleet.cluster import wait_for
from tests.fleet.commands.kit import Server, Town
from tests.store.stores import AUTHOR, opened

pytestmark = pytest.mark.program("etcd")


def _answer_of_status(server: Server) -> list[str]:
    return [line["host"] for line in json.loads(server.fleet("groups", "--json").out)]


def test_three_servers(town: Town) -> None:
    """Servers join with a token; the fleet's values win, own ones stay; one leaves, and one is removed."""
    one = town.found()
    assert one.faults() == []
    assert one.get("fleet", "status") == "enabled"
    assert one.revision() == 2
    two = town.server("two")
    two.config("setprop", "qpsmtpd", "DNSBL", "enabled", "Mine", "here")
    two.config("set", "ours", "service", "Own", "1")
    token = one.fleet("invite", "two", "--groups", "mx,north")
    assert "this is a secret" in token.err
    assert token.out.startswith("-----BEGIN ESMITH FLEET INVITATION-----\n")
    before = two.contents()
    shown = two.fleet("join", "--dry-run", stdin=token.out).out
    assert "configuration qpsmtpd DNSBL: enabled -> disabled  (fleet)\n1 setting of this server would change\n" in shown
    assert two.contents() == before
    assert not two.path_of("").exists()
    two.fleet("join", "--yes", stdin=token.out)
    assert (two.get("qpsmtpd", "DNSBL"), two.get("qpsmtpd", "Mine"), two.get("ours", "Own")) == (
        "disabled",
        "here",
        "1",
    )
    assert two.own().members["two"].groups == ("mx", "north")
    assert two.faults() == []
    three = town.join(one, "three")
    assert _answer_of_status(three) == ["one", "three", "two"]
    settings = two.get("qpsmtpd", "DNSBL"), two.get("ours", "Own")
    two.fleet("leave", "--yes")
    assert (two.get("qpsmtpd", "DNSBL"), two.get("ours", "Own")) == settings
    assert two.get("fleet", "status") == "disabled"
    assert [name for name in place.OF_A_MEMBER if two.path_of(name).exists()] == []
    assert two.contents()["layers"] == two.contents()["fleet"] == []
    gone = three.own()
    shown = one.fleet("remove", "three", "--yes").out
    assert "if three was stolen" in shown
    with gone.connect() as etcd, pytest.raises(DeniedError):
        etcd.put(f"/esm/{town.name}/s/three", "again")
    assert "esmith fleet leave --here" in three.fleet("leave", "--yes", code=6).err
    three.fleet("leave", "--here", "--yes")
    assert three.contents()["fleet"] == []
    assert one.fleet("remove", "three", "--yes", code=2).err.startswith("esmith: the fleet has no server 'three'")
    assert "this server knows of no nobody in it" in one.fleet("remove", "nobody", "--yes", code=2).out


def test_a_fleet_of_a_name_is_made_once(town: Town) -> None:
    """Who is in a fleet makes no other, and no other server makes one of the same name."""
    one = town.found()
    assert "this server is in the fleet" in one.fleet(*town.init, code=2).err
    other = town.lead("other")
    before = other.contents()
    assert "which this server did not begin" in other.fleet(*town.init, code=2).err
    assert other.contents() == before
    assert one.revision() == one.own().head.number == 2


def test_init_shows_what_is_shared(town: Town) -> None:
    """A dry run of init names what would be shared and what stays, and changes nothing."""
    one = town.lead()
    before = one.contents(), sorted(one.path_of("").iterdir())
    shown = one.fleet(*town.init[:-1], "--dry-run").out
    shared, own = shown.split("only of this server")
    assert "qpsmtpd: DNSBL, RHSBL" in shared
    assert "SystemName" in own
    assert (one.contents(), sorted(one.path_of("").iterdir())) == before
    assert "nobody can be asked" in one.fleet(*town.init[:-1], code=2).err


def _fill(server: Server, records: int, length: int) -> None:
    with opened(server.path) as store, store.transaction(AUTHOR) as transaction:
        for number in range(records):
            transaction.set_type("big", f"k{number}", "thing")
            for prop in range(10):
                transaction.set_prop("big", f"k{number}", f"p{prop}", "x" * length)


@pytest.mark.parametrize(
    ("records", "length"), [(90, 700), pytest.param(1000, 60, marks=pytest.mark.long)], ids=["blobs", "10,000"]
)
def test_a_large_server(town: Town, records: int, length: int) -> None:
    """A server whose settings need blobs becomes the first of a fleet, and another one gets them."""
    one = town.lead()
    _fill(one, records, length)
    one.fleet(*town.init)
    two = town.join(one, "two")
    assert two.contents()["big"] == one.contents()["big"]
    assert two.contents()["layers"] == one.contents()["layers"]


def test_a_broken_token(town: Town) -> None:
    """A token that was not copied as it is is refused, with what is wrong with it."""
    one, two = town.found(), town.server("two")
    token = town.invite(one, "two").text()
    other = "A" if token[300] != "A" else "B"
    broken = {
        token[:200]: "not complete",
        token[:300] + other + token[301:]: "checksum",
        "": "no invitation",
        token + token: "invitation",
    }
    for text, message in broken.items():
        assert message in two.fleet("join", "--yes", stdin=text, code=2).err
    file = two.write("/token", token)
    answer = two.fleet("join", "--dry-run", "--token-file", str(file))
    assert "this one becomes two in it" in answer.out
    assert "may have seen the token" in two.fleet("join", "--dry-run", Invitation.read(token).line()).err
    assert "cannot be read" in two.fleet("join", "--token-file", "/nosuch", code=2).err


def test_a_token_counts_once_and_for_a_time(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is of no use to a second server, when a newer one was made, or when its time is over."""
    one = town.found()
    old = one.fleet("invite", "two").out
    token = one.fleet("invite", "two").out
    two, thief = town.server("two"), town.server("thief")
    # A newer invitation gives the user in etcd another password.
    assert "a newer invitation may have taken the place" in two.fleet("join", "--yes", stdin=old, code=6).err
    two.fleet("join", "--yes", stdin=token)
    assert "the invitation has been used" in thief.fleet("join", "--yes", stdin=token, code=2).err
    assert thief.revision() == 0
    assert "two is in the fleet already" in one.fleet("invite", "two", code=2).err
    invitation = Invitation.read(one.fleet("invite", "late", "--hours", "1").out)
    monkeypatch.setattr(time, "time", lambda: invitation.until + 1.0)
    late = town.server("late")
    with opened(late.path) as store, pytest.raises(UsageError, match="has ended"):
        Joining(late.layout, store, invitation, AUTHOR).join()
    assert late.revision() == 0


def test_rights(town: Town) -> None:
    """A member's user writes its own status and answers, not another's, and no user's rights."""
    one = town.found()
    town.join(one, "two")
    own = town.servers[1].own()
    with own.connect() as etcd:
        etcd.put(f"/esm/{town.name}/s/two", "{}")
        etcd.put(f"/esm/{town.name}/a/two/000000000001", "{}")
        for key in (f"/esm/{town.name}/s/one", f"/esm/{town.name}/a/one/000000000001", "/esm/other/head"):
            with pytest.raises(DeniedError):
                etcd.put(key, "{}")
        with pytest.raises(DeniedError):
            etcd.access.user_set_password(place.user_of(town.name, "one"), "mine")


def test_who_was_removed_knows_it(town: Town) -> None:
    """The agent of a server that is removed sees that; status there says so, and it leaves without etcd."""
    one = town.found()
    two = town.join(one, "two")
    two.start_agent()
    one.fleet("remove", "two", "--yes")
    wait_for(lambda: "two" not in two.own().members, "two to see that it was removed")
    shown = two.fleet("status", code=13).out
    assert "two: is not in the fleet any more; its settings stay\n" in shown
    # One that knows nothing of the others any more names no cure for them.
    assert "one: has not reported yet" not in shown
    two.fleet("leave", "--yes")
    assert (two.contents()["fleet"], two.get("qpsmtpd", "DNSBL")) == ([], "disabled")


def test_a_member_joins_no_more(town: Town) -> None:
    """A member that is given another invitation keeps its keys, its password and its settings."""
    one = town.found()
    two = town.join(one, "two")
    before = two.contents(), {path.name: path.read_bytes() for path in two.path_of("").iterdir()}
    invitation = town.invite(one, "other")
    with opened(two.path) as store, pytest.raises(UsageError, match="is in the fleet"):
        Joining(two.layout, store, invitation, AUTHOR).join()
    assert (two.contents(), {path.name: path.read_bytes() for path in two.path_of("").iterdir()}) == before


def test_only_the_first_server_invites(town: Town) -> None:
    """Another member is sent to the first server, for invitations and for removing."""
    one = town.found()
    two = town.join(one, "two")
    for words in (("invite", "three"), ("remove", "one", "--yes")):
        assert "only one, the first server of the fleet" in two.fleet(*words, code=2).err
