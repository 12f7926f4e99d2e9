"""``esmith fleet certificates``: the folders for the servers of etcd, and an etcd that starts with one."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from esmith.errors import UsageError
from esmith.fleet.admin.etcd_servers import EtcdServer, servers_of
from esmith.fleet.place import OF_A_MEMBER
from tests.fleet.cluster import wait_for
from tests.fleet.commands.kit import Server
from tests.fleet.proxies import free_port
from tests.programs import path_of


def _settings(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.program("etcd")
def test_etcd_starts_with_them(tmp_path: Path) -> None:
    """An etcd that reads the file of settings takes the first server, which has it ask for passwords; twice is well."""
    one, out = Server(tmp_path / "one", "one"), tmp_path / "etcd"
    words = [f"mail=127.0.0.1:{free_port()}:{free_port()}", "--place", "", "--data", str(tmp_path / "{name}.data")]
    shown = one.fleet("certificates", "--out", str(out), *words).out
    endpoint = _settings(out / "mail/etcd")["ETCD_ADVERTISE_CLIENT_URLS"]
    init = f"when it runs, here:\n    esmith fleet init --name NAME --endpoints {endpoint}\n"
    assert shown.endswith("then start etcd on mail, each with the settings in its folder\n" + init)
    environment = {"PATH": os.environ["PATH"], **_settings(out / "mail/etcd")}
    etcd = ["setpriv", "--pdeathsig", "KILL", path_of("etcd")]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(etcd, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            words_of_init = ("init", "--name", "f", "--endpoints", endpoint, "--yes")
            wait_for(lambda: one.fleet(*words_of_init, code=None).code == 0, "etcd to take the fleet")
            assert one.revision() == 2
            # Passwords that nobody guesses are looked at quickly: the lowest cost of bcrypt.
            data = tmp_path / "mail.data/member/snap/db"
            wait_for(lambda: b"$2a$04$" in data.read_bytes(), "the password in the data of etcd")
            # Renewed by the same authority.
            before = {name: (out / "mail" / name).read_bytes() for name in ("ca.pem", "etcd.pem")}
            shown = one.fleet("certificates", "--out", str(out), *words).out
            assert shown.endswith(" healthy again:\n    systemctl restart etcd\n")
            assert "fleet init" not in shown
            assert (out / "mail/ca.pem").read_bytes() == before["ca.pem"]
            assert (out / "mail/etcd.pem").read_bytes() != before["etcd.pem"]
            one.fleet("certificates", "--out", str(out), "--client", "one")
            for name in ("host.pem", "host.key"):
                one.path_of(name).write_bytes((out / "one" / name).read_bytes())
            assert one.fleet("history").code == 0
        finally:
            process.kill()


def test_what_is_written(tmp_path: Path) -> None:
    """Each server gets its own folder, with settings for the place where it is copied to; keys are for nobody else."""
    one, out = Server(tmp_path / "one", "one"), tmp_path / "etcd"
    shown = one.fleet(
        "certificates", "--out", str(out), "mail1=10.0.0.1", "mail2=[fd00::2]:1:2", "mail3=mx3.example.com"
    ).out
    assert "    etcd to /etc/default/etcd\n" in shown
    assert "then start etcd on mail1, mail2, mail3, where /var/lib/etcd/default has to be empty or missing:\n" in shown
    assert shown.rpartition("when most of them run, here:\n")[2].startswith("    esmith fleet init --name NAME ")
    first, second, third = (_settings(out / name / "etcd") for name in ("mail1", "mail2", "mail3"))
    assert first["ETCD_INITIAL_CLUSTER"] == second["ETCD_INITIAL_CLUSTER"]
    cluster = "mail1=https://10.0.0.1:2380,mail2=https://[fd00::2]:2,mail3=https://mx3.example.com:2380"
    assert first["ETCD_INITIAL_CLUSTER"] == cluster
    assert first["ETCD_PEER_CERT_FILE"] == first["ETCD_CERT_FILE"] == "/etc/etcd/etcd.pem"
    assert second["ETCD_LISTEN_CLIENT_URLS"] == "https://[fd00::2]:1"
    assert third["ETCD_LISTEN_CLIENT_URLS"] == "https://0.0.0.0:2379"
    assert (first["ETCD_CLIENT_CERT_AUTH"], first["ETCD_PEER_CLIENT_CERT_AUTH"]) == ("true", "true")
    modes = {name: stat.S_IMODE((out / "mail1" / name).stat().st_mode) for name in ("etcd.key", "etcd.pem")}
    assert modes == {"etcd.key": 0o600, "etcd.pem": 0o644}
    assert stat.S_IMODE(one.path_of("").stat().st_mode) == 0o700
    assert [path.name for path in one.path_of("").iterdir() if path.name in OF_A_MEMBER] == []
    other = Server(tmp_path / "other", "other")
    assert (
        "the authority's key is not on this server"
        in other.fleet("certificates", "--out", "x", "--client", "a", code=2).err
    )
    assert "name the servers" in other.fleet("certificates", "--out", "x", code=2).err


@pytest.mark.parametrize(
    "words",
    [["a"], ["a="], ["a=b_c"], ["A=10.0.0.1"], ["a=10.0.0.1", "a=10.0.0.2"], ["a=10.0.0.1", "b=10.0.0.1"]]
    + [["a=10.0.0.1:0"], ["a=10.0.0.1:x"], ["a=10.0.0.1:1:2:3"], ["a=[::1"], ["a=[::1]1"], ["a=10.0.0.1:1:1"]],
    ids=" ".join,
)
def test_wrong_words(words: list[str]) -> None:
    """A server of etcd without an address, with one that cannot be, or at the place of another is refused."""
    with pytest.raises(UsageError):
        servers_of(words)


def test_words() -> None:
    """An address may have the port for clients, and that for the other servers."""
    assert servers_of(["a=::1", "b=[::2]:5", "c=mx:6:7"]) == [
        EtcdServer("a", "::1", 2379, 2380),
        EtcdServer("b", "::2", 5, 2380),
        EtcdServer("c", "mx", 6, 7),
    ]
