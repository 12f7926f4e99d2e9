"""TLS, users and rights of etcd, with a real member that wants certificates."""

from __future__ import annotations

import contextlib
import http.client
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.errors import StoreError
from esmith.fleet.etcd import session
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.errors import AwayError, DeniedError, RefusedByEtcdError
from esmith.fleet.etcd.operations import delete, get, prefix_end, put
from esmith.fleet.etcd.tls import Tls
from esmith.fleet.etcd.wire import Wire
from tests.fleet.cluster import PATIENCE, Cluster, Options, client_context
from tests.fleet.etcd.impostor import refusing
from tests.fleet.etcd_certificates import Files, make_files
from tests.programs import require

pytestmark = pytest.mark.program("etcd")
_ROOT = "of root"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One member that wants certificates and knows users: root, and ``reader`` and ``writer`` of /shared/."""
    require(["etcd"])
    with Cluster(tmp_path_factory.mktemp("guarded"), 1, Options(tls=True)) as cluster:
        with Etcd(cluster.endpoints, tls=_tls(cluster), user="root", password=_ROOT) as etcd:
            access = etcd.access
            assert access.user_add("root", _ROOT)
            assert access.role_add("root")
            assert access.user_grant("root", "root")
            for name, kind in (("reader", "READ"), ("writer", "READWRITE")):
                access.user_add(name, f"of {name}")
                access.role_add(f"{name}s")
                access.role_grant(f"{name}s", "/shared/", prefix_end("/shared/"), kind)  # type: ignore[arg-type]
                access.user_grant(name, f"{name}s")
            access.auth_enable()
            # The same client goes on, with a token from now on.
            assert access.users() == ["reader", "root", "writer"]
        yield cluster


def _tls(cluster: Cluster, files: Files | None = None) -> Tls:
    files = files or cluster.files
    assert files is not None
    return Tls(str(files.ca), str(files.client), str(files.client_key))


def _as(cluster: Cluster, user: str, password: str = "") -> Etcd:
    return Etcd(cluster.endpoints, tls=_tls(cluster), user=user, password=password or f"of {user}")


def test_rights_are_those_of_the_user(guarded: Cluster) -> None:
    """Who may read only cannot write, who may write cannot write elsewhere, and what is denied has not happened."""
    reader, writer, root = (_as(guarded, name) for name in ("reader", "writer", "root"))
    writer.put("/shared/a", "1")
    assert reader.range("/shared/a").rows[0].value == b"1"
    for call in (
        lambda: reader.put("/shared/a", "2"),
        lambda: reader.txn([], [delete("/shared/a")]),
        lambda: writer.put("/other", "2"),
        lambda: writer.txn([], [put("/shared/a", "2"), put("/other", "2")]),
        lambda: writer.txn([], [put("/shared/a", "2"), get("/other")]),
        lambda: writer.delete(b"\0", b"\0"),
        lambda: reader.range("/", prefix_end("/")),
        lambda: reader.watch("/", 1),
        lambda: writer.access.user_add("other", "x"),
        lambda: writer.access.role_grant("writers", b"\0", b"\0", "READWRITE"),
    ):
        with pytest.raises(DeniedError):
            call()
    assert root.range("/", prefix_end("/")).total == 1
    assert reader.range("/shared/a").rows[0].value == b"1"


@pytest.mark.parametrize("user", ["", "nobody", "writer"])
def test_a_wrong_user_is_denied(guarded: Cluster, user: str) -> None:
    """Without a user, with an unknown one and with a wrong password nothing is read or written."""
    client = _as(guarded, user, "wrong")
    for call in (
        lambda: client.get("/shared/a"),
        lambda: client.put("/shared/a", "x"),
        lambda: client.watch("/shared/", 1),
    ):
        with pytest.raises(DeniedError) as caught:
            call()
        assert "wrong" not in str(caught.value)


def test_a_token_is_asked_for_once(guarded: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred calls ask for one token: the password is slow to look at."""
    asked: list[float] = []
    real = session.Session._authenticate

    def authenticate(self: session.Session, wire: Wire, end: float) -> str:
        asked.append(end)
        return real(self, wire, end)

    monkeypatch.setattr(session.Session, "_authenticate", authenticate)
    client = _as(guarded, "writer")
    for _n in range(50):
        client.put("/shared/b", "1")
    assert len(asked) == 1


def test_a_token_can_be_asked_for_with_more_patience(guarded: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who logs in first needs no token in the next call; a wrong password and endpoints that are away are errors."""
    client = _as(guarded, "writer")
    with refusing() as away, pytest.raises(AwayError, match=away):
        Etcd([away], user="writer").log_in()
    with pytest.raises(DeniedError):
        _as(guarded, "writer", "wrong").log_in()
    client.log_in()
    monkeypatch.setattr(session.Session, "_authenticate", None)
    client.put("/shared/f", "1")


def test_a_token_that_the_member_forgot_is_renewed(guarded: Cluster) -> None:
    """Reads, writes and watches go on after a member was restarted, which forgets its tokens, and after nonsense."""
    client = _as(guarded, "writer")
    client.put("/shared/c", "1")
    guarded.members[0].restart()
    client.put("/shared/c", "2")
    for call in (lambda: client.put("/shared/c", "3"), lambda: client.get("/shared/c")):
        client._session._token = "nonsense.1"
        call()
    client._session._token = "nonsense.1"
    with client.watch("/shared/c", client.put("/shared/c", "4")) as watch:
        batch = watch.next(PATIENCE)
    assert batch is not None
    client._session._token = "nonsense.1"
    with client.watch("/shared/c", batch.resume - 1) as watch:
        assert watch.next(PATIENCE) == batch


def test_who_is_deleted_is_denied(guarded: Cluster) -> None:
    """A deleted user, and one whose password was changed, are denied although they had a token."""
    root = _as(guarded, "root")
    root.access.user_add("guest", "of guest")
    root.access.user_grant("guest", "writers")
    guest = _as(guarded, "guest")
    guest.put("/shared/d", "1")
    root.access.user_set_password("guest", "another")
    with pytest.raises(DeniedError):
        guest.put("/shared/d", "2")
    guest = _as(guarded, "guest", "another")
    guest.put("/shared/d", "3")
    assert root.access.user_delete("guest")
    with pytest.raises(DeniedError):
        guest.put("/shared/d", "4")
    assert root.range("/shared/d").rows[0].value == b"3"


def test_users_and_roles_can_be_made_again(guarded: Cluster) -> None:
    """What is there already is left as it is, and what is not there is no error when it is removed."""
    access = _as(guarded, "root").access
    assert not access.user_add("writer", "of nobody")
    assert not access.role_add("writers")
    access.user_grant("writer", "writers")
    access.role_grant("writers", "/shared/", prefix_end("/shared/"), "READWRITE")
    assert access.user_roles("writer") == ["writers"]
    assert access.roles() == ["readers", "root", "writers"]
    assert (access.user_delete("nobody"), access.role_delete("nobodies")) == (False, False)
    assert (access.user_revoke("writer", "readers"), access.user_revoke("writer", "writers")) == (False, True)
    access.user_grant("writer", "writers")
    _as(guarded, "writer").put("/shared/e", "1")
    with pytest.raises(RefusedByEtcdError, match="user name not found"):
        access.user_grant("nobody", "writers")


def test_the_certificate_of_a_member_gives_nobody_its_rights(guarded: Cluster) -> None:
    """Who leaves out the header Accept is taken for the member itself: its certificate must name no user."""
    assert guarded.files is not None
    port, context = guarded.members[0].port, client_context(guarded.files)
    for headers in ({}, {"Accept": "*/*"}):
        with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", port, context=context)) as connection:
            connection.request("POST", "/v3/auth/user/list", "{}", headers)
            answer = connection.getresponse()
            assert (answer.status, b"etcdserver: user name is empty" in answer.read()) == (400, True)


def test_another_authority_is_not_believed(guarded: Cluster, tmp_path: Path) -> None:
    """A member whose certificate another authority signed gets no password, and a foreign client no answer."""
    other = make_files(tmp_path)
    assert guarded.files is not None
    with pytest.raises(AwayError, match="its certificate is not accepted here"):
        Etcd(guarded.endpoints, tls=_tls(guarded, other), user="root", password=_ROOT).get("a")
    stranger = Tls(str(guarded.files.ca), str(other.client), str(other.client_key))
    for call in ("get", "delete"):
        with pytest.raises(AwayError, match="it does not accept the certificate of this host") as caught:
            getattr(Etcd(guarded.endpoints, tls=stranger), call)("a")
        assert not caught.value.is_doubtful
    (health,) = Etcd(guarded.endpoints, tls=stranger).health()
    assert [trouble.kind for trouble in health.troubles] == ["certificate"]


def test_a_certificate_with_a_common_name_is_explained(guarded: Cluster, tmp_path: Path) -> None:
    """etcd's refusal of a client's certificate with a common name comes with the cure, and nothing happened."""
    assert guarded.files is not None
    files = make_files(tmp_path, of=guarded.files, client_name="mx1")
    with pytest.raises(DeniedError, match="common name") as caught:
        Etcd(guarded.endpoints, tls=_tls(guarded, files)).put("a", "b")
    assert "make one without" in caught.value.hint


def test_certificates_that_cannot_be_read_are_named(guarded: Cluster, tmp_path: Path) -> None:
    """A missing file, one that is no certificate, and a key of another are errors with the place, and no traceback."""
    assert guarded.files is not None
    good = _tls(guarded)
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(make_files(other).client_key, tmp_path / "other.key")
    for tls in (
        Tls("/missing", good.certificate, good.key),
        Tls(str(nonsense), good.certificate, good.key),
        Tls(good.ca, str(nonsense), good.key),
        Tls(good.ca, good.certificate, str(tmp_path / "other.key")),
        Tls(good.ca, good.certificate, "/missing"),
    ):
        with pytest.raises(StoreError) as caught:
            Etcd(guarded.endpoints, tls=tls)
        assert caught.value.place in (tls.ca, tls.certificate)
